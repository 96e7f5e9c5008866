// Package apt is the remote for archives of Debian packages, as apt reads them:
// the suites of one archive, over http, https or from a local folder.
//
// # What a capture is
//
// The root documents of all suites (InRelease, Release, Release.gpg) are read
// first and kept byte for byte. They are verified by the configured keyrings as
// apt does it: at least one good signature, and none that is bad; unknown and
// expired keys, and signatures by weak algorithms, count for nothing. A Release
// file that is older than the newest checkpoint's, past its Valid-Until or dated
// in the future is refused.
//
// The indexes that the options choose are read by the strongest digest that
// Release gives, through by-hash where the archive offers it, in every
// compression that upstream has, and become part of the tree under their names
// and their by-hash names. Then the roots are looked at again: if one changed
// meanwhile, all are captured anew. So a tree is never mixed of two generations.
//
// Packages and Sources indexes are parsed, as streams, from their best
// compression; they give the files of the pool, by SHA-256. A file for which
// upstream gives only a SHA-512 (or, if allowed, only weaker digests) is read
// while the capture is made, since its name in the store is its SHA-256.
//
// Where the newest checkpoint has an index already, it is read from the store:
// an archive that did not change costs one conditional request a suite.
//
// # What is in the tree
//
// Whatever is there upstream of: Packages (and udebs), Sources, Contents,
// Translation, dep11, cnf, installer images, pdiffs, as far as the options want
// them. Documents that Release lists and upstream does not have, as is normal of
// uncompressed ones, are left out. The signed documents list what was left out
// as well: a client that asks for it gets 404.
//
// Sources: https://wiki.debian.org/DebianRepository/Format, deb822(5),
// sources.list(5), apt-secure(8).
package apt

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

type upstream struct {
	options Options
	suites  []suiteName
	filter  *filter // nil: all packages
	keys    *keyring
	client  *fetch.Client
	log     *slog.Logger
	now     func() time.Time
	warned  sync.Once
}

// New makes the remote. It reads keyrings, certificates and the environment, and
// connects to nothing. An error names the option. The captures of a remote share
// its limits.
func New(opts Options, env fetch.Env) (remote.Remote, error) {
	r, err := newUpstream(opts, env)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func newUpstream(opts Options, env fetch.Env) (*upstream, error) {
	base, suites, err := opts.check()
	if err != nil {
		return nil, err
	}
	r := &upstream{options: opts, suites: suites, log: env.Log, now: time.Now}
	if env.Now != nil {
		r.now = env.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.filter, err = newFilter(opts.Packages); err != nil {
		return nil, err
	}
	if r.keys, err = readKeyrings(opts.SignedBy, opts.AllowExpiredKeys); err != nil {
		return nil, err
	}
	if r.client, err = fetch.New(base, opts.Options, env); err != nil {
		return nil, err
	}
	return r, nil
}

// Capture implements remote.Remote.
func (r *upstream) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	if r.keys == nil && r.options.Verify != "off" {
		r.warned.Do(func() {
			r.log.Warn("signatures are not checked: no keyring is configured (signed_by)", "url", r.where())
		})
	}
	c, err := r.capture(ctx, prev)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (r *upstream) where() string { return fetch.Redact(r.client.URL("")) }

// Package apt is the remote for Debian package archives. It captures suites of one
// archive over HTTP, HTTPS or from a local folder.
//
// # How a capture works
//
// First it reads the root documents of all suites (InRelease, Release, Release.gpg) and
// keeps them byte for byte. It verifies them with the configured keyrings; see package
// signature. It refuses a Release file that is older than the newest checkpoint's, past
// its Valid-Until, or dated in the future.
//
// It checks that the suites have the components and architectures that the options name.
//
// Then it downloads the indexes that the options choose. It takes every compression that
// upstream has, uses by-hash paths if the archive offers them, and checks every strong
// digest that Release lists. The tree contains the indexes under their names and their
// by-hash names. After the download it checks the roots again. If one has changed, the
// whole capture starts over, so a tree never mixes two generations.
//
// It parses Packages and Sources as streams, from the compression that apt prefers. They
// list the files of the pool by SHA-256. The store names a file by its
// SHA-256, so if upstream gives only a SHA-512 (or, if allowed, a weaker digest), the
// capture has to read the file.
//
// Indexes that the newest checkpoint already has come from the store. An unchanged
// archive costs one conditional request per suite. Compressed indexes that upstream lists
// and did not have are asked for again.
//
// # What is in the tree
//
// Everything that upstream has and the options choose: Packages (and udebs), Sources,
// Contents, Translation, dep11, cnf, installer images and pdiffs. Release often lists
// documents that upstream does not have, such as uncompressed indexes. The tree leaves
// them out. The signed documents still list everything, so a client that asks for
// something left out gets 404.
//
// # Errors in archives
//
// Most of what documents say does not matter for a capture, and what does not matter
// can't fail it. Filters and options come first. Unreadable data is skipped with a
// warning, and only the check that needed it is skipped. If entries contradict each
// other, the one that matches upstream's bytes wins. We accept every archive that apt
// accepts, except for names that lead out of the archive.
//
// A missing or wrong file may be right a moment later. The error is then remote.ErrMoved
// and the publisher captures again. The remote remembers the root documents that it has
// seen. If they have not changed, the problem is lasting: the capture leaves out
// documents that clients can do without, and reports everything else at once in a
// remote.FaultsError.
//
// Sources: https://wiki.debian.org/DebianRepository/Format, deb822(5), sources.list(5),
// apt-secure(8).
package apt

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/signature"
)

type upstream struct {
	options Options
	suites  []suiteName
	filter  *filter            // nil: all packages
	keys    *signature.Keyring // nil: signatures are not checked
	client  *fetch.Client
	log     *slog.Logger
	now     func() time.Time
	warned  sync.Once
	memory  mirror.Memory
	said    mirror.Said
}

// New makes the remote. It reads keyrings, certificates and the environment, but connects
// to nothing. Errors name the option. All captures of one remote share its limits.
func New(opts Options, env fetch.Env) (remote.Remote, error) {
	r, err := newUpstream(opts, env)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func newUpstream(opts Options, env fetch.Env) (*upstream, error) {
	base, suites, invalid := opts.check()
	env = env.WithDefaults()
	r := &upstream{options: opts, suites: suites, log: env.Log, now: env.Now}
	var filterErr, keysErr, clientErr error
	r.filter, filterErr = newFilter(opts.Packages)
	r.keys, keysErr = signature.Read(opts.SignedBy, opts.AllowExpiredKeys)
	r.client, clientErr = fetch.New(base, opts.Options, env)
	if err := errors.Join(invalid, filterErr, option.Wrap("signed_by", keysErr), clientErr); err != nil {
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

func (r *upstream) where() string { return r.urlOf("") }

// urlOf returns a file's URL for messages, without credentials.
func (r *upstream) urlOf(path string) string { return fetch.Redact(r.client.URL(path)) }

// Package rpm is the remote for RPM repositories, as dnf and zypper read them. It captures
// one or several repositories below one URL, over HTTP, HTTPS or from a local folder.
//
// # How a capture works
//
// First it reads repomd.xml of each repository, with the signature and the key beside it,
// and keeps them byte for byte. It verifies the signature with the configured keyrings;
// see package signature. repomd.xml is the only root document: it commits, by digests, to
// all metadata, and primary.xml in these to all packages.
//
// Then it gets every file that repomd.xml lists, whatever its type, as zypper asks for
// types that nobody knows. What the newest checkpoint already has comes from the store. It
// parses primary.xml as a stream. The store names a file by its SHA-256, so if upstream
// gives only another digest, the capture has to read the package, unless the newest
// checkpoint has it under the same digest.
//
// With a list of mirrors, one of them is chosen for the whole capture: the first that has
// the newest repomd.xml that the metalink names. Others are asked for single files.
//
// All bytes are bound to the repomd.xml that was read first, so nothing has to be read
// again at the end. Only several repositories of one checkpoint are checked once more, so
// that they belong together.
//
// # Errors in repositories
//
// What real clients accept is captured: documents without a namespace, missing sizes, one
// package listed twice, two packages of one name and version. What would make a checkpoint
// differ from what clients of upstream see is refused by its place: locations on other
// servers or out of the tree, a path with two digests, digests of an unknown type.
//
// A missing or wrong file may be right a moment later. The error is then remote.ErrMoved
// and the publisher captures again. If repomd.xml is still the same, the problem is
// lasting, and everything that is missing or wrong is reported at once in a
// remote.FaultsError.
//
// Sources: see package internal/rpm.
package rpm

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/signature"
)

type upstream struct {
	options Options
	dirs    []string           // of the repositories in the tree; each is empty or ends in a slash
	keys    *signature.Keyring // of metadata; nil: signatures are not checked

	packageKeys *signature.Keyring // nil: those in packages are not checked
	list        *url.URL           // of mirrors; nil: URL is the only place
	client      *fetch.Client      // of URL or list
	gates       *retry.Gates       // of mirrors
	log         *slog.Logger
	now         func() time.Time
	warned      sync.Once
	memory      mirror.Memory
	proven      atomic.Bool // the list of mirrors that was read last proves which repomd.xml is right
	said        mirror.Said
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
	base, dirs, invalid := opts.check()
	env = env.WithDefaults()
	r := &upstream{options: opts, dirs: dirs, gates: env.Gates.Impatient(mirrorPatience), log: env.Log, now: env.Now}
	if opts.URL == "" {
		r.list = base
	}
	var filterErr, keysErr, clientErr error
	_, filterErr = newFilter(opts.Packages)
	r.keys, keysErr = signature.Read(opts.SignedBy, opts.AllowExpiredKeys)
	if opts.VerifyPackages {
		r.packageKeys = r.keys
	}
	if opts.Verify == "off" {
		r.keys = nil
	}
	r.client, clientErr = fetch.New(base, opts.Options, env)
	if err := errors.Join(invalid, filterErr, option.Wrap("signed_by", keysErr), clientErr); err != nil {
		return nil, err
	}
	return r, nil
}

// Capture implements remote.Remote.
func (r *upstream) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	if r.unchecked() && !r.options.trustsList() {
		r.warned.Do(func() {
			r.log.Warn("signatures are not checked: no keyring is configured (signed_by)", "url", r.urlOf(r.client))
		})
	}
	c, err := r.captureBest(ctx, prev)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// unchecked reports whether there are no keys although signatures should be checked.
func (r *upstream) unchecked() bool { return r.keys == nil && r.options.Verify != "off" }

// urlOf returns the URL of a place for messages, without credentials.
func (r *upstream) urlOf(place *fetch.Client) string {
	if r.list != nil && place == r.client {
		return fetch.Redact(r.list)
	}
	return fetch.Redact(place.URL(""))
}

// Package file is the remote for plain files that a PULP_MANIFEST lists, over
// http, https or from a local folder. Package pulp says what a manifest is.
//
// The manifest is the tree's root document, byte for byte as it came, under the
// last segment of its URL. The other files stand below the folder of the URL from
// which the manifest came in the end, see [fetch.Client.Below]: where a moving
// name redirects to one state, all files are of that state.
//
// If a file is missing or wrong, upstream may be changing, and the publisher captures it
// again. If the manifest is still the same, the fault lasts, see [remote.Lasting].
package file

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/pulp"
)

// Options are the remote's settings, as the configuration file spells them.
type Options struct {
	// URL is the manifest's: http, https or file, without credentials.
	// Required. A query is sent for the manifest only.
	URL string `yaml:"url"`

	// Missing says what to do if upstream does not have a listed file.
	Missing mirror.Missing `yaml:"missing" default:"fail" allowed:"fail, skip"`

	fetch.Options `yaml:",inline"`
}

type upstream struct {
	url    *url.URL       // of the manifest
	name   string         // of the manifest, in the tree
	policy mirror.Missing // for files that are missing
	client *fetch.Client
	log    *slog.Logger
	memory mirror.Memory
}

// New makes the remote. It reads certificates and the environment, and connects
// to nothing. The error has all that is wrong, as [option.Errors]. The captures of
// a remote share its limits.
func New(opts Options, env fetch.Env) (remote.Remote, error) {
	var name string
	u, urlErr := fetch.ParseURL(opts.URL)
	if urlErr == nil {
		name, urlErr = documentName(u)
	}
	env = env.WithDefaults()
	client, err := fetch.New(u, opts.Options, env)
	if err := errors.Join(option.Wrap("url", urlErr), option.Check(opts), err); err != nil {
		return nil, err
	}
	return &upstream{url: u, name: name, policy: opts.Missing, client: client, log: env.Log}, nil
}

func documentName(u *url.URL) (string, error) {
	escaped := u.EscapedPath()
	name, err := url.PathUnescape(escaped[strings.LastIndexByte(escaped, '/')+1:])
	switch {
	case err != nil || strings.Contains(name, "/"):
		return "", errors.New("its last segment can't be a file's name")
	case name == "":
		return "", errors.New("names a folder, not the manifest in it (…/PULP_MANIFEST)")
	}
	return name, manifest.CheckPath(name)
}

// Capture implements remote.Remote. The manifest tells all, so it has no use for
// the newest checkpoint.
func (r *upstream) Capture(ctx context.Context, _ remote.Previous) (remote.Capture, error) {
	var c *capture
	err := r.client.Retry(ctx, func(ctx context.Context) (err error) {
		c, err = r.capture(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (r *upstream) capture(ctx context.Context) (*capture, error) {
	resp, err := r.client.Get(ctx, r.url, -1)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	where := fetch.Redact(r.url)
	if last := fetch.Redact(resp.Way[len(resp.Way)-1]); last != where {
		where += ": redirected to " + last // it may be a page to log in
	}
	if resp.Size > pulp.MaxDocument {
		return nil, &remote.InputError{Where: where, Err: fmt.Errorf("has %d bytes, more than %d", resp.Size, pulp.MaxDocument)}
	}
	doc, err := pulp.Parse(resp.Body, where, r.name)
	if err != nil {
		return nil, err
	}
	if doc.Quoted > 0 {
		r.log.Warn("paths in quotes are read as CSV; Pulp 3 takes the quotes for part of the name", "url", where, "line", doc.Quoted)
	}
	doc.Root().Modified = resp.Modified
	c := &capture{upstream: r, client: r.client.Below(r.name, resp.Way), doc: doc, modified: resp.Modified}
	c.lasting = r.memory.Saw("", doc.Root().SHA256)
	c.leaveOut()
	return c, nil
}

// Package file is the remote for plain files that a PULP_MANIFEST lists, over
// http, https or from a local folder.
//
// The manifest is text, one file a line:
//
//	relative_path,sha256,size
//
// The path is relative to the manifest's folder and ends at the second comma
// from the right, so it may hold commas; sha256 is 64 hexadecimal digits of
// either case; size is a decimal number of bytes without sign or leading zeros,
// at most manifest.MaxSize. White space around a line, CRLF, empty lines and
// lines that begin with # are skipped. Paths are those of manifest.CheckPath;
// none twice, none below another, and not the manifest's own. An example:
//
//	# nightly images
//	images/disk 1, signed.iso,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,4
//
// One bad line fails the whole capture, by its number. The bounds are
// [MaxDocument], [MaxLines] and [MaxLine].
//
// A file's URL is the manifest's, up to the last slash, and the path,
// percent-encoded. The manifest itself is the tree's root document, byte for
// byte as it came, under the last segment of its URL.
package file

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// Options are the remote's settings, as the configuration file spells them.
type Options struct {
	// URL is the manifest's: http, https or file, without credentials.
	// Required. A query is sent for the manifest only.
	URL string `mapstructure:"url"`

	fetch.Options `mapstructure:",squash"`
}

type upstream struct {
	url    *url.URL // of the manifest
	name   string   // of the manifest, in the tree
	client *fetch.Client
}

// New makes the remote. It reads certificates and the environment, and connects
// to nothing. An error names the option. The captures of a remote share its
// limits.
func New(opts Options, env fetch.Env) (remote.Remote, error) {
	u, err := fetch.ParseURL(opts.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	name, err := documentName(u)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	client, err := fetch.New(u, opts.Options, env)
	if err != nil {
		return nil, err
	}
	return &upstream{url: u, name: name, client: client}, nil
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
	if resp.Size > MaxDocument {
		return nil, &remote.InputError{Where: where, Err: fmt.Errorf("has %d bytes, more than %d", resp.Size, MaxDocument)}
	}
	doc, err := parse(resp.Body, where, r.name)
	if err != nil {
		return nil, err
	}
	i := doc.root()
	doc.files[i].Modified = resp.Modified
	return &capture{upstream: r, doc: doc, modified: resp.Modified}, nil
}

// Package fetch reads documents and files from one upstream, over http, https
// or from a local folder (file URLs), within the limits that its options set:
// TLS, proxy, credentials, simultaneous requests, request rate, time-outs and
// redirects.
//
// Credentials, configured headers and the client certificate go to the
// upstream's own host only, never to where it redirects. Messages never hold a
// URL's credentials or query. A failure that a later try may mend is a
// [*remote.TemporaryError]; everything else is final. An error that the user
// can act on has a method Hint() string, found by errors.As.
package fetch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Client reads from one upstream. It is safe for concurrent use.
type Client struct {
	base *url.URL
	opts Options // with defaults
	log  *slog.Logger
	wait func(context.Context, time.Duration) error

	retried func(error)
	agent   string
	header  http.Header // secrets: for the upstream's own host only

	own   *http.Transport // presents the client certificate
	other *http.Transport
	slots chan struct{}
	limit *rate.Limiter
}

// Response is an open document. Its size and time are upstream's word.
type Response struct {
	// Body gives the bytes as they were sent. Close frees the request's place
	// among the simultaneous ones, as does reading to the end or an error.
	Body     io.ReadCloser
	Size     int64     // bytes; -1: not announced
	Modified time.Time // UTC; zero: not announced, not a valid time, or in the future
}

// Env is what a client takes from its surroundings. The zero value is usable.
type Env struct {
	Log       *slog.Logger                               // nil: silent
	LookupEnv func(name string) (string, bool)           // nil: os.LookupEnv
	UserAgent string                                     // empty: "asof"
	Wait      func(context.Context, time.Duration) error // pauses between tries; nil: by the clock
	Retried   func(error)                                // told of what is tried again; nil: nobody

	// Now is the time as of which documents and signatures are judged, which is
	// that of a snapshot while history is read; nil: time.Now.
	Now func() time.Time

	dial dialFunc // tests: connections in memory
}

func (e Env) withDefaults() Env {
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.LookupEnv == nil {
		e.LookupEnv = os.LookupEnv
	}
	if e.UserAgent == "" {
		e.UserAgent = "asof"
	}
	if e.Wait == nil {
		e.Wait = sleep
	}
	if e.Retried == nil {
		e.Retried = func(error) {}
	}
	return e
}

// New makes a client for the upstream at base, which comes from [ParseURL]: a
// document, or a folder by a slash at the end. It reads the certificates and
// the environment, and connects to nothing. An error names the option.
func New(base *url.URL, opts Options, env Env) (*Client, error) {
	env = env.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	c := &Client{base: base, opts: opts, log: env.Log, wait: env.Wait, retried: env.Retried, agent: env.UserAgent}
	if base.Scheme == "file" {
		return c, nil
	}
	var err error
	if c.header, err = secretHeader(opts, env.LookupEnv); err != nil {
		return nil, err
	}
	if c.own, c.other, err = newTransports(opts, env); err != nil {
		return nil, err
	}
	c.slots = make(chan struct{}, opts.Concurrency)
	if opts.RateLimit > 0 {
		c.limit = rate.NewLimiter(rate.Limit(opts.RateLimit), 1)
	}
	if base.Scheme == "http" && c.header.Get("Authorization") != "" {
		c.log.Warn("credentials are sent without encryption", "url", Redact(base))
	}
	return c, nil
}

// Close drops idle connections. The client stays usable.
func (c *Client) Close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
		c.other.CloseIdleConnections()
	}
}

// Get opens a document. With size 0 or more, an answer that announces another
// length is an error, a body that ends earlier fails with a temporary error,
// and one that goes on is cut off after size+1 bytes: enough for the caller to
// see that it is too long. With size -1 the caller sets the bound.
//
// A client of http or https also gets documents of other hosts; a client of a
// local folder gets only what stands in it.
func (c *Client) Get(ctx context.Context, u *url.URL, size int64) (*Response, error) {
	return c.GetSince(ctx, u, size, time.Time{})
}

// GetSince is Get for a document of which the caller has the version of a
// moment: the error is ErrNotModified if the upstream has no newer one. With
// the zero time, and for local folders, it opens the document in any case.
func (c *Client) GetSince(ctx context.Context, u *url.URL, size int64, since time.Time) (*Response, error) {
	resp, err := c.get(ctx, u, size, since)
	if err != nil {
		return nil, opError("get", u, err)
	}
	return resp, nil
}

func (c *Client) get(ctx context.Context, u *url.URL, size int64, since time.Time) (*Response, error) {
	if c.base.Scheme == "file" {
		return c.getLocal(ctx, u, size)
	}
	ex, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	ex.since = since
	resp, err := c.send(ex, http.MethodGet, u)
	if err != nil {
		ex.end()
		return nil, err
	}
	if err := checkSize(resp.ContentLength, size); err != nil {
		resp.Body.Close()
		ex.end()
		return nil, err
	}
	return &Response{
		Body:     newBody(ex, u, resp.Body, size),
		Size:     resp.ContentLength,
		Modified: lastModified(resp.Header),
	}, nil
}

// Modified asks for a document's modification time without reading the
// document. The time is zero if the upstream does not say or refuses to be
// asked in this way.
func (c *Client) Modified(ctx context.Context, u *url.URL) (time.Time, error) {
	_, t, err := c.Head(ctx, u)
	return t, err
}

// Head asks for a document's size in bytes, -1 if the upstream does not say,
// and for its modification time, as Modified does.
func (c *Client) Head(ctx context.Context, u *url.URL) (size int64, modified time.Time, err error) {
	size, modified, err = c.head(ctx, u)
	if err != nil {
		return -1, time.Time{}, opError("head", u, err)
	}
	return size, modified, nil
}

func (c *Client) head(ctx context.Context, u *url.URL) (int64, time.Time, error) {
	if c.base.Scheme == "file" {
		return c.headLocal(u)
	}
	ex, err := c.begin(ctx)
	if err != nil {
		return -1, time.Time{}, err
	}
	defer ex.end()
	resp, err := c.send(ex, http.MethodHead, u)
	if refusesHead(err) {
		return -1, time.Time{}, nil
	}
	if err != nil {
		return -1, time.Time{}, err
	}
	resp.Body.Close()
	return resp.ContentLength, lastModified(resp.Header), nil
}

func checkSize(got, want int64) error {
	if got < 0 || want < 0 || got == want {
		return nil
	}
	return &hintError{
		err:  &SizeError{got, want},
		hint: "the upstream may be in the middle of a change; try again later",
	}
}

// lastModified reads a header. A time that has not come yet is no help to
// anybody who later asks what changed.
func lastModified(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil || t.After(time.Now()) {
		return time.Time{}
	}
	return t.UTC()
}

// opError names the operation and its object, outside of a temporary error's
// wrapper or within it.
func opError(op string, u *url.URL, err error) error {
	return wrap(err, func(err error) error {
		return fmt.Errorf("%s %s: %w", strings.ToLower(op), Redact(u), err)
	})
}

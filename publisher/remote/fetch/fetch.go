// Package fetch reads documents and files from one upstream, over http, https
// or from a local folder (file URLs), within the limits that its options set:
// TLS, proxy, credentials, simultaneous requests, request rate, time-outs and
// redirects.
//
// Credentials, configured headers and the client certificate go to the
// upstream's own host only, never to where it redirects. Messages never hold a
// URL's credentials or query. While the upstream is away, requests wait for it at
// its [retry.Gate]. A failure that a later try may mend is a
// [*remote.TemporaryError]; everything else is final. An error that the user
// can act on has a method Hint() string, found by errors.As.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/asof/asof/internal/clock"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
)

// Client reads from one upstream. It is safe for concurrent use.
type Client struct {
	origin *url.URL // as it was configured
	base   *url.URL // in whose folder the files stand; other than origin: see Below
	opts   Options  // with defaults
	log    *slog.Logger
	gate   *retry.Gate // of the upstream: what all requests wait at while it is away

	agent   string
	accept  string      // the header Accept; empty: none
	header  http.Header // secrets: for the upstream's own host only
	foreign *hosts      // that the log has named
	clock   *clock.Server

	transports *transports
	slots      chan struct{}
	limit      *rate.Limiter
}

// Response is an open document. Its size and time are upstream's word.
type Response struct {
	// Body gives the document's bytes: what a server compressed for the transfer only
	// is unpacked. Where the connection breaks, it goes on with the rest, if the
	// server can. Close frees the request's place among the simultaneous ones, as
	// does reading to the end or an error.
	Body     io.ReadCloser
	Way      []*url.URL // what was asked, by redirects up to where the document came from
	Size     int64      // bytes; -1: not announced
	Modified time.Time  // UTC; zero: not announced, not a valid time, or in the future
	Type     string     // Content-Type, as it came; empty: not announced
	// Validator is for GetChanged; zero: the upstream gave none that proves anything.
	Validator remote.Validator
}

// Env is what a client takes from its surroundings. The zero value is usable.
type Env struct {
	Log       *slog.Logger                     // nil: silent
	LookupEnv func(name string) (string, bool) // nil: os.LookupEnv
	UserAgent string                           // empty: "asof"
	// Gates say how to wait for upstreams that are away. Clients that share them share
	// an upstream's gate. Nil: the client has one of its own, with the default patience.
	Gates *retry.Gates

	// Now is the time as of which documents and signatures are judged, which is
	// that of a snapshot while history is read; nil: time.Now.
	Now func() time.Time

	dial    dialFunc                        // tests: connections in memory
	pretend func(netip.AddrPort) netip.Addr // tests: the address that one stands for
}

// WithDefaults returns the environment with nothing left nil or empty.
func (e Env) WithDefaults() Env {
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.LookupEnv == nil {
		e.LookupEnv = os.LookupEnv
	}
	if e.UserAgent == "" {
		e.UserAgent = "asof"
	}
	if e.Gates == nil {
		e.Gates = retry.NewGates(retry.Options{Patience: retry.DefaultPatience, Log: e.Log})
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	return e
}

// New makes a client for the upstream at base, which comes from [ParseURL]: a
// document, or a folder by a slash at the end. If base is nil, it only checks the
// options. It reads the certificates and the environment, and connects to nothing.
// The error has all that is wrong, as [option.Errors].
func New(base *url.URL, opts Options, env Env) (*Client, error) {
	env = env.WithDefaults()
	invalid := opts.validate()
	if base == nil {
		base = new(url.URL)
	}
	opts = opts.withDefaults()
	c := &Client{
		origin: base, base: base, opts: opts, log: env.Log, gate: env.Gates.Gate(base.Scheme + "://" + base.Host), agent: env.UserAgent, foreign: &hosts{}, clock: &clock.Server{},
	}
	if c.Local() {
		return c, invalid
	}
	var headerErr, transportErr error
	c.header, headerErr = secretHeader(opts, env.LookupEnv)
	c.transports, transportErr = newTransports(base, opts, env)
	if err := errors.Join(invalid, headerErr, transportErr); err != nil {
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
	if c.transports != nil {
		c.transports.closeIdle()
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
	return c.open(ctx, u, size, remote.Validator{}, false)
}

// GetChanged is Get for a document of which the caller has a version: the error
// is a *NotModifiedError where the upstream proves that it is still the same. An answer
// that says so without proof is not believed, and the document is opened. So it is
// with the zero validator or another URL's, and for local folders. Caches on the way are
// told to ask the upstream, as apt and dnf tell them for documents that they begin with.
func (c *Client) GetChanged(ctx context.Context, u *url.URL, size int64, have remote.Validator) (*Response, error) {
	return c.open(ctx, u, size, have, true)
}

func (c *Client) open(ctx context.Context, u *url.URL, size int64, have remote.Validator, fresh bool) (*Response, error) {
	if have.URL != urlDigest(u) {
		have = remote.Validator{}
	}
	var resp *Response
	err := c.patiently(ctx, func() (err error) {
		resp, err = c.get(ctx, u, size, have, fresh)
		if errors.Is(err, errUnproven) {
			c.log.Debug("the upstream says without proof that a document did not change; it is read", "url", Redact(u))
			resp, err = c.get(ctx, u, size, remote.Validator{}, fresh)
		}
		return err
	})
	if err != nil {
		return nil, opError("get", u, err)
	}
	return resp, nil
}

func (c *Client) get(ctx context.Context, u *url.URL, size int64, have remote.Validator, fresh bool) (*Response, error) {
	if c.Local() {
		return c.getLocal(ctx, u, size)
	}
	ex, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	ex.have, ex.fresh = have, fresh
	resp, err := c.send(ex, http.MethodGet, u)
	if err != nil {
		ex.end()
		return nil, err
	}
	length, body, resume := resp.ContentLength, resp.Body, c.resumer(ex, u, resp.Header)
	if compressed(resp, size) {
		length, body, resume = -1, unzip(resp), nil
	}
	if err := checkSize(length, size); err != nil {
		resp.Body.Close()
		ex.end()
		return nil, err
	}
	return &Response{
		Body:      newBody(ex, u, body, size, resume),
		Way:       ex.way,
		Size:      length,
		Modified:  lastModified(resp.Header),
		Type:      resp.Header.Get("Content-Type"),
		Validator: validatorOf(u, resp.Header),
	}, nil
}

// Accepting is the same client, which asks for documents of some media types: the header Accept
// (RFC 9110, section 12.5.1).
func (c *Client) Accepting(types string) *Client {
	asking := *c
	asking.accept = types
	return &asking
}

// Own reports whether a URL is on the upstream's own host, where credentials go.
func (c *Client) Own(u *url.URL) bool {
	return c.Local() && u.Scheme == "file" || sameOrigin(c.origin, u)
}

// Local reports whether the upstream is a local folder.
func (c *Client) Local() bool { return c.base.Scheme == "file" }

// Date returns the time now by the clock of the upstream's own host. The result is false
// for a folder, and as long as no answer has told.
func (c *Client) Date() (now time.Time, host string, known bool) {
	now, known = c.clock.Now()
	return now, c.origin.Host, known
}

// Concurrency is how many requests there are at once, at most.
func (c *Client) Concurrency() int { return c.opts.Concurrency }

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
	err = c.patiently(ctx, func() (err error) {
		size, modified, err = c.head(ctx, u)
		return err
	})
	if err != nil {
		return -1, time.Time{}, opError("head", u, err)
	}
	return size, modified, nil
}

func (c *Client) head(ctx context.Context, u *url.URL) (int64, time.Time, error) {
	if c.Local() {
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
	if compressed(resp, -1) && !isGzip(resp) {
		return -1, lastModified(resp.Header), nil
	}
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

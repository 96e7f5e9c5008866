package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/publisher/remote"
)

// exchange is a request with its redirects and its body: what it holds from
// begin to end is one place among the simultaneous requests and a context that
// our time-outs cancel.
type exchange struct {
	parent context.Context // the caller's
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   time.Duration
	hints  network.Settings
	have   remote.Validator // of what the caller has; zero: the request is unconditional
	fresh  bool             // caches have to ask the upstream
	rest   rest             // what is asked for; zero: all of it
	way    []*url.URL       // what was asked
	end    func()           // any number of times
}

// begin waits for a place.
func (c *Client) begin(parent context.Context) (*exchange, error) {
	select {
	case c.slots <- struct{}{}:
	case <-parent.Done():
		return nil, context.Cause(parent)
	}
	ctx, cancel := context.WithCancelCause(parent)
	stop := func() bool { return true }
	if c.opts.TotalTimeout > 0 {
		late := &timeoutError{fmt.Sprintf("not finished after %v (total_timeout)", c.opts.TotalTimeout)}
		stop = time.AfterFunc(c.opts.TotalTimeout, func() { cancel(late) }).Stop
	}
	end := sync.OnceFunc(func() {
		stop()
		cancel(nil)
		<-c.slots
	})
	return &exchange{parent: parent, ctx: ctx, cancel: cancel, idle: c.opts.IdleTimeout, hints: c.opts.hints(), end: end}, nil
}

// watchdog ends the exchange when it is not stopped or reset in time.
func (ex *exchange) watchdog() *time.Timer {
	return time.AfterFunc(ex.idle, func() {
		ex.cancel(&timeoutError{fmt.Sprintf("no data for %v (idle_timeout)", ex.idle)})
	})
}

// send sends a request and follows redirects, by its own rules: not from https
// to http, with a bound, and with the secrets for the upstream's own host only.
// The answer is 200, or 206 for the rest of a document.
func (c *Client) send(ex *exchange, method string, u *url.URL) (*http.Response, error) {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("not an http or https URL")
	case u.Scheme == "http" && c.base.Scheme == "https":
		return nil, errors.New("not https, although the upstream is")
	}
	for hops := 0; ; hops++ {
		ex.way = append(ex.way, u)
		resp, err := c.sendOne(ex, method, u)
		if err != nil {
			err = ex.classify(err)
		} else if next, ok, e := redirect(resp, u); e != nil {
			err = e
		} else if !ok {
			if err = ex.rest.answered(resp); err == nil {
				return resp, nil
			}
			if resp.StatusCode == http.StatusNotModified && ex.have != (remote.Validator{}) {
				err = notModified(ex.have, resp.Header, ex.way)
			}
		} else if hops == c.opts.MaxRedirects {
			err = fmt.Errorf("more than %d redirects (max_redirects)", hops)
		} else {
			discard(ex, resp)
			if (next.Scheme != c.origin.Scheme || !sameOrigin(c.origin, next)) && c.foreign.add(next) {
				c.log.Info("redirected to a host or scheme that is not the configured one", "from", Redact(u), "to", Redact(next))
			}
			u = next
			continue
		}
		if resp != nil {
			discard(ex, resp)
		}
		if hops > 0 {
			return nil, wrap(err, func(err error) error {
				return fmt.Errorf("redirected to %s: %w", Redact(u), err)
			})
		}
		return nil, err
	}
}

func (c *Client) sendOne(ex *exchange, method string, u *url.URL) (*http.Response, error) {
	if c.limit != nil {
		if err := c.limit.Wait(ex.ctx); err != nil {
			return nil, &finalError{err}
		}
	}
	req, err := http.NewRequestWithContext(ex.ctx, method, u.String(), nil)
	if err != nil {
		return nil, &finalError{errors.New("not a valid URL")}
	}
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", c.agent)
	if c.accept != "" {
		req.Header.Set("Accept", c.accept)
	}
	setCondition(req.Header, ex.have)
	if ex.fresh {
		req.Header.Set("Cache-Control", "no-cache")
	}
	ex.rest.set(req.Header)
	own := sameOrigin(c.origin, u)
	if own {
		for name, values := range c.header {
			req.Header[name] = values
		}
	}
	transport, err := c.transports.choose(req, own)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		c.log.Debug("request failed", "method", method, "url", Redact(u), "error", err)
		return nil, err
	}
	if own {
		c.clock.Hear(began, time.Now(), resp.Header)
	}
	c.log.Debug("request", "method", method, "url", Redact(u), "status", resp.StatusCode, "took", time.Since(began).Round(time.Millisecond))
	return resp, network.Answered(resp)
}

// maxLocation bounds a redirect's URL in bytes: signed ones have some two thousand, and
// messages repeat its path.
const maxLocation = 8 << 10

// redirect reads where an answer leads to.
func redirect(resp *http.Response, from *url.URL) (to *url.URL, ok bool, err error) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, false, nil
	}
	status := statusText(resp.StatusCode)
	location := resp.Header.Get("Location")
	switch {
	case location == "":
		return nil, false, fmt.Errorf("%s without a location", status)
	case len(location) > maxLocation:
		return nil, false, fmt.Errorf("%s to a URL of %d bytes, more than %d", status, len(location), maxLocation)
	}
	to, err = from.Parse(location)
	switch {
	case err != nil: // its text may repeat a signature
		return nil, false, fmt.Errorf("%s to what is not a valid URL", status)
	case to.Scheme != "http" && to.Scheme != "https", to.Hostname() == "":
		return nil, false, fmt.Errorf("%s to what is not an http or https URL", status)
	case from.Scheme == "https" && to.Scheme == "http":
		return nil, false, fmt.Errorf("%s from https to http, to %s", status, Redact(to))
	}
	to.User, to.Fragment, to.RawFragment = nil, "", ""
	return to, true, nil
}

// discard reads a short body to its end, so that the connection can be used again.
func discard(ex *exchange, resp *http.Response) {
	defer ex.watchdog().Stop()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	resp.Body.Close()
}

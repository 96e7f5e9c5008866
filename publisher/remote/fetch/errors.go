package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/publisher/remote"
)

// StatusError is an answer other than 200. 404 and 410 match fs.ErrNotExist,
// as a missing local file does.
type StatusError struct{ Code int }

func (e *StatusError) Error() string { return statusText(e.Code) }

// Is implements the match with fs.ErrNotExist.
func (e *StatusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.Code == http.StatusNotFound || e.Code == http.StatusGone)
}

// NotModifiedError is the proof that a document is still the same.
type NotModifiedError struct {
	Way []*url.URL // as in Response
}

func (e *NotModifiedError) Error() string { return "not modified" }

// errUnproven is the answer that a document is still the same, without proof.
var errUnproven = errors.New("not modified, without proof")

// SizeError is an answer that announces another length than was expected.
type SizeError struct{ Got, Want int64 }

func (e *SizeError) Error() string { return fmt.Sprintf("has %d bytes, expected %d", e.Got, e.Want) }

// statusText does not repeat the upstream's own words.
func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

func statusError(resp *http.Response) error {
	err := error(&StatusError{resp.StatusCode})
	switch code := resp.StatusCode; {
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return &remote.TemporaryError{Err: err, After: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return &hintError{err, "credentials are given by username_env and password_env, by headers, or by client_cert"}
	}
	return err
}

// refusesHead reports an answer that says more about the method than about the
// document; signed URLs, for one, are signed for one method.
func refusesHead(err error) bool {
	if e, ok := errors.AsType[*StatusError](err); ok {
		switch e.Code {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return true
		}
	}
	return false
}

// retryAfter reads the header: seconds, or a date. 0: nothing that makes sense. Patience
// bounds it.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// classify tells what a later try may mend from what it can't.
func (ex *exchange) classify(err error) error {
	if ex.parent.Err() != nil {
		return context.Cause(ex.parent)
	}
	if late, ok := errors.AsType[*timeoutError](context.Cause(ex.ctx)); ok {
		return &remote.TemporaryError{Err: late}
	}
	if final, ok := errors.AsType[*finalError](err); ok {
		return final.err
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return &hintError{err, "a client certificate is given by client_cert and client_key"}
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() && strings.Contains(e.Error(), "response headers") {
		err = &timeoutError{fmt.Sprintf("no answer for %v (idle_timeout)", ex.idle)}
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the connection was closed without an answer")
	}
	if fault := network.Explain(err, ex.hints); fault != nil {
		if err = fault; !network.Heals(err, true) {
			return err
		}
	}
	return &remote.TemporaryError{Err: err}
}

// hints are those for an upstream.
func (o Options) hints() network.Settings {
	s := network.Settings{
		Authority: "an authority of one's own is trusted by ca_cert",
		Plain:     "write http:// in url if the server really has no TLS",
		TLS:       "write https:// in url",
	}
	if o.Proxy != "" {
		s.Proxy = "check the remote's option proxy, and whether that proxy runs; without it HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide"
	}
	return s
}

// wrap puts words in front of an error and keeps a temporary one outermost.
func wrap(err error, words func(error) error) error {
	if t, ok := err.(*remote.TemporaryError); ok {
		return &remote.TemporaryError{Err: words(t.Err), After: t.After}
	}
	return words(err)
}

// timeoutError is one of our time-outs, as the cause of a context's end.
type timeoutError struct{ text string }

func (e *timeoutError) Error() string { return e.text }

// Timeout makes it look like the network's own time-outs.
func (e *timeoutError) Timeout() bool { return true }

// finalError marks what is no fault of the connection.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }

// hintError adds what the user can do.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// Hint says what the user can do, in the form of all hints: lower case, no full stop.
func (e *hintError) Hint() string { return e.hint }

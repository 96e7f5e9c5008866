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
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/publisher/remote"
)

// MaxRetryAfter bounds how long an upstream may ask to wait.
const MaxRetryAfter = 5 * time.Minute

// StatusError is an answer other than 200. 404 and 410 match fs.ErrNotExist,
// as a missing local file does.
type StatusError struct{ Code int }

func (e *StatusError) Error() string { return statusText(e.Code) }

// Is implements the match with fs.ErrNotExist.
func (e *StatusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.Code == http.StatusNotFound || e.Code == http.StatusGone)
}

// ErrNotModified is the answer that there is no newer version of a document.
var ErrNotModified = errors.New("not modified")

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
		return &hintError{err, "credentials are given by username_env and password_env, or by headers"}
	case code == http.StatusProxyAuthRequired:
		return &hintError{err, "a proxy's credentials are given in HTTPS_PROXY or HTTP_PROXY"}
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

// retryAfter reads the header: seconds, or a date. 0: nothing that makes sense.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, MaxRetryAfter)
	}
	if t, err := http.ParseTime(value); err == nil {
		return min(max(t.Sub(now), 0), MaxRetryAfter)
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
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &hintError{e, "an authority of one's own is trusted by ca_cert"}
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return &hintError{err, "a client certificate is given by client_cert and client_key"}
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("the server does not speak https there")
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() && strings.Contains(e.Error(), "response headers") {
		err = &timeoutError{fmt.Sprintf("no answer for %v (idle_timeout)", ex.idle)}
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the connection was closed without an answer")
	}
	return &remote.TemporaryError{Err: err}
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

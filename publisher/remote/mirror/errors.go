package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// Absent reports whether an error means that upstream does not have an optional document.
// Object stores answer 403 instead of 404 to clients that may not list the bucket.
func Absent(err error) bool {
	return forbidden(err) || errors.Is(err, fs.ErrNotExist)
}

// Refusal returns the status with which upstream refuses a request for good: one that is
// neither an absence nor a reason to try again.
func Refusal(err error) (status *fetch.StatusError, ok bool) {
	if status, ok = errors.AsType[*fetch.StatusError](err); !ok || status.Code < 400 || status.Code > 499 || errors.Is(status, fs.ErrNotExist) {
		return nil, false
	}
	switch status.Code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return nil, false
	}
	return status, true
}

func forbidden(err error) bool {
	status, ok := errors.AsType[*fetch.StatusError](err)
	return ok && status.Code == http.StatusForbidden
}

// Gone turns the absence of a listed file into remote.ErrMoved: upstream had the file
// when it made the index.
func Gone(err error) error {
	if Absent(err) {
		return &goneError{err}
	}
	return err
}

// goneError is a listed file that is not there. Upstream has moved on, or its list is
// wrong.
type goneError struct{ error }

func (e *goneError) Error() string { return fmt.Sprintf("%v: %v", remote.ErrMoved, e.error) }
func (e *goneError) Unwrap() error { return e.error }

// Is makes the publisher capture again. If that does not help, the file counts as
// missing.
func (e *goneError) Is(target error) bool {
	return target == remote.ErrMoved || target == remote.ErrMissing || target == remote.ErrRefused && forbidden(e.error)
}

// Differs marks a response whose announced size is not the one in the index.
func Differs(err error) error {
	if _, ok := errors.AsType[*fetch.SizeError](err); ok {
		return &otherError{err}
	}
	return err
}

// otherError is a file that does not match what upstream said about it. Upstream has
// moved on, or the file is wrong.
type otherError struct{ error }

func other(format string, args ...any) error { return &otherError{fmt.Errorf(format, args...)} }

func (e *otherError) Unwrap() error { return e.error }

// Is makes the publisher capture again. If that does not help, the file is unverified.
func (e *otherError) Is(target error) bool {
	return target == remote.ErrMoved || target == remote.ErrUnverified
}

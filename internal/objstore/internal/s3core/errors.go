package s3core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// Meanings that only this package acts on.
var (
	errPrecondition = errors.New("precondition failed")
	errConflict     = errors.New("conflicting request at the same time")
	errRange        = errors.New("range not satisfiable")
	errNoUpload     = errors.New("no such upload")
)

// meaning maps what a server said to a sentinel; nil if it has none. Codes come
// first: stores differ more in the status.
func (f Fault) meaning() error {
	switch text := strings.ToLower(f.Message); {
	case f.Code == "InvalidRequest" && strings.Contains(strings.ReplaceAll(text, " ", ""), "missingobjectlockconfiguration"):
		return objstore.ErrNoLock
	case f.Code == "InvalidRequest" && strings.Contains(text, "worm protected"), // MinIO
		f.Code == "AccessDenied" && strings.Contains(text, "object lock"): // Amazon
		return objstore.ErrRetained
	}
	switch f.Code {
	case "NoSuchBucket", "InvalidBucketName":
		return objstore.ErrNoStore
	case "NoSuchUpload":
		return errNoUpload
	case "ConditionalRequestConflict", "OperationAborted":
		return errConflict
	case "AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidAccessKeyId", "SignatureDoesNotMatch",
		"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "RequestTimeTooSkewed", "MissingSecurityHeader":
		return objstore.ErrDenied
	case "NotImplemented", "APINotSupported":
		return objstore.ErrUnsupported
	case "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch":
		return objstore.ErrMismatch
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException",
		"RequestLimitExceeded", "RequestThrottled", "RequestTimeout", "BandwidthLimitExceeded":
		return objstore.ErrUnavailable
	}
	switch f.Status {
	case http.StatusNotModified:
		return objstore.ErrNotModified
	case http.StatusUnauthorized, http.StatusForbidden:
		return objstore.ErrDenied
	case http.StatusNotFound:
		return objstore.ErrNotFound
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return objstore.ErrUnsupported
	case http.StatusPreconditionFailed:
		return errPrecondition
	case http.StatusRequestedRangeNotSatisfiable:
		return errRange
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return objstore.ErrUnavailable
	}
	if f.Status >= 500 {
		return objstore.ErrUnavailable
	}
	return nil
}

// explain turns a library's error into one of the contract, with as little of
// the library's text as tells the cause.
func (s *Store) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if f, ok := s.api.Fault(err); ok {
		return f.explain(f.meaning())
	}
	if errors.Is(err, objstore.ErrDenied) {
		return err
	}
	if cause, ok := networkCause(err); ok {
		return fmt.Errorf("%w: %w", objstore.ErrUnavailable, cause)
	}
	return err
}

func (f Fault) explain(meaning error) error {
	text := f.Code
	if text == "" {
		text = fmt.Sprintf("status %d", f.Status)
	}
	if f.Message != "" && f.Message != f.Code {
		text += ": " + f.Message
	}
	switch meaning {
	case nil:
		return errors.New(text)
	case objstore.ErrNotFound, objstore.ErrNoStore, objstore.ErrNotModified, errPrecondition, errRange, errNoUpload:
		return meaning // the text adds nothing
	case objstore.ErrNoLock:
		return fmt.Errorf("retention: the bucket has %w", meaning)
	case objstore.ErrRetained:
		return meaning
	}
	return fmt.Errorf("%w: %s", meaning, text)
}

// networkCause finds the error of the connection inside a library's error.
func networkCause(err error) (error, bool) {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err, true
	}
	if n, ok := errors.AsType[net.Error](err); ok {
		return n, true
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.ErrUnexpectedEOF, true
	}
	return nil, false
}

const (
	conflictTries = 6
	conflictPause = 100 * time.Millisecond // before the second try, at most; then doubled
)

// retryConflict repeats f while the store answers that a request to the same key
// was under way, which no client library does, and which S3 asks for.
func retryConflict(ctx context.Context, f func() error) error {
	pause := conflictPause
	for try := 1; ; try++ {
		err := f()
		if !errors.Is(err, errConflict) {
			return err
		}
		if try == conflictTries {
			return fmt.Errorf("%w: %w", objstore.ErrUnavailable, err)
		}
		timer := time.NewTimer(rand.N(pause) + time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause *= 2
	}
}

package s3core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/retry"
)

// Meanings that only this package uses.
var (
	errPrecondition = errors.New("precondition failed")
	errConflict     = errors.New("conflicting request at the same time")
	errRange        = errors.New("range not satisfiable")
	errNoUpload     = errors.New("no such upload")
)

// meaning maps a server's answer to a sentinel; nil if there is none. The code
// decides first, because stores differ more in the status.
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
		"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "MissingSecurityHeader":
		return objstore.ErrDenied
	case "RequestTimeTooSkewed":
		return objstore.ErrSkewed
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

// explain turns a library's error into one of the contract. It keeps only as much
// of the library's text as names the cause.
func (s *Store) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if f, ok := s.api.Fault(err); ok {
		return s.refused(f)
	}
	if errors.Is(err, objstore.ErrDenied) {
		return err
	}
	if fault := network.Explain(err, s.server.Hints); fault != nil {
		return fmt.Errorf("%w: %w", objstore.ErrUnavailable, fault)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%w: %w", objstore.ErrUnavailable, u.Err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", objstore.ErrUnavailable, io.ErrUnexpectedEOF)
	}
	return err
}

// refused is the error for what a server said.
func (s *Store) refused(f Fault) error {
	meaning := f.meaning()
	switch meaning {
	case objstore.ErrNoStore:
		if f.Code == "InvalidBucketName" {
			return fmt.Errorf("%w: no bucket can have the name %s", meaning, s.opts.Bucket)
		}
		return s.noBucket()
	case objstore.ErrNotFound, objstore.ErrNotModified, objstore.ErrRetained, errPrecondition, errRange, errNoUpload:
		return meaning // the text adds nothing
	case objstore.ErrNoLock:
		return fmt.Errorf("retention: the bucket has %w", meaning)
	}
	err := errors.New(f.text())
	if meaning != nil {
		err = fmt.Errorf("%w: %s", meaning, f.text())
	}
	if hint := f.hint(); hint != "" {
		return &hinted{err, hint}
	}
	return err
}

func (s *Store) noBucket() error {
	return fmt.Errorf("%w: there is no bucket %s", objstore.ErrNoStore, s.opts.Bucket)
}

func (f Fault) text() string {
	text := oneLine(f.Code)
	if text == "" {
		text = strings.TrimSpace(fmt.Sprintf("status %d %s", f.Status, http.StatusText(f.Status)))
	}
	if message := oneLine(f.Message); message != "" && message != text {
		text += ": " + message
	}
	if f.Unsigned {
		text += " (no credentials were found, so the request was not signed)"
	}
	return text
}

// oneLine is what a server says, as far as it fits into a message. A page for browsers,
// which is what other servers than stores send, says nothing.
func oneLine(text string) string {
	const most = 200 // characters
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if strings.HasPrefix(text, "<") {
		return ""
	}
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// hint says what a user can do; empty: nothing in particular.
func (f Fault) hint() string {
	switch f.Code {
	case "InvalidAccessKeyId":
		return "check the credentials in the environment: the store does not know this access key"
	case "SignatureDoesNotMatch":
		return "check the credentials in the environment: the secret key is not the one of this access key"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return "get new credentials: those in the environment were for some time only"
	case "AccessDenied":
		if f.Unsigned {
			return "give credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or ~/.aws/credentials"
		}
		return "the store knows the credentials, but they may not do this: docs/operations/security.md lists the rights that asof needs"
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException":
		return f.regionHint()
	}
	if f.Status == http.StatusMovedPermanently || f.Status == http.StatusTemporaryRedirect || f.Status == http.StatusBadRequest && f.Region != "" {
		return f.regionHint()
	}
	return ""
}

func (f Fault) regionHint() string {
	if f.Region == "" {
		return "the bucket is in another region: region in the store's URL says which"
	}
	return fmt.Sprintf("the bucket is in the region %s: put region=%s into the store's URL", f.Region, f.Region)
}

// hinted is an error with what the user can do.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// Hint says what the user can do.
func (e *hinted) Hint() string { return e.hint }

// retryConflict repeats f while the store answers that another request to the
// same key is in progress. S3 asks for that, and no client library does it.
func retryConflict(ctx context.Context, f func() error) error {
	policy := retry.Policy{Tries: 6, Pause: 50 * time.Millisecond, Growth: 2, Jitter: 1}
	err := policy.Do(ctx, f, func(err error) (again bool, after time.Duration) {
		return errors.Is(err, errConflict), 0
	})
	if errors.Is(err, errConflict) {
		return fmt.Errorf("%w: %w", objstore.ErrUnavailable, err)
	}
	return err
}

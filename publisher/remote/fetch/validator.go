package fetch

import (
	"net/http"
	"net/url"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// A 304 is believed only where it proves that the bytes are the same. A time does
// not always do so: a file may change twice within its second, or come with an
// older time than the one before it.
const (
	// clearlyOlder is how long before the answer the last change has to be, so that
	// no other can share its time.
	clearlyOlder = 5 * time.Second
	// digestDigits is the length of the shortest digest that ETags are made of, MD5.
	// What has fewer digits may be made of time and size, as nginx and Apache do it.
	digestDigits = 32
)

// validatorOf picks from an answer what proves later that the document at u is
// still the same (RFC 9110, section 8.8.2.2); zero: nothing does.
func validatorOf(u *url.URL, h http.Header) remote.Validator {
	modified, settled := settledTime(h)
	etag := h.Get("ETag")
	switch {
	case manifest.CheckETag(etag) == nil && (isDigest(etag) || settled || h.Get("Last-Modified") == ""):
		return remote.Validator{URL: urlDigest(u), ETag: etag}
	case settled:
		return remote.Validator{URL: urlDigest(u), Modified: modified}
	}
	return remote.Validator{}
}

// settledTime is the time of the last change, if it was clearly before the answer.
// The epoch stands for a time that nobody knows.
func settledTime(h http.Header) (modified time.Time, ok bool) {
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil || modified.Unix() <= 0 {
		return time.Time{}, false
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || date.Sub(modified) < clearlyOlder {
		return time.Time{}, false
	}
	return modified.UTC(), true
}

// isDigest reports whether an ETag holds enough hexadecimal digits in a row to be
// a digest of the content.
func isDigest(etag string) bool {
	digits := 0
	for _, c := range []byte(etag) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			if digits++; digits == digestDigits {
				return true
			}
		default:
			digits = 0
		}
	}
	return false
}

// setCondition asks for a document only if it is another one. One condition is
// sent: of two, a server may look at the weaker.
func setCondition(h http.Header, have remote.Validator) {
	switch {
	case have.ETag != "":
		h.Set("If-None-Match", have.ETag)
	case !have.Modified.IsZero():
		h.Set("If-Modified-Since", have.Modified.UTC().Format(http.TimeFormat))
	}
}

// notModified judges a 304: a *NotModifiedError is proven, errUnproven is not.
func notModified(have remote.Validator, h http.Header, way []*url.URL) error {
	if have.ETag != "" {
		if got := h.Get("ETag"); got == "" || got == have.ETag {
			return &NotModifiedError{way}
		}
		return errUnproven
	}
	if got, err := http.ParseTime(h.Get("Last-Modified")); err == nil && got.Equal(have.Modified) {
		return &NotModifiedError{way}
	}
	return errUnproven
}

func urlDigest(u *url.URL) manifest.Digest { return manifest.Sum([]byte(u.String())) }

package remote

import (
	"time"

	"github.com/asof/asof/manifest"
)

// Validator is what an upstream said of one version of a document (RFC 9110,
// section 8.8): an ETag or a time, by which it can be asked whether the document
// is still the same. Only what proves that is kept; the zero value proves nothing.
type Validator struct {
	URL      manifest.Digest // SHA-256 of the URL that was asked: it holds for no other
	ETag     string          // strong, by manifest.CheckETag; empty: none
	Modified time.Time       // Last-Modified, in UTC; zero: none, or there is an ETag
	// Options is a digest of the remote's options that decided, besides the document, what was
	// captured. Zero: not known. It proves nothing to upstream.
	Options manifest.Digest
}

// Revalidating is implemented by captures whose upstream can be asked whether
// documents are still the same. The publisher keeps what they give for
// Previous.Validator.
type Revalidating interface {
	Capture
	// Validators gives the validators of files, by path.
	Validators() map[string]Validator
}

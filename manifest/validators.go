package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
)

const validatorsFormat = "asof.validators/1"

// MaxValidators bounds the size of a register of validators in bytes.
const MaxValidators = 16 << 20

// MaxETag bounds the length of an ETag in bytes, quotes included.
const MaxETag = 256

// Validators is what upstream said of its root documents. The next publish can
// ask whether they are still the same. It is a hint: if it is lost, the documents
// are read once more. The paths ascend.
type Validators []Validator

// Validator is what upstream said of one document: an ETag or a time, not both. With Options
// it may have said nothing.
type Validator struct {
	Path     string `json:"path"`           // in the tree
	SHA256   Digest `json:"sha256"`         // of the document itself
	URL      Digest `json:"url"`            // SHA-256 of the URL that gave it
	ETag     string `json:"etag,omitempty"` // strong, with its quotes
	Modified ID     `json:"modified,omitempty"`
	// Options is a digest of what decided, besides the document, what was captured. Zero: it
	// is not known.
	Options Digest `json:"options,omitzero"`
}

type validatorsHead struct {
	Format string `json:"format"`
}

// CheckETag reports why an ETag can't be kept. It must be a strong one of
// printable ASCII (RFC 9110, section 8.8.3), at most MaxETag bytes long.
func CheckETag(etag string) error {
	switch {
	case len(etag) > MaxETag:
		return fmt.Errorf("an ETag of more than %d bytes", MaxETag)
	case len(etag) < 2 || etag[0] != '"' || etag[len(etag)-1] != '"':
		return fmt.Errorf("%q is not a strong ETag", etag)
	}
	for _, c := range []byte(etag[1 : len(etag)-1]) {
		if c <= ' ' || c >= 0x7f || c == '"' {
			return fmt.Errorf("%q is not a strong ETag", etag)
		}
	}
	return nil
}

// Encode returns the document's canonical form: JSON with one line a document.
func (v Validators) Encode() ([]byte, error) {
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("validators: %w", err)
	}
	b, err := appendHead(nil, validatorsHead{validatorsFormat})
	if err != nil {
		return nil, err
	}
	b = appendList(b, "documents", v, "}\n", func(b []byte, one Validator) []byte {
		line, _ := json.Marshal(one) // check made sure of it
		return append(b, line...)
	})
	if len(b) > MaxValidators {
		return nil, fmt.Errorf("validators: larger than %d bytes", MaxValidators)
	}
	return b, nil
}

// ParseValidators reads the canonical form only.
func ParseValidators(data []byte) (Validators, error) {
	v, err := parseValidators(data)
	if err != nil {
		return nil, fmt.Errorf("validators: %w", err)
	}
	return v, nil
}

func parseValidators(data []byte) (v Validators, err error) {
	d, err := openDocument(data, MaxValidators, validatorsFormat)
	if err != nil {
		return nil, err
	}
	if err := d.head(new(validatorsHead)); err != nil {
		return nil, err
	}
	v, err = readList(d, "documents", "}", func([]byte) (one Validator, ok bool) { return one, false })
	if err != nil {
		return nil, err
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	return v, v.check()
}

// check reports the first rule that a register of validators breaks.
func (v Validators) check() error {
	for i, one := range v {
		if err := CheckPath(one.Path); err != nil {
			return err
		}
		if i > 0 && one.Path <= v[i-1].Path {
			return fmt.Errorf("path %q is out of order", one.Path)
		}
		if err := one.check(); err != nil {
			return fmt.Errorf("path %q: %w", one.Path, err)
		}
	}
	return nil
}

func (v Validator) check() error {
	switch {
	case v.ETag == "" && v.Modified == 0 && v.Options != Digest{}:
		return nil
	case (v.ETag == "") == (v.Modified == 0):
		return errors.New("needs either an ETag or a time")
	case v.ETag != "":
		return CheckETag(v.ETag)
	case !v.Modified.Valid():
		return errors.New("a time outside the years 0001 to 9999")
	}
	return nil
}

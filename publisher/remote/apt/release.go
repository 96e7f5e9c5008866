package apt

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// MaxRelease bounds a Release file, with or without signature, in bytes.
const MaxRelease = 32 << 20

// release is what a Release file says.
type release struct {
	date          time.Time
	validUntil    time.Time // zero: for ever
	byHash        bool
	noAll         bool // packages for all architectures stand in each one's index
	components    []string
	architectures []string
	files         map[string]listed // by their names below the suite's folder
}

// parseRelease reads a Release file's text.
func parseRelease(text []byte, where string) (*release, error) {
	var rel *release
	for s, err := range deb.Stanzas(bytes.NewReader(text), "Date", "Valid-Until", "Acquire-By-Hash", "No-Support-for-Architecture-all",
		"Components", "Architectures", "SHA512", "SHA256", "SHA1", "MD5Sum") {
		if err != nil {
			return nil, syntax(where, err)
		}
		if rel != nil {
			return nil, &remote.InputError{Where: where, Line: s.Line, Err: errors.New("a second stanza")}
		}
		if rel, err = readRelease(s); err != nil {
			return nil, &remote.InputError{Where: where, Err: err}
		}
	}
	if rel == nil {
		return nil, &remote.InputError{Where: where, Err: errors.New("is empty")}
	}
	return rel, nil
}

func readRelease(s *deb.Stanza) (rel *release, err error) {
	rel = &release{
		byHash:        s.Text(2) == "yes",
		noAll:         contains(s.Text(3), "Packages"),
		components:    strings.Fields(s.Text(4)),
		architectures: strings.Fields(s.Text(5)),
		files:         map[string]listed{},
	}
	if rel.date, err = parseDate(s.Text(0)); err != nil {
		return nil, fmt.Errorf("field Date: %w", err)
	}
	if s.Has(1) {
		if rel.validUntil, err = parseDate(s.Text(1)); err != nil {
			return nil, fmt.Errorf("field Valid-Until: %w", err)
		}
	}
	for i, a := range algorithms() {
		if err := rel.addSums(a, s.Value(6+i)); err != nil {
			return nil, fmt.Errorf("field %s: %w", a.name, err)
		}
	}
	return rel, nil
}

func contains(list, name string) bool {
	for _, word := range strings.Fields(list) {
		if word == name {
			return true
		}
	}
	return false
}

// addSums reads the list of one algorithm. A single name that leads out of the
// suite's folder fails it (invariant 8).
func (rel *release) addSums(a algorithm, value []byte) error {
	for sum, err := range deb.Sums(value) {
		if err != nil {
			return err
		}
		name := clean(sum.Name)
		if err := manifest.CheckPath(name); err != nil {
			return err
		}
		if sum.Size > manifest.MaxSize {
			return fmt.Errorf("%s: size %d is more than %d bytes", name, sum.Size, int64(manifest.MaxSize))
		}
		l, ok := rel.files[name]
		if !ok {
			l.size = sum.Size
		}
		if l.size != sum.Size {
			return fmt.Errorf("%s: has two sizes, %d and %d", name, l.size, sum.Size)
		}
		if err := l.sums.set(a, sum.Hash); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rel.files[name] = l
	}
	return nil
}

// clean takes away the "./" with which many tools begin names.
func clean(name string) string {
	for strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[2:], "/")
	}
	return name
}

// parseDate reads the dates of Release files: RFC 5322 in UTC, as apt does.
func parseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, errors.New("missing")
	}
	for _, layout := range []string{
		"Mon, _2 Jan 2006 15:04:05 UTC", "Mon, _2 Jan 2006 15:04:05 GMT", "Mon, _2 Jan 2006 15:04:05 Z", "Mon, _2 Jan 2006 15:04:05 -0700",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a date in UTC", s)
}

// syntax puts the place of a document's error in the form of all remotes.
func syntax(where string, err error) error {
	if e, ok := errors.AsType[*deb.SyntaxError](err); ok {
		return &remote.InputError{Where: where, Line: e.Line, Err: e.Err}
	}
	return &remote.InputError{Where: where, Err: err}
}

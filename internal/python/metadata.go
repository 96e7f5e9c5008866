package python

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// MaxMetadata is how many bytes a document of metadata may have, its description included.
const MaxMetadata = 16 << 20

// Metadata is what is needed of core metadata, which is METADATA in a wheel and PKG-INFO in an
// sdist. All is as it was written, without blanks around it.
type Metadata struct {
	MetadataVersion string
	Name            string
	Version         string
	RequiresPython  string
	RequiresDist    []string // see ParseRequiresDist
	ProvidesExtra   []string
	Dynamic         []string // names of fields that a build may change
}

// ParseMetadata reads metadata up to its description. It takes what Python's parser of e-mail
// takes: any line ends, folded lines, fields in any order. Of a field that must not be repeated
// it takes the first. Bytes that are no UTF-8 become U+FFFD. Without a name or a version it
// is an error.
func ParseMetadata(data []byte) (Metadata, error) {
	if len(data) > MaxMetadata {
		return Metadata{}, fmt.Errorf("metadata has more than %d bytes", MaxMetadata)
	}
	var m Metadata
	for name, value := range fields(data) {
		switch name {
		case "metadata-version":
			first(&m.MetadataVersion, value)
		case "name":
			first(&m.Name, value)
		case "version":
			first(&m.Version, value)
		case "requires-python":
			first(&m.RequiresPython, value)
		case "requires-dist":
			m.RequiresDist = append(m.RequiresDist, value)
		case "provides-extra":
			m.ProvidesExtra = append(m.ProvidesExtra, value)
		case "dynamic":
			m.Dynamic = append(m.Dynamic, value)
		}
	}
	switch {
	case m.Name == "":
		return Metadata{}, errors.New("metadata has no name")
	case m.Version == "":
		return Metadata{}, errors.New("metadata has no version")
	}
	return m, nil
}

func first(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// KnowsDependencies reports whether an sdist's metadata names the dependencies that its wheels
// will have (PEP 643).
func (m Metadata) KnowsDependencies() bool {
	v, err := ParseVersion(m.MetadataVersion)
	since := Version{epoch: "0", release: []number{"2", "2"}}
	return err == nil && v.Compare(since) >= 0 &&
		!slices.ContainsFunc(m.Dynamic, func(field string) bool { return lower(field) == "requires-dist" })
}

// fields yields the names, in lower case, and values of the fields before the first empty line
// or the first that is no field. A folded value has one blank for each fold.
func fields(data []byte) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := bytes.TrimPrefix(data, []byte("\ufeff"))
		line, rest := cutLine(rest)
		for len(line) > 0 {
			name, value, ok := bytes.Cut(line, []byte(":"))
			if folded := line[0] == ' ' || line[0] == '\t'; !folded && (!ok || !isFieldName(name)) {
				return
			} else if folded {
				name = nil // of no field, or of one that is left out
			}
			parts := [][]byte{bytes.TrimSpace(value)}
			for line, rest = cutLine(rest); len(line) > 0 && (line[0] == ' ' || line[0] == '\t'); line, rest = cutLine(rest) {
				parts = append(parts, bytes.TrimSpace(line))
			}
			if len(name) > 0 && !yield(lower(string(name)), strings.ToValidUTF8(string(bytes.TrimSpace(bytes.Join(parts, []byte(" ")))), "\ufffd")) {
				return
			}
		}
	}
}

// isFieldName reports whether it is printable ASCII without blanks.
func isFieldName(name []byte) bool {
	return !slices.ContainsFunc(name, func(c byte) bool { return c <= ' ' || c > '~' })
}

// cutLine cuts the first line off, without its end: a line feed, a carriage return or both.
func cutLine(data []byte) (line, rest []byte) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil
	}
	line, end, rest := data[:i], data[i], data[i+1:]
	if end == '\r' {
		rest = bytes.TrimPrefix(rest, []byte("\n"))
	}
	return line, rest
}

package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// A leaf ends behind an entry whose path's hash says so, so that an insertion
// or a removal changes the leaf it falls into and no other. The bounds keep a
// hostile choice of names from making leaves of one line, or a single huge one.
// On average a leaf has 63 lines: a change anywhere rewrites that many, and the
// root, which has one line for them.
const (
	leafMin   = 16  // lines before a hash may end a leaf
	leafEvery = 48  // a hash ends a leaf once in so many lines
	leafMax   = 384 // lines at which a leaf ends regardless
)

// MaxLeaf bounds the size of a leaf in bytes.
const MaxLeaf = leafMax * (64 + 1 + 13 + 1 + 16 + 2 + MaxPath + 1)

func endsLeaf(path string, lines int) bool {
	if lines >= leafMax {
		return true
	}
	if lines < leafMin {
		return false
	}
	h := sha256.Sum256([]byte(path))
	return binary.BigEndian.Uint32(h[:])%leafEvery == 0
}

// ParseLeaf reads a whole leaf. It takes only what a Builder can have written
// under ref: the digest, size, count, order, last path and the leaf's end all
// hold. What holds across leaves — the order, no file where a directory stands,
// the root's sums — shows when all entries go through a Builder, whose root is
// then the same.
func ParseLeaf(data []byte, ref LeafRef) ([]Entry, error) {
	entries, err := parseLeaf(data, ref)
	if err != nil {
		return nil, fmt.Errorf("leaf %s: %w", ref.Digest, err)
	}
	return entries, nil
}

func parseLeaf(data []byte, ref LeafRef) ([]Entry, error) {
	if Sum(data) != ref.Digest {
		return nil, errors.New("its content has another digest")
	}
	if ref.Files < 1 || ref.Files > leafMax || ref.Size != int64(len(data)) {
		return nil, errors.New("it is not the leaf that the root describes")
	}
	entries := make([]Entry, 0, ref.Files)
	var check PathChecker
	for line, err := range lines(string(data)) {
		n := len(entries)
		if n > 0 && endsLeaf(entries[n-1].Path, n) {
			return nil, fmt.Errorf("line %d: the leaf should have ended before", n+1)
		}
		var e Entry
		if err == nil {
			e, err = parseEntry(line)
		}
		if err == nil {
			err = check.Next(e.Path)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		entries = append(entries, e)
	}
	if n := len(entries); int64(n) != ref.Files || entries[n-1].Path != ref.Last {
		return nil, errors.New("it is not the leaf that the root describes")
	}
	return entries, nil
}

// FindInLeaf looks one path up, which CheckPath takes, in a leaf whose digest was
// checked before, without parsing the others.
func FindInLeaf(data []byte, path string) (Entry, bool, error) {
	// Between two starts of lines take the first line that begins behind the middle,
	// or else the first of all: looking for the end of a line is fast forwards.
	for low, high := 0, len(data); low < high; {
		start := low
		if middle := (low + high) / 2; middle > low {
			if end := bytes.IndexByte(data[middle:high], '\n'); end >= 0 && middle+end+1 < high {
				start = middle + end + 1
			}
		}
		line := data[start:high]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		// The first two spaces in a row are the ones before the path. None stand in
		// the digest.
		_, p, ok := bytes.Cut(line[min(2*sha256.Size, len(line)):], []byte("  "))
		if !ok {
			return Entry{}, false, errors.New("leaf: a line is not of the form: digest size modified  path")
		}
		switch {
		case string(p) < path:
			low = start + len(line) + len("\n")
		case string(p) > path:
			high = start
		default:
			e, err := parseFields(string(line))
			if err != nil {
				return Entry{}, false, fmt.Errorf("leaf: %w", err)
			}
			return e, true, nil
		}
	}
	return Entry{}, false, nil
}

// lines yields the lines of a text without their LF; the last must have one.
func lines(text string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for len(text) > 0 {
			end := strings.IndexByte(text, '\n')
			if end < 0 {
				yield("", errors.New("the last line has no end"))
				return
			}
			if !yield(text[:end], nil) {
				return
			}
			text = text[end+1:]
		}
	}
}

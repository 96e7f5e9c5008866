package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sort"
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

// Leaf is the text of a leaf, whose digest was checked before, prepared to look
// paths up without parsing it.
type Leaf struct {
	Text  []byte
	paths []uint32 // where in Text each path begins, ascending
}

// NewLeaf prepares a leaf. It refuses lines that no leaf has, so far as it looks at
// them.
func NewLeaf(text []byte) (Leaf, error) {
	l := Leaf{Text: text}
	if len(text) > MaxLeaf {
		return l, fmt.Errorf("leaf: %d bytes are too many", len(text))
	}
	l.paths = make([]uint32, 0, bytes.Count(text, []byte("\n"))+1)
	for start := 0; start < len(text); {
		line := text[start:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end]
		}
		// The first two spaces in a row are the ones before the path. None stand in
		// the digest.
		const digest = 2 * sha256.Size
		spaces := bytes.Index(line[min(digest, len(line)):], []byte("  "))
		if spaces < 0 {
			return l, errors.New("leaf: a line is not of the form: digest size modified  path")
		}
		l.paths = append(l.paths, uint32(start+digest+spaces+len("  ")))
		start += len(line) + len("\n")
	}
	return l, nil
}

// Has reports whether the leaf lists a path, which CheckPath takes.
func (l Leaf) Has(path string) bool {
	_, ok := l.search(path)
	return ok
}

// Find looks one path up, which CheckPath takes.
func (l Leaf) Find(path string) (Entry, bool, error) {
	i, ok := l.search(path)
	if !ok {
		return Entry{}, false, nil
	}
	start := bytes.LastIndexByte(l.Text[:l.paths[i]], '\n') + 1
	e, err := parseFields(string(l.Text[start : int(l.paths[i])+len(path)]))
	if err != nil {
		return Entry{}, false, fmt.Errorf("leaf: %w", err)
	}
	return e, true, nil
}

// search finds the line of a path. It touches little memory: leaves in a cache of
// many are cold.
func (l Leaf) search(path string) (line int, ok bool) {
	line = sort.Search(len(l.paths), func(i int) bool { return string(l.path(i)) >= path })
	return line, line < len(l.paths) && string(l.path(line)) == path
}

// path is the path in line i.
func (l Leaf) path(i int) []byte {
	p := l.Text[l.paths[i]:]
	if end := bytes.IndexByte(p, '\n'); end >= 0 {
		p = p[:end]
	}
	return p
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

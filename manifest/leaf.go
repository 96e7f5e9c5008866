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

// The hash of an entry's path decides whether a leaf ends after it. So an
// insertion or a removal changes only the leaf that it falls into. The bounds
// keep hostile names from making leaves of one line, or a single huge one. A leaf
// has 63 lines on average: a change rewrites that many, and the root, which has
// one line for each leaf.
const (
	leafMin   = 16  // lines before a hash may end a leaf
	leafEvery = 48  // one path in this many ends a leaf
	leafMax   = 384 // lines at which a leaf ends in any case
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

// ParseLeaf reads a whole leaf. It accepts only what a Builder can have written
// under ref: it checks the digest, size, count, order, last path and the leaf's
// end. Rules across leaves (order, no path both file and directory, the root's
// sums) are checked by passing all entries through a Builder: its root must be
// the same.
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

// Leaf is the text of a leaf whose digest was checked before. It looks paths up
// without parsing the whole text.
type Leaf struct {
	Text  []byte
	paths []uint32 // where each path begins in Text, ascending
}

// NewLeaf prepares a leaf. It refuses impossible lines, as far as it looks at
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
		// The first two spaces in a row are the ones before the path. The digest
		// has none.
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

// Has reports whether the leaf lists a path. The path must satisfy CheckPath.
func (l Leaf) Has(path string) bool {
	_, ok := l.search(path)
	return ok
}

// Find looks up one path. The path must satisfy CheckPath.
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

// search finds the line of a path. It touches little memory: most cached leaves
// are not in the processor's cache.
func (l Leaf) search(path string) (line int, ok bool) {
	line = sort.Search(len(l.paths), func(i int) bool { return string(l.path(i)) >= path })
	return line, line < len(l.paths) && string(l.path(line)) == path
}

// path returns the path in line i.
func (l Leaf) path(i int) []byte {
	p := l.Text[l.paths[i]:]
	if end := bytes.IndexByte(p, '\n'); end >= 0 {
		p = p[:end]
	}
	return p
}

// lines yields the lines of a text without their LF. The last line must have one,
// too.
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

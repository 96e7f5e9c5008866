package manifest

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

const rootFormat = "asof.manifest/1"

// Root is the upper level of a manifest.
type Root struct {
	Files int64 // number of files
	Bytes int64 // sum of their sizes
	// Content is the digest of the tree as `sha256sum` would list it, in path
	// order: paths and bytes, no times. Two revisions with the same Content are
	// the same to a client.
	Content Digest
	Leaves  []LeafRef
}

// LeafRef is a root's line about one leaf.
type LeafRef struct {
	Digest Digest
	Files  int64  // lines
	Size   int64  // bytes of the leaf
	Last   string // the last path in it
}

// MaxRoot bounds the size of a root in bytes.
const MaxRoot = 256 << 20

// Encode is the root's canonical form:
//
//	asof.manifest/1
//	files <number>
//	bytes <number>
//	content <sha256>
//	<leaf's sha256> SP <files> SP <size> SP SP <last path>     one a leaf
func (r Root) Encode() []byte {
	b := fmt.Appendf(nil, "%s\nfiles %d\nbytes %d\ncontent %s\n", rootFormat, r.Files, r.Bytes, r.Content)
	for _, l := range r.Leaves {
		b = l.append(b)
	}
	return b
}

func (l LeafRef) append(b []byte) []byte {
	return fmt.Appendf(b, "%s %d %d  %s\n", l.Digest, l.Files, l.Size, l.Last)
}

// Digest is the manifest's name.
func (r Root) Digest() Digest { return Sum(r.Encode()) }

// ParseRoot reads the canonical form, and nothing else.
func ParseRoot(data []byte) (Root, error) {
	var r Root
	if len(data) > MaxRoot {
		return r, fmt.Errorf("manifest root: larger than %d bytes", MaxRoot)
	}
	n := 0
	for line, err := range lines(data) {
		if n++; err == nil {
			err = r.parseLine(n, line)
		}
		if err != nil {
			return Root{}, fmt.Errorf("manifest root, line %d: %w", n, err)
		}
	}
	if n < 4 {
		return Root{}, errors.New("manifest root: incomplete")
	}
	if err := r.check(); err != nil {
		return Root{}, fmt.Errorf("manifest root: %w", err)
	}
	return r, nil
}

// check holds what is true across the lines of a root.
func (r Root) check() error {
	var files int64
	for i, l := range r.Leaves {
		files += l.Files
		switch {
		case i > 0 && r.Leaves[i-1].Last >= l.Last:
			return fmt.Errorf("leaf %s is out of order", l.Digest)
		case i < len(r.Leaves)-1 && !endsLeaf(l.Last, int(l.Files)):
			return fmt.Errorf("leaf %s ends too early", l.Digest)
		}
	}
	switch {
	case files != r.Files:
		return fmt.Errorf("its leaves hold %d files, not %d", files, r.Files)
	case r.Files == 0 && (r.Bytes != 0 || r.Content != Sum(nil)):
		return errors.New("content without files")
	}
	return nil
}

func (r *Root) parseLine(n int, line []byte) (err error) {
	field := func(name string) string {
		value, ok := strings.CutPrefix(string(line), name+" ")
		if !ok {
			err = fmt.Errorf("want %q", name)
		}
		return value
	}
	switch n {
	case 1:
		if string(line) != rootFormat {
			return fmt.Errorf("format is %.40q, want %s", line, rootFormat)
		}
	case 2:
		if v := field("files"); err == nil {
			r.Files, err = parseCount(v, maxNumber)
		}
	case 3:
		if v := field("bytes"); err == nil {
			r.Bytes, err = parseCount(v, maxNumber)
		}
	case 4:
		if v := field("content"); err == nil {
			r.Content, err = ParseDigest(v)
		}
	default:
		var l LeafRef
		l, err = parseLeafRef(line)
		r.Leaves = append(r.Leaves, l)
	}
	return err
}

func parseLeafRef(line []byte) (l LeafRef, err error) {
	digest, rest, ok1 := strings.Cut(string(line), " ")
	files, rest, ok2 := strings.Cut(rest, " ")
	size, last, ok3 := strings.Cut(rest, "  ")
	if !ok1 || !ok2 || !ok3 {
		return l, errors.New("not of the form: digest files size  last-path")
	}
	if l.Digest, err = ParseDigest(digest); err != nil {
		return l, err
	}
	if l.Files, err = parseCount(files, leafMax); err != nil || l.Files == 0 {
		return l, fmt.Errorf("files: %.40q is not a number from 1 to %d", files, leafMax)
	}
	if l.Size, err = parseCount(size, MaxLeaf); err != nil {
		return l, fmt.Errorf("size: %w", err)
	}
	l.Last = last
	return l, CheckPath(l.Last)
}

// Find is the leaf that holds path if any does.
func (r Root) Find(path string) (LeafRef, bool) {
	i := sort.Search(len(r.Leaves), func(i int) bool { return r.Leaves[i].Last >= path })
	if i == len(r.Leaves) {
		return LeafRef{}, false
	}
	return r.Leaves[i], true
}

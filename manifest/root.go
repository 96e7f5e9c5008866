package manifest

import (
	"fmt"
	"io"
	"sort"
	"strconv"
)

const rootFormat = "asof.manifest/1"

// Root is the upper level of a manifest, and the start of its object. It says
// where each leaf is: after the root, or in the object of an earlier manifest.
type Root struct {
	Name  Digest // the manifest's name: the SHA-256 of Encode
	Files int64  // number of files
	Bytes int64  // sum of their sizes
	// Content is the digest of the tree as `sha256sum` would list it, in path
	// order: paths and bytes, no times. Two revisions with the same Content are
	// the same to a client.
	Content Digest
	Sources []Digest // names of the earlier manifests that hold leaves of this one
	Leaves  []LeafRef
}

// LeafRef is a root's line about one leaf.
type LeafRef struct {
	Digest Digest
	Files  int64  // lines
	Size   int64  // bytes of the leaf
	Source int    // 0: the leaf is in its own manifest's object; n: in the object of Sources[n-1]
	Offset int64  // of the leaf's first byte in that object
	Last   string // the last path in the leaf
}

const (
	// MaxRoot bounds the size of a root in bytes.
	MaxRoot = 256 << 20
	// MaxSources bounds the number of earlier manifests that a root refers to,
	// and so the number of objects that a read of one manifest opens.
	MaxSources = 8
	// MaxObject bounds the size of a manifest's object in bytes. No builder can
	// reach it: a root can't list that many of the longest leaves.
	MaxObject = 1 << 40
)

// Encode returns the root's canonical form:
//
//	asof.manifest/1
//	root <bytes of all this text>
//	files <number>
//	bytes <number>
//	content <sha256>
//	source <name of an earlier manifest>                                            one a source
//	<leaf's sha256> SP <files> SP <size> SP SP <last path>                          a leaf after the root
//	<leaf's sha256> SP <files> SP <size> SP <source> SP <offset> SP SP <last path>  a leaf in a source
func (r Root) Encode() []byte {
	size := len("files  bytes  content ") + 200 + len(r.Sources)*80
	for _, l := range r.Leaves {
		size += len(l.Last) + 120
	}
	b := fmt.Appendf(make([]byte, 0, size), "%s\nroot ", rootFormat)
	head := len(b)
	b = fmt.Appendf(b, "\nfiles %d\nbytes %d\ncontent %s\n", r.Files, r.Bytes, r.Content)
	for _, s := range r.Sources {
		b = fmt.Appendf(b, "source %s\n", s)
	}
	for _, l := range r.Leaves {
		b = l.append(b)
	}
	digits := strconv.Itoa(textSize(len(b)))
	b = append(b, digits...)
	copy(b[head+len(digits):], b[head:len(b)-len(digits)])
	copy(b[head:], digits)
	return b
}

// textSize returns the size of a text that states its own size. others is the size of
// the rest.
func textSize(others int) int {
	size := others
	for size != others+len(strconv.Itoa(size)) {
		size = others + len(strconv.Itoa(size))
	}
	return size
}

func (l LeafRef) append(b []byte) []byte {
	b = l.Digest.append(b)
	b = append(b, ' ')
	b = strconv.AppendInt(b, l.Files, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, l.Size, 10)
	if l.Source > 0 {
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(l.Source), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, l.Offset, 10)
	}
	b = append(b, "  "...)
	b = append(b, l.Last...)
	return append(b, '\n')
}

// seal sets the root's name and the offsets of the leaves after it.
func (r *Root) seal() {
	text := r.Encode()
	r.Name = Sum(text)
	at := int64(len(text))
	for i := range r.Leaves {
		if l := &r.Leaves[i]; l.Source == 0 {
			l.Offset = at
			at += l.Size
		}
	}
}

// In returns the name of the manifest whose object holds a leaf of the root.
func (r Root) In(l LeafRef) Digest {
	if l.Source == 0 {
		return r.Name
	}
	return r.Sources[l.Source-1]
}

// Find returns the one leaf that can hold path.
func (r Root) Find(path string) (LeafRef, bool) {
	i := sort.Search(len(r.Leaves), func(i int) bool { return r.Leaves[i].Last >= path })
	if i == len(r.Leaves) {
		return LeafRef{}, false
	}
	return r.Leaves[i], true
}

// Lists reports whether both roots list the same files, times included. Their
// leaves may be in different objects.
func (r Root) Lists(other Root) bool {
	if r.Files != other.Files || r.Bytes != other.Bytes || r.Content != other.Content || len(r.Leaves) != len(other.Leaves) {
		return false
	}
	for i, l := range r.Leaves {
		o := other.Leaves[i]
		if l.Source, l.Offset = o.Source, o.Offset; l != o {
			return false
		}
	}
	return true
}

// Own counts the leaves stored after the root, and their bytes.
func (r Root) Own() (leaves int, bytes int64) {
	for _, l := range r.Leaves {
		if l.Source == 0 {
			leaves++
			bytes += l.Size
		}
	}
	return leaves, bytes
}

// Object returns a reader of the manifest's object: the root, then the leaves
// that are stored after it, in order. entries are all entries that the root was
// built from. Each leaf is made from them when it is read.
func (r Root) Object(entries []Entry) io.Reader {
	return &object{next: r.Encode(), leaves: r.Leaves, entries: entries}
}

type object struct {
	next    []byte // to be read before the leaves
	buf     []byte
	leaves  []LeafRef
	entries []Entry // the leaves'
}

// Read implements io.Reader.
func (o *object) Read(p []byte) (int, error) {
	for len(o.next) == 0 {
		if len(o.leaves) == 0 {
			return 0, io.EOF
		}
		leaf := o.leaves[0]
		o.leaves = o.leaves[1:]
		of := o.entries[:leaf.Files]
		o.entries = o.entries[leaf.Files:]
		if leaf.Source > 0 {
			continue
		}
		o.buf = o.buf[:0]
		for _, e := range of {
			o.buf = appendEntry(o.buf, e)
		}
		o.next = o.buf
	}
	n := copy(p, o.next)
	o.next = o.next[n:]
	return n, nil
}

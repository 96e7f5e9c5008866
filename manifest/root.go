package manifest

import (
	"fmt"
	"io"
	"sort"
	"strconv"
)

const rootFormat = "asof.manifest/1"

// Root is the upper level of a manifest. It is what a manifest's object begins
// with, and says where each leaf stands: behind it, or in the object of an
// earlier manifest.
type Root struct {
	Name  Digest // of the manifest: the SHA-256 of Encode
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
	Source int    // 0: it stands in its own manifest's object; n: in that of Sources[n-1]
	Offset int64  // of its first byte in that object
	Last   string // the last path in it
}

const (
	// MaxRoot bounds the size of a root in bytes.
	MaxRoot = 256 << 20
	// MaxSources bounds the number of earlier manifests that a root refers to, and
	// so the number of objects that a manifest is read from.
	MaxSources = 8
	// MaxObject bounds the size of a manifest's object in bytes. No builder can
	// reach it: it takes more of the longest leaves than a root can list.
	MaxObject = 1 << 40
)

// Encode is the root's canonical form:
//
//	asof.manifest/1
//	root <bytes of all this text>
//	files <number>
//	bytes <number>
//	content <sha256>
//	source <name of an earlier manifest>                                            one a source
//	<leaf's sha256> SP <files> SP <size> SP SP <last path>                          a leaf behind the root
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

// textSize is the size of a text of so many bytes with its own size in it.
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

// seal gives the root its name, and the leaves behind it their offsets.
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

// In is the name of the manifest in whose object a leaf of the root stands.
func (r Root) In(l LeafRef) Digest {
	if l.Source == 0 {
		return r.Name
	}
	return r.Sources[l.Source-1]
}

// Find is the leaf that holds path if any does.
func (r Root) Find(path string) (LeafRef, bool) {
	i := sort.Search(len(r.Leaves), func(i int) bool { return r.Leaves[i].Last >= path })
	if i == len(r.Leaves) {
		return LeafRef{}, false
	}
	return r.Leaves[i], true
}

// Lists reports whether both list the very same files, times included,
// wherever their leaves stand.
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

// Own counts the leaves behind the root and their bytes.
func (r Root) Own() (leaves int, bytes int64) {
	for _, l := range r.Leaves {
		if l.Source == 0 {
			leaves++
			bytes += l.Size
		}
	}
	return leaves, bytes
}

// Object reads the manifest's object: the root, and behind it the leaves that
// stand there, in their order. entries are all those from which the root was
// built; a leaf is made of them when its turn comes.
func (r Root) Object(entries []Entry) io.Reader {
	return &object{next: r.Encode(), leaves: r.Leaves, entries: entries}
}

type object struct {
	next    []byte // to be read before the leaves
	buf     []byte
	leaves  []LeafRef
	entries []Entry // of the leaves
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

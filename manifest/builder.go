package manifest

import (
	"crypto/sha256"
	"fmt"
	"hash"
)

// Builder makes a manifest from entries in ascending byte order of their paths.
// It holds one leaf and the root in memory. It is not safe for concurrent use.
type Builder struct {
	check   PathChecker
	leaf    []byte
	lines   int
	root    Root
	size    int // size of the root, with the head and the leaves' places rounded up
	content hash.Hash
	err     error // the first error; after it Finish fails too
}

// NewBuilder returns an empty Builder.
func NewBuilder() *Builder {
	return &Builder{size: 1 << 10, content: sha256.New()}
}

// Add appends an entry. An invalid modification time counts as none. After an
// error the builder is useless.
func (b *Builder) Add(e Entry) error {
	if b.err == nil {
		b.err = b.add(e)
	}
	return b.err
}

func (b *Builder) add(e Entry) error {
	if err := b.check.Next(e.Path); err != nil {
		return err
	}
	if e.Size < 0 || e.Size > MaxSize {
		return fmt.Errorf("path %q: size %d is not within 0 and %d", e.Path, e.Size, int64(MaxSize))
	}
	if b.root.Bytes += e.Size; b.root.Bytes > maxNumber {
		return fmt.Errorf("path %q: with it the files are larger than %d bytes", e.Path, int64(maxNumber))
	}
	start := len(b.leaf)
	b.leaf = appendEntry(b.leaf, e)
	b.lines++
	b.root.Files++
	// sha256sum's line: the digest, then everything from the two spaces on.
	line := b.leaf[start:]
	b.content.Write(line[:2*sha256.Size])
	b.content.Write(line[len(line)-len("  ")-len(e.Path)-len("\n"):])
	if endsLeaf(e.Path, b.lines) {
		return b.cut(e.Path)
	}
	return nil
}

// longestPlace is the longest text with which a root locates a leaf.
const longestPlace = len(" 8 1099511627776")

func (b *Builder) cut(last string) error {
	ref := LeafRef{Digest: Sum(b.leaf), Files: int64(b.lines), Size: int64(len(b.leaf)), Last: last}
	if b.size += len(ref.append(nil)) + longestPlace; b.size > MaxRoot {
		return fmt.Errorf("manifest root: larger than %d bytes", MaxRoot)
	}
	b.root.Leaves = append(b.root.Leaves, ref)
	b.leaf, b.lines = b.leaf[:0], 0
	return nil
}

// Finish completes the last leaf. It returns the root of a manifest that stores
// all its leaves itself.
func (b *Builder) Finish() (Root, error) {
	if b.err == nil && b.lines > 0 {
		b.err = b.cut(b.check.last)
	}
	if b.err != nil {
		return Root{}, b.err
	}
	b.content.Sum(b.root.Content[:0])
	b.root.seal()
	return b.root, nil
}

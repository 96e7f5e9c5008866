package manifest

import (
	"crypto/sha256"
	"fmt"
	"hash"
)

// Builder makes a manifest from entries in ascending byte order of their paths.
// It holds one leaf in memory at a time. It is not safe for concurrent use.
type Builder struct {
	emit    func(LeafRef, []byte) error
	check   PathChecker
	leaf    []byte
	lines   int
	root    Root
	size    int // of the root, its head rounded up
	content hash.Hash
	err     error // the first one: what failed once never becomes a manifest
}

// NewBuilder returns a builder that hands each leaf, once complete, to emit,
// which may keep the bytes. A nil emit only computes the root.
func NewBuilder(emit func(LeafRef, []byte) error) *Builder {
	return &Builder{emit: emit, size: 1 << 10, content: sha256.New()}
}

// Add appends an entry. A modification time that no leaf can hold becomes
// NoTime. After an error the builder is of no more use.
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
	if !e.Modified.Valid() {
		e.Modified = NoTime
	}
	start := len(b.leaf)
	b.leaf = appendEntry(b.leaf, e)
	b.lines++
	b.root.Files++
	// sha256sum's line: the digest, and from the two spaces on.
	line := b.leaf[start:]
	b.content.Write(line[:2*sha256.Size])
	b.content.Write(line[len(line)-len("  ")-len(e.Path)-len("\n"):])
	if endsLeaf(e.Path, b.lines) {
		return b.cut(e.Path)
	}
	return nil
}

func (b *Builder) cut(last string) error {
	ref := LeafRef{Digest: Sum(b.leaf), Files: int64(b.lines), Size: int64(len(b.leaf)), Last: last}
	if b.size += len(ref.append(nil)); b.size > MaxRoot {
		return fmt.Errorf("manifest root: larger than %d bytes", MaxRoot)
	}
	b.root.Leaves = append(b.root.Leaves, ref)
	leaf := b.leaf
	b.leaf, b.lines = nil, 0
	if b.emit == nil {
		b.leaf = leaf[:0]
		return nil
	}
	return b.emit(ref, leaf)
}

// Finish completes the last leaf and returns the root.
func (b *Builder) Finish() (Root, error) {
	if b.err == nil && b.lines > 0 {
		b.err = b.cut(b.check.last)
	}
	if b.err != nil {
		return Root{}, b.err
	}
	b.content.Sum(b.root.Content[:0])
	return b.root, nil
}

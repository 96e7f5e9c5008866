package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/asof/asof/manifest"
)

// Reader reads length bytes of an object from offset on; fewer only at the
// object's end. With an error it may return the bytes before it. It must be safe
// for concurrent use.
type Reader func(ctx context.Context, key string, offset, length int64) ([]byte, error)

// From reads from a store.
func From(s Store) Reader {
	return func(ctx context.Context, key string, offset, length int64) ([]byte, error) {
		r, err := s.Open(ctx, key, offset, length)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		data, err := ReadUpTo(r, length)
		if err != nil {
			err = fmt.Errorf("read %s: %w", key, err)
		}
		return data, err
	}
}

// firstRead is how many bytes of memory are taken before anything was read: until
// then, the size of a root is only the object's claim.
const firstRead = 64 << 10

// ReadUpTo reads r to its end, or at most length bytes.
func ReadUpTo(r io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(length, firstRead)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(r, length))
	return b.Bytes(), err
}

// ErrCorrupt: the store's content contradicts its own documents.
var ErrCorrupt = errors.New("corrupt")

// CorruptError is an object whose content contradicts its name, or the document
// that refers to it.
type CorruptError struct {
	Key  string
	What string
}

func (e *CorruptError) Error() string { return fmt.Sprintf("read %s: %s", e.Key, e.What) }

// Is makes every CorruptError an ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// unreadable is the error of an object that its parser refuses. One that a later version of
// asof wrote is not corrupt.
func unreadable(key string, err error) error {
	if errors.Is(err, manifest.ErrNewer) {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return corrupt(key, "%v", err)
}

func corrupt(key, format string, args ...any) error {
	return &CorruptError{key, fmt.Sprintf(format, args...)}
}

// Manifest is a manifest in a store. The zero value has no files. It is safe for
// concurrent use.
type Manifest struct {
	manifest.Root
	Size int64 // of its object, in bytes
	read Reader
	head []byte // the part of its object that was read together with the root
}

// Open reads the root of a manifest, and in the same request as many leaves as
// fit. A manifest of up to spanSize bytes takes one request in all, if all its
// leaves are in its own object.
func Open(ctx context.Context, read Reader, name manifest.Digest) (*Manifest, error) {
	root, size, head, err := ReadRoot(ctx, read, name, spanSize)
	if err != nil {
		return nil, err
	}
	_, own := root.Own()
	return &Manifest{root, size + own, read, head}, nil
}

// ReadRoot reads the root of a manifest, and its size in bytes. It begins with the first
// so many bytes of the object, and returns them if the root fits.
func ReadRoot(ctx context.Context, read Reader, name manifest.Digest, first int64) (root manifest.Root, size int64, head []byte, err error) {
	key := manifest.ManifestKey(name)
	if head, err = read(ctx, key, 0, first); err != nil {
		return root, 0, nil, err
	}
	if size, err = manifest.RootSize(head); err != nil {
		return root, 0, nil, unreadable(key, err)
	}
	text := head
	if more := size - int64(len(head)); more > 0 {
		rest, err := read(ctx, key, int64(len(head)), more)
		if err != nil {
			return root, 0, nil, err
		}
		text, head = append(head, rest...), nil
	}
	text = text[:min(size, int64(len(text)))]
	root, err = manifest.ParseRoot(text)
	if err != nil && manifest.Sum(text) == name {
		return root, 0, nil, corrupt(key, "%v", err)
	}
	if err != nil || root.Name != name {
		return root, 0, nil, corrupt(key, "its root does not match its name")
	}
	return root, size, head, nil
}

// without returns the manifest with only those leaves that other lacks. Both
// lists are in the order of the last paths, and equal leaves have equal last
// paths.
func (m *Manifest) without(other manifest.Root) *Manifest {
	rest := *m
	rest.Leaves = nil
	others := other.Leaves
	for _, l := range m.Leaves {
		for len(others) > 0 && others[0].Last < l.Last {
			others = others[1:]
		}
		if len(others) == 0 || others[0].Digest != l.Digest {
			rest.Leaves = append(rest.Leaves, l)
		}
	}
	return &rest
}

// Entries yields the entries of the manifest in path order. It keeps only a
// bounded part in memory. It ends with the first error.
func (m *Manifest) Entries(ctx context.Context) iter.Seq2[manifest.Entry, error] {
	return func(yield func(manifest.Entry, error) bool) {
		for leaf := range m.ReadLeaves(ctx) {
			if leaf.Err != nil {
				yield(manifest.Entry{}, leaf.Err)
				return
			}
			for _, e := range leaf.Entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

package catalog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/asof/asof/manifest"
)

// Reader reads length bytes of an object, from offset on: fewer only where the
// object ends. Beside an error it may return what came before it. It is called
// from several goroutines at a time.
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

// firstRead is the memory in bytes that is taken before anything was read: the
// size of a root is only what the object says.
const firstRead = 64 << 10

// ReadUpTo reads an object's reader to its end, or to so many bytes.
func ReadUpTo(r io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(length, firstRead)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(r, length))
	return b.Bytes(), err
}

// CorruptError is an object that does not hold what its name, or what refers to it,
// says.
type CorruptError struct {
	Key  string
	What string
}

func (e *CorruptError) Error() string { return fmt.Sprintf("read %s: %s", e.Key, e.What) }

func corrupt(key, format string, args ...any) error {
	return &CorruptError{key, fmt.Sprintf(format, args...)}
}

// Manifest is a manifest in a store. The zero value is one of no files. It is
// safe for concurrent use.
type Manifest struct {
	manifest.Root
	Size int64 // of its object in bytes
	read Reader
	head []byte // what was read of its object together with the root
}

// Open reads the root of a manifest, and in the same request as many leaves as
// it can hold: a manifest of up to spanSize bytes takes one request in all, if
// nothing of it stands in others.
func Open(ctx context.Context, read Reader, name manifest.Digest) (*Manifest, error) {
	key := manifest.ManifestKey(name)
	head, err := read(ctx, key, 0, spanSize)
	if err != nil {
		return nil, err
	}
	size, err := manifest.RootSize(head)
	if err != nil {
		return nil, corrupt(key, "%v", err)
	}
	text := head
	if more := size - int64(len(head)); more > 0 {
		rest, err := read(ctx, key, int64(len(head)), more)
		if err != nil {
			return nil, err
		}
		text, head = append(head, rest...), nil
	}
	text = text[:min(size, int64(len(text)))]
	root, err := manifest.ParseRoot(text)
	if err != nil && manifest.Sum(text) == name {
		return nil, corrupt(key, "%v", err)
	}
	if err != nil || root.Name != name {
		return nil, corrupt(key, "its root does not match its name")
	}
	_, own := root.Own()
	return &Manifest{root, size + own, read, head}, nil
}

// without is the manifest with only those leaves that another lacks. Both lists
// are in the order of the last paths, which equal leaves have in common.
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

// Entries yields the entries of the manifest in path order, with a bounded part
// of it in memory. It ends with the first error.
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

// Package dry lets a run do all that it does, but for writing.
package dry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Store is the store of a dry run. It is safe for concurrent use. Its writes stay in memory, and it reads
// everything else from the real store. A body is read only when somebody reads
// the object, and a copy refers to its source. It counts the requests that the
// real store would take. Of the real store's abilities a dry run uses only the
// clock.
type Store struct {
	real   objstore.Store
	priced objstore.Priced // nil: requests cost nothing
	now    func() time.Time

	mu      sync.Mutex
	objects map[string]written
	swaps   int
	counted objstore.Requests
}

// written is an object that was not really written. The zero value is a deleted
// one.
type written struct {
	body     objstore.Body
	from     string // the real object that this is a copy of
	version  objstore.Version
	modified time.Time
}

func (w written) gone() bool { return w.modified.IsZero() }

// NewStore returns a store on a real one, which it only reads. now is the time of its writes.
func NewStore(real objstore.Store, now func() time.Time) *Store {
	s := &Store{real: real, now: now, objects: map[string]written{}}
	s.priced, _ = objstore.As[objstore.Priced](real)
	return s
}

// As gives access to the real store's clock.
func (s *Store) As(target any) (ok bool) {
	if clock, is := target.(*objstore.Clock); is {
		*clock, ok = objstore.As[objstore.Clock](s.real)
	}
	return ok
}

// Requests returns the requests that the real store would have taken, if they cost anything.
func (s *Store) Requests() objstore.Requests {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counted
}

// costs counts requests, if requests cost anything.
func (s *Store) costs(r objstore.Requests) {
	if s.priced == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted = s.counted.Plus(r)
}

func (s *Store) reads()  { s.costs(objstore.Requests{Reads: 1}) }
func (s *Store) writes() { s.costs(objstore.Requests{Writes: 1}) }

func (s *Store) written(key string) (written, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.objects[key]
	return w, ok
}

func (s *Store) put(key string, w written) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = w
}

// stands reports whether an object exists. It asks the real store only for
// objects that all repos share. All others are below a new id, or in a listing
// that was made before.
func (s *Store) stands(ctx context.Context, key string) (bool, error) {
	if w, ok := s.written(key); ok {
		return !w.gone(), nil
	}
	for _, prefix := range []string{manifest.BlobPrefix, manifest.ManifestPrefix, manifest.SegmentPrefix} {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		_, err := s.real.Stat(ctx, key)
		if errors.Is(err, objstore.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	return false, nil
}

// SlashKeys implements objstore.Store.
func (s *Store) SlashKeys() bool { return s.real.SlashKeys() }

// Open implements objstore.Store.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	s.reads()
	w, ok := s.written(key)
	switch {
	case !ok:
		return s.real.Open(ctx, key, offset, length)
	case w.gone():
		return nil, fmt.Errorf("open %s: %w", key, objstore.ErrNotFound)
	case w.from != "":
		return s.real.Open(ctx, w.from, offset, length)
	}
	if err := objstore.CheckRange(offset, length, w.body.Size); err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	r := w.body.Reader(ctx)
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		r.Close()
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	if length == objstore.Whole {
		return r, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, length), r}, nil
}

// Stat implements objstore.Store.
func (s *Store) Stat(ctx context.Context, key string) (objstore.Info, error) {
	s.reads()
	w, ok := s.written(key)
	if !ok {
		return s.real.Stat(ctx, key)
	}
	return s.info(ctx, key, w)
}

func (s *Store) info(ctx context.Context, key string, w written) (objstore.Info, error) {
	info := objstore.Info{Key: key, Size: w.body.Size, Modified: w.modified}
	if w.gone() {
		return objstore.Info{}, fmt.Errorf("stat %s: %w", key, objstore.ErrNotFound)
	}
	if w.from != "" {
		real, err := s.real.Stat(ctx, w.from)
		if err != nil {
			return objstore.Info{}, err
		}
		info.Size = real.Size
	}
	return info, nil
}

// Create implements objstore.Store.
func (s *Store) Create(ctx context.Context, key string, body objstore.Body, _ objstore.Attributes) error {
	there, err := s.stands(ctx, key)
	if err != nil {
		return err
	}
	if s.priced != nil {
		s.costs(s.priced.CreateCost(body.Size, there))
	}
	if there {
		return fmt.Errorf("create %s: %w", key, objstore.ErrExists)
	}
	s.put(key, written{body: body, modified: s.now()})
	return nil
}

// Copy implements objstore.Store.
func (s *Store) Copy(ctx context.Context, src, dst string, _ objstore.Attributes, vacant bool) error {
	there, err := s.stands(ctx, dst)
	if err != nil {
		return err
	}
	if s.priced != nil {
		s.costs(s.priced.CopyCost(vacant, there))
	}
	if there && !vacant {
		return fmt.Errorf("copy to %s: %w", dst, objstore.ErrExists)
	}
	w, ok := s.written(src)
	if !ok {
		// A blob that a sync was about to put into the pool may be missing.
		if strings.HasPrefix(src, manifest.BlobPrefix) {
			if there, err := s.stands(ctx, src); err != nil {
				return err
			} else if !there {
				return fmt.Errorf("copy %s: %w", src, objstore.ErrNotFound)
			}
		}
		w = written{from: src}
	} else if w.gone() {
		return fmt.Errorf("copy %s: %w", src, objstore.ErrNotFound)
	}
	w.modified = s.now()
	s.put(dst, w)
	return nil
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		s.mu.Lock()
		var keys []string
		for _, key := range slices.Sorted(maps.Keys(s.objects)) {
			if strings.HasPrefix(key, prefix) && key > after {
				keys = append(keys, key)
			}
		}
		s.mu.Unlock()
		listed := 0
		give := func(info objstore.Info, err error) bool {
			if err == nil && listed%1000 == 0 {
				s.writes()
			}
			listed++
			return yield(info, err)
		}
		ours := func(before string) bool {
			for ; len(keys) > 0 && (before == "" || keys[0] <= before); keys = keys[1:] {
				if w, _ := s.written(keys[0]); !w.gone() && keys[0] != before {
					if !give(s.info(ctx, keys[0], w)) {
						return false
					}
				}
			}
			return true
		}
		for info, err := range s.real.List(ctx, prefix, after) {
			if err != nil {
				give(info, err)
				return
			}
			if !ours(info.Key) {
				return
			}
			if w, ok := s.written(info.Key); ok && w.gone() {
				continue
			}
			if !give(info, nil) {
				return
			}
		}
		if ours("") && listed == 0 {
			s.writes()
		}
	}
}

// Delete implements objstore.Store.
func (s *Store) Delete(_ context.Context, key string) error {
	s.costs(objstore.Requests{Deletes: 1})
	s.put(key, written{})
	return nil
}

// Load implements objstore.Store.
func (s *Store) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	s.reads()
	w, ok := s.written(key)
	switch {
	case !ok:
		return s.real.Load(ctx, key, have)
	case w.gone():
		return nil, "", fmt.Errorf("load %s: %w", key, objstore.ErrNotFound)
	case have != "" && w.version == have:
		return nil, have, fmt.Errorf("load %s: %w", key, objstore.ErrNotModified)
	}
	r := w.body.Reader(ctx)
	defer r.Close()
	data, err := io.ReadAll(r)
	return data, w.version, err
}

// Swap implements objstore.Store. It takes a real register to be at the version
// that the caller has read.
func (s *Store) Swap(_ context.Context, key string, old objstore.Version, data []byte, _ objstore.Attributes) (objstore.Version, error) {
	s.writes()
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.objects[key]; ok && w.version != old {
		return "", fmt.Errorf("swap %s: %w", key, objstore.ErrChanged)
	}
	s.swaps++
	version := objstore.Version(fmt.Sprint("dry ", s.swaps))
	s.objects[key] = written{body: objstore.Bytes(bytes.Clone(data)), version: version, modified: s.now()}
	return version, nil
}

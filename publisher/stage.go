package publisher

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

// stage is the store of a rehearsal: what is written to it stays in memory, and
// everything else is read from the real one. Bodies are not read before somebody
// wants to read the object, and copies refer to their source. It counts what the
// real store's requests would be.
type stage struct {
	real   objstore.Store
	priced objstore.Priced // nil: requests cost nothing
	now    func() time.Time

	mu      sync.Mutex
	props   map[string]prop
	swaps   int
	counted objstore.Requests
}

// prop stands for an object that was not really written. The zero value is one
// that was deleted.
type prop struct {
	body     objstore.Body
	from     string // the real object that it is a copy of
	version  objstore.Version
	modified time.Time
}

func (pr prop) gone() bool { return pr.modified.IsZero() }

func newStage(real objstore.Store, now func() time.Time) *stage {
	s := &stage{real: real, now: now, props: map[string]prop{}}
	s.priced, _ = objstore.IsPriced(real)
	return s
}

func (s *stage) requests() objstore.Requests {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counted
}

// costs counts requests, where there are any.
func (s *stage) costs(r objstore.Requests) {
	if s.priced == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counted = s.counted.Plus(r)
}

func (s *stage) reads()  { s.costs(objstore.Requests{Reads: 1}) }
func (s *stage) writes() { s.costs(objstore.Requests{Writes: 1}) }

func (s *stage) prop(key string) (prop, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pr, ok := s.props[key]
	return pr, ok
}

func (s *stage) put(key string, pr prop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.props[key] = pr
}

// stands reports whether there is an object. The real store is only asked for
// those that all repos share: whatever else is created belongs to an id that is
// new, or is met by its listing.
func (s *stage) stands(ctx context.Context, key string) (bool, error) {
	if pr, ok := s.prop(key); ok {
		return !pr.gone(), nil
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
func (s *stage) SlashKeys() bool { return s.real.SlashKeys() }

// Open implements objstore.Store.
func (s *stage) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	s.reads()
	pr, ok := s.prop(key)
	switch {
	case !ok:
		return s.real.Open(ctx, key, offset, length)
	case pr.gone():
		return nil, fmt.Errorf("open %s: %w", key, objstore.ErrNotFound)
	case pr.from != "":
		return s.real.Open(ctx, pr.from, offset, length)
	}
	if err := objstore.CheckRange(offset, length, pr.body.Size); err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	r := pr.body.Reader(ctx)
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
func (s *stage) Stat(ctx context.Context, key string) (objstore.Info, error) {
	s.reads()
	pr, ok := s.prop(key)
	if !ok {
		return s.real.Stat(ctx, key)
	}
	return s.info(ctx, key, pr)
}

func (s *stage) info(ctx context.Context, key string, pr prop) (objstore.Info, error) {
	info := objstore.Info{Key: key, Size: pr.body.Size, Modified: pr.modified}
	if pr.gone() {
		return objstore.Info{}, fmt.Errorf("stat %s: %w", key, objstore.ErrNotFound)
	}
	if pr.from != "" {
		real, err := s.real.Stat(ctx, pr.from)
		if err != nil {
			return objstore.Info{}, err
		}
		info.Size = real.Size
	}
	return info, nil
}

// Create implements objstore.Store.
func (s *stage) Create(ctx context.Context, key string, body objstore.Body, _ objstore.Attributes) error {
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
	s.put(key, prop{body: body, modified: s.now()})
	return nil
}

// Copy implements objstore.Store.
func (s *stage) Copy(ctx context.Context, src, dst string, _ objstore.Attributes, vacant bool) error {
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
	pr, ok := s.prop(src)
	if !ok {
		// What a sync was about to put into the pool may not have got there.
		if strings.HasPrefix(src, manifest.BlobPrefix) {
			if there, err := s.stands(ctx, src); err != nil {
				return err
			} else if !there {
				return fmt.Errorf("copy %s: %w", src, objstore.ErrNotFound)
			}
		}
		pr = prop{from: src}
	} else if pr.gone() {
		return fmt.Errorf("copy %s: %w", src, objstore.ErrNotFound)
	}
	pr.modified = s.now()
	s.put(dst, pr)
	return nil
}

// List implements objstore.Store.
func (s *stage) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		s.mu.Lock()
		var keys []string
		for _, key := range slices.Sorted(maps.Keys(s.props)) {
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
		props := func(before string) bool {
			for ; len(keys) > 0 && (before == "" || keys[0] <= before); keys = keys[1:] {
				if pr, _ := s.prop(keys[0]); !pr.gone() && keys[0] != before {
					if !give(s.info(ctx, keys[0], pr)) {
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
			if !props(info.Key) {
				return
			}
			if pr, ok := s.prop(info.Key); ok && pr.gone() {
				continue
			}
			if !give(info, nil) {
				return
			}
		}
		if props("") && listed == 0 {
			s.writes()
		}
	}
}

// Delete implements objstore.Store.
func (s *stage) Delete(_ context.Context, key string) error {
	s.costs(objstore.Requests{Deletes: 1})
	s.put(key, prop{})
	return nil
}

// Load implements objstore.Store.
func (s *stage) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	s.reads()
	pr, ok := s.prop(key)
	switch {
	case !ok:
		return s.real.Load(ctx, key, have)
	case pr.gone():
		return nil, "", fmt.Errorf("load %s: %w", key, objstore.ErrNotFound)
	case have != "" && pr.version == have:
		return nil, have, fmt.Errorf("load %s: %w", key, objstore.ErrNotModified)
	}
	r := pr.body.Reader(ctx)
	defer r.Close()
	data, err := io.ReadAll(r)
	return data, pr.version, err
}

// Swap implements objstore.Store. A real register is taken to be at the version
// that the caller has read.
func (s *stage) Swap(_ context.Context, key string, old objstore.Version, data []byte, _ objstore.Attributes) (objstore.Version, error) {
	s.writes()
	s.mu.Lock()
	defer s.mu.Unlock()
	if pr, ok := s.props[key]; ok && pr.version != old {
		return "", fmt.Errorf("swap %s: %w", key, objstore.ErrChanged)
	}
	s.swaps++
	version := objstore.Version(fmt.Sprint("staged ", s.swaps))
	s.props[key] = prop{body: objstore.Bytes(bytes.Clone(data)), version: version, modified: s.now()}
	return version, nil
}

// Package memstore keeps objects in memory, for tests and "mem://".
package memstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// Options configure a Store. The zero value makes a store that keeps the
// contract.
type Options struct {
	// IgnoreConditions makes a store without compare-and-swap, as some real ones
	// are: Create, Copy and Swap overwrite whatever is there.
	IgnoreConditions bool
	// NoSlashKeys refuses keys that end in "/", as a folder does.
	NoSlashKeys bool
	// Now is the clock of Info.Modified. Nil: time.Now.
	Now func() time.Time
}

// Store is an objstore.Store in memory.
type Store struct {
	opts Options

	mu      sync.RWMutex
	objects map[string]object
}

type object struct {
	data     []byte // never modified
	attr     objstore.Attributes
	modified time.Time
}

var _ objstore.Store = (*Store)(nil)

// New returns an empty store.
func New(opts Options) *Store {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Store{opts: opts, objects: make(map[string]object)}
}

// Clone returns a store of its own that holds what this one holds now.
func (s *Store) Clone(opts Options) *Store {
	clone := New(opts)
	s.mu.RLock()
	defer s.mu.RUnlock()
	maps.Copy(clone.objects, s.objects)
	return clone
}

// SlashKeys implements objstore.Store.
func (s *Store) SlashKeys() bool { return !s.opts.NoSlashKeys }

// begin checks what every method checks.
func (s *Store) begin(ctx context.Context, op string, keys ...string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	for _, key := range keys {
		if err := objstore.CheckKey(key, s.SlashKeys()); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	return nil
}

func (s *Store) get(op, key string) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.objects[key]
	if !ok {
		return object{}, fmt.Errorf("%s %s: %w", op, key, objstore.ErrNotFound)
	}
	return o, nil
}

// Open implements objstore.Store.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := s.begin(ctx, "open", key); err != nil {
		return nil, err
	}
	o, err := s.get("open", key)
	if err != nil {
		return nil, err
	}
	size := int64(len(o.data))
	if err := objstore.CheckRange(offset, length, size); err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	if length == objstore.Whole || length > size-offset {
		length = size - offset
	}
	return io.NopCloser(bytes.NewReader(o.data[offset : offset+length])), nil
}

// Stat implements objstore.Store.
func (s *Store) Stat(ctx context.Context, key string) (objstore.Info, error) {
	if err := s.begin(ctx, "stat", key); err != nil {
		return objstore.Info{}, err
	}
	o, err := s.get("stat", key)
	if err != nil {
		return objstore.Info{}, err
	}
	return objstore.Info{Key: key, Size: int64(len(o.data)), Modified: o.modified}, nil
}

// Attributes returns what the object was stored with, for tests to look at.
func (s *Store) Attributes(ctx context.Context, key string) (objstore.Attributes, error) {
	if err := s.begin(ctx, "attributes", key); err != nil {
		return objstore.Attributes{}, err
	}
	o, err := s.get("attributes", key)
	return o.attr, err
}

// Create implements objstore.Store.
func (s *Store) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	if err := s.begin(ctx, "create", key); err != nil {
		return err
	}
	if _, err := s.get("create", key); err == nil && !s.opts.IgnoreConditions {
		return fmt.Errorf("create %s: %w", key, objstore.ErrExists)
	}
	r := body.Reader(ctx)
	defer r.Close()
	var data bytes.Buffer
	if _, err := io.Copy(&data, r); err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	return s.put("create", key, data.Bytes(), attr, false)
}

// Copy implements objstore.Store. With vacant it copies as MinIO does, over
// whatever is there.
func (s *Store) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	if err := s.begin(ctx, "copy", src, dst); err != nil {
		return err
	}
	o, err := s.get("copy", src)
	if err != nil {
		return err
	}
	return s.put("copy to", dst, o.data, attr, vacant)
}

// put stores an object if there is none, or with over in any case.
func (s *Store) put(op, key string, data []byte, attr objstore.Attributes, over bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[key]; ok && !over && !s.opts.IgnoreConditions {
		return fmt.Errorf("%s %s: %w", op, key, objstore.ErrExists)
	}
	s.objects[key] = object{data: data, attr: attr, modified: s.opts.Now()}
	return nil
}

// List implements objstore.Store. It lists the state at its start.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		if err := objstore.CheckPrefix(prefix); err != nil {
			yield(objstore.Info{}, fmt.Errorf("list: %w", err))
			return
		}
		for _, info := range s.snapshot(prefix, after) {
			if err := ctx.Err(); err != nil {
				yield(objstore.Info{}, fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			if !yield(info, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(objstore.Info{}, fmt.Errorf("list %s: %w", prefix, err))
		}
	}
}

func (s *Store) snapshot(prefix, after string) []objstore.Info {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var infos []objstore.Info
	for key, o := range s.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			infos = append(infos, objstore.Info{Key: key, Size: int64(len(o.data)), Modified: o.modified})
		}
	}
	slices.SortFunc(infos, func(a, b objstore.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos
}

// Delete implements objstore.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.begin(ctx, "delete", key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

// Load implements objstore.Store.
func (s *Store) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if err := s.begin(ctx, "load", key); err != nil {
		return nil, "", err
	}
	o, err := s.get("load", key)
	if err != nil {
		return nil, "", err
	}
	if len(o.data) > objstore.MaxRegister {
		return nil, "", fmt.Errorf("load %s: %w", key, objstore.ErrTooLarge)
	}
	v := version(o.data)
	if v == have {
		return nil, v, fmt.Errorf("load %s: %w", key, objstore.ErrNotModified)
	}
	return bytes.Clone(o.data), v, nil
}

// Swap implements objstore.Store.
func (s *Store) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	if err := s.begin(ctx, "swap", key); err != nil {
		return "", err
	}
	if len(data) > objstore.MaxRegister {
		return "", fmt.Errorf("swap %s: %w", key, objstore.ErrTooLarge)
	}
	data = bytes.Clone(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := objstore.Version("")
	if o, ok := s.objects[key]; ok {
		now = version(o.data)
	}
	if now != old && !s.opts.IgnoreConditions {
		return "", fmt.Errorf("swap %s: %w", key, objstore.ErrChanged)
	}
	s.objects[key] = object{data: data, attr: attr, modified: s.opts.Now()}
	return version(data), nil
}

func version(data []byte) objstore.Version {
	sum := sha256.Sum256(data)
	return objstore.Version(hex.EncodeToString(sum[:16]))
}

package objstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
)

// lossy applies a write, then returns an error: that of a driver whose own retry
// found its first try, or of one that got no answer.
type lossy struct {
	objstore.Store
	create, swap, load error
}

func (s lossy) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	if err := s.Store.Create(ctx, key, body, attr); err != nil {
		return err
	}
	return s.create
}

func (s lossy) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	v, err := s.Store.Swap(ctx, key, old, data, attr)
	if err == nil && s.swap != nil {
		return "", s.swap
	}
	return v, err
}

func (s lossy) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if s.load != nil {
		return nil, "", s.load
	}
	return s.Store.Load(ctx, key, have)
}

func TestPut(t *testing.T) {
	mem := memstore.New(memstore.Options{})
	put := func(s objstore.Store, key, content string) (bool, error) {
		return objstore.Put(t.Context(), s, key, objstore.Bytes([]byte(content)), objstore.Attributes{})
	}
	if created, err := put(mem, "k", "one"); !created || err != nil {
		t.Errorf("first: %v, %v", created, err)
	}
	if created, err := put(mem, "k", "one"); created || err != nil {
		t.Errorf("the same again: %v, %v", created, err)
	}
	for _, other := range []string{"two", "longer", ""} {
		if created, err := put(mem, "k", other); created || !errors.Is(err, objstore.ErrDiffers) {
			t.Errorf("%q over it: %v, %v", other, created, err)
		}
	}
	if created, err := put(lossy{Store: mem, create: objstore.ErrExists}, "own", "x"); created || err != nil {
		t.Errorf("own first try met: %v, %v", created, err)
	}
	if _, err := put(lossy{Store: mem, create: objstore.ErrUnavailable}, "lost", "x"); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("answer lost: %v", err)
	}
	if created, err := put(mem, "lost", "x"); created || err != nil {
		t.Errorf("run again after a lost answer: %v, %v", created, err)
	}
}

func TestUpdate(t *testing.T) {
	mem := memstore.New(memstore.Options{})
	update := func(s objstore.Store, old objstore.Version, data string) (objstore.Version, error) {
		return objstore.Update(t.Context(), s, "r", old, []byte(data), objstore.Attributes{})
	}
	v1, err := update(mem, "", "one")
	if err != nil {
		t.Fatal(err)
	}
	v2, err := update(lossy{Store: mem, swap: objstore.ErrChanged}, v1, "two")
	if err != nil {
		t.Fatalf("own first try met: %v", err)
	}
	if _, v, err := mem.Load(t.Context(), "r", ""); v != v2 || err != nil {
		t.Errorf("Update returned version %q, the register is at %q, %v", v2, v, err)
	}
	if _, err := update(mem, v1, "three"); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("stale: %v", err)
	}
	unreadable := lossy{Store: mem, load: objstore.ErrUnavailable}
	if _, err := update(unreadable, v1, "two"); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("stale, unreadable: %v", err)
	}
}

package memstore_test

import (
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/internal/objstore/storetest"
)

func TestConformance(t *testing.T) {
	for name, opts := range map[string]memstore.Options{"slash": {}, "noslash": {NoSlashKeys: true}} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(*testing.T) objstore.Store { return memstore.New(opts) })
		})
	}
}

func TestPrefixConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) objstore.Store {
		inner := memstore.New(memstore.Options{})
		for _, key := range []string{"snapshot", "snapshots", "snapshots0/x", "a"} { // neighbours
			if err := inner.Create(t.Context(), key, objstore.Bytes(nil), objstore.Attributes{}); err != nil {
				t.Fatal(err)
			}
		}
		s, err := objstore.WithPrefix(inner, "/snapshots/")
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestHeadedConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) objstore.Store { return memstore.Headed{Store: memstore.New(memstore.Options{})} })
	storetest.Run(t, func(t *testing.T) objstore.Store {
		s, err := objstore.WithPrefix(memstore.Headed{Store: memstore.New(memstore.Options{})}, "snapshots")
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestIgnoreConditions(t *testing.T) {
	s := memstore.New(memstore.Options{IgnoreConditions: true})
	ctx := t.Context()
	for _, content := range []string{"one", "two"} {
		if err := s.Create(ctx, "k", objstore.Bytes([]byte(content)), objstore.Attributes{}); err != nil {
			t.Errorf("create: %v", err)
		}
		if _, err := s.Swap(ctx, "r", "", []byte(content), objstore.Attributes{}); err != nil {
			t.Errorf("swap: %v", err)
		}
		if err := s.Copy(ctx, "k", "c", objstore.Attributes{}, false); err != nil {
			t.Errorf("copy: %v", err)
		}
	}
	for _, key := range []string{"k", "r", "c"} {
		if ok, err := objstore.Holds(ctx, s, key, objstore.Bytes([]byte("two"))); err != nil || !ok {
			t.Errorf("%s was not overwritten: %v", key, err)
		}
	}
}

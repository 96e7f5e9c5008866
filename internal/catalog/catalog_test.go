package catalog

import (
	"context"
	"errors"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

func TestRegistersOfNothing(t *testing.T) {
	s := memstore.New(memstore.Options{})
	reg, err := Registry().Load(t.Context(), s)
	if err != nil || reg.Exists() || len(reg.Doc.Repos) > 0 {
		t.Errorf("%+v %v", reg, err)
	}
	repo := manifest.Repo{Name: "a", Base: "a"}
	index, err := Index(repo).Load(t.Context(), s)
	if err != nil || index.Exists() || index.Doc.Generation != 0 || index.Doc.Repo != "a" {
		t.Errorf("%+v %v", index, err)
	}
	other, err := Index(manifest.Repo{Name: "b", Base: "a"}).Swap(t.Context(), s, State[manifest.Index]{}, manifest.NewIndex("b"))
	if err != nil {
		t.Fatal(err)
	}
	index, err = Index(repo).Load(t.Context(), s)
	if err == nil || err.Error() != "a/checkpoints.json: the index belongs to repo b, not a" {
		t.Error(err)
	}
	if damaged, ok := errors.AsType[*DamagedError](err); !ok || damaged.Key != "a/checkpoints.json" || index.Version != other.Version {
		t.Errorf("%+v, %v", index, err)
	}
}

// rival swaps a register ahead of somebody else's swap, a number of times.
type rival struct {
	objstore.Store
	times int
}

func (r *rival) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	if r.times > 0 {
		r.times--
		if _, err := r.Store.Swap(ctx, key, old, []byte{byte('0' + r.times)}, attr); err != nil {
			return "", err
		}
	}
	return r.Store.Swap(ctx, key, old, data, attr)
}

// A change is made of the document that is there when it takes place.
func TestChange(t *testing.T) {
	s := &rival{memstore.New(memstore.Options{}), 3}
	var seen []string
	r := Page("page")
	now, err := r.Change(t.Context(), s, func(now State[[]byte]) ([]byte, bool, error) {
		seen = append(seen, string(now.Doc))
		return append(now.Doc, '!'), true, nil
	})
	if err != nil || string(now.Doc) != "0!" || len(seen) != 4 || seen[0] != "" || seen[3] != "0" {
		t.Errorf("%q, seen %q, %v", now.Doc, seen, err)
	}
	again, err := r.Load(t.Context(), s)
	if err != nil || string(again.Doc) != "0!" || again.Version != now.Version {
		t.Errorf("%+v, %v", again, err)
	}
	failed := errors.New("no")
	for _, change := range []func(State[[]byte]) ([]byte, bool, error){
		func(State[[]byte]) ([]byte, bool, error) { return []byte("x"), false, nil },
		func(State[[]byte]) ([]byte, bool, error) { return []byte("x"), true, failed },
	} {
		if same, err := r.Change(t.Context(), s, change); same.Version != now.Version || err != nil && err != failed {
			t.Errorf("%+v, %v", same, err)
		}
	}
}

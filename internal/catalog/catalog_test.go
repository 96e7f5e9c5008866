package catalog

import (
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
)

func TestRegistersOfNothing(t *testing.T) {
	s := memstore.New(memstore.Options{})
	reg, version, err := Registry(t.Context(), s)
	if err != nil || version != "" || len(reg.Repos) > 0 {
		t.Errorf("%+v %q %v", reg, version, err)
	}
	repo := manifest.Repo{Name: "a", Base: "a"}
	index, version, err := Index(t.Context(), s, repo)
	if err != nil || version != "" || index.Generation != 0 {
		t.Errorf("%+v %q %v", index, version, err)
	}
	other, err := manifest.NewIndex("b").Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(t.Context(), manifest.IndexKey("a"), "", other, objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Index(t.Context(), s, repo); err == nil || err.Error() != "a/checkpoints.json: the index belongs to repo b, not a" {
		t.Error(err)
	}
}

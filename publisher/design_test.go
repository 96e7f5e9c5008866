package publisher

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
)

// redesign makes every page that changes another design's.
func (f *fixture) redesign() {
	f.Helper()
	for _, key := range f.keys("") {
		if strings.HasSuffix(key, ".html") && strings.Count(strings.TrimPrefix(key, f.repo.Base+"/"), "/") == 0 {
			f.replace(key, "<!doctype html><title>another design</title>")
		}
	}
}

// Nothing that is decided depends on what a page looks like: with lists of another
// design every command commits the same index, and writes the lists anew.
func TestPagesDecideNothing(t *testing.T) {
	prepared := newFixture(t, manifest.Thin, isos())
	prepared.seals(3, 4)
	ids := prepared.publishes(8)
	prepared.prune(retain.Policy{Last: 1, IDs: ids[1:7]})
	index := manifest.IndexKey(prepared.repo.Base)
	publish := func(f *fixture) error {
		_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
		return err
	}
	recover := func(f *fixture) error {
		f.lose(index)
		_, err := rebuild.Run(t.Context(), f.rebuilding(rebuild.Options{Write: true}))
		return err
	}
	for name, run := range map[string]func(f *fixture) error{
		"publish unchanged": publish,
		"publish":           func(f *fixture) error { f.up.set("n", "new"); return publish(f) },
		"channel":           func(f *fixture) error { return f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", ids[2]) },
		"prune":             func(f *fixture) error { return pruning(t.Context(), f, f.pub, f.repo) },
		"rebuild":           recover,
		"rebuild behind a killed publish": func(f *fixture) error {
			f.up.set("n", "killed")
			f.crash()
			f.redesign()
			return recover(f)
		},
		"rebuild without records": func(f *fixture) error {
			f.lose(f.keys(manifest.RecordPrefix(f.repo.Base))...)
			return recover(f)
		},
	} {
		plain, other := prepared.clone(), prepared.clone()
		other.redesign()
		if list := other.read(manifest.ListKey(other.repo.Base)); !strings.Contains(list, "another design") {
			t.Fatal(list)
		}
		want, got := run(plain), run(other)
		if (got == nil) != (want == nil) || got != nil && got.Error() != want.Error() {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if !reflect.DeepEqual(other.index(), plain.index()) {
			t.Errorf("%s: the index is\n%+v\nwant\n%+v", name, other.index(), plain.index())
		}
		if _, ambiguous := errors.AsType[*rebuild.AmbiguousError](got); ambiguous {
			continue
		}
		if got != nil {
			t.Errorf("%s: %v", name, got)
		}
		if got, want := other.read(manifest.ListKey(other.repo.Base)), plain.read(manifest.ListKey(plain.repo.Base)); got != want {
			t.Errorf("%s: the list is not written anew", name)
		}
		if strings.HasPrefix(name, "rebuild") {
			other.listsAll() // segments' pages too, which others take for right by the record
		}
	}
}

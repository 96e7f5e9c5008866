package publisher

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
)

// Somebody put an earlier index back, from the bucket's versions or a backup. No
// command builds on it, because final answers would change. A rebuild brings the
// later one back.
func TestIndexPutBack(t *testing.T) {
	for name, next := range map[string]func(f *fixture) error{
		"publish": func(f *fixture) error {
			f.up.files["new"] = "new"
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
			return err
		},
		"unchanged": func(f *fixture) error {
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
			return err
		},
		"together": func(f *fixture) error {
			_, err := f.pub.PublishGroup(t.Context(), []Repo{f.repo}, PublishOptions{Force: true})
			return err
		},
		"channel": func(f *fixture) error {
			return f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", f.ids()[0])
		},
		"prune": func(f *fixture) error {
			_, err := retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1}, Apply: true})
			return err
		},
		"collect": func(f *fixture) error {
			_, err := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, manifest.Thin, isos())
			f.seals(3, 4)
			f.publishes(6)
			key := manifest.IndexKey(f.repo.Base)
			earlier := f.read(key)
			f.publishes(2) // in the tail
			before := f.all()
			f.replace(key, earlier)
			f.clock.add(time.Minute)
			for range 3 {
				if err := next(f); !errors.Is(err, catalog.ErrLost) {
					t.Fatalf("%v, want %v", err, catalog.ErrLost)
				}
			}
			if got := f.read(key); got != earlier {
				t.Errorf("the index is now\n%s", got)
			}
			report := f.rebuild(rebuild.Options{Write: true})
			if got := f.all(); !reflect.DeepEqual(got, before) || report.Repos[0].Index != rebuild.Rebuilt {
				t.Errorf("%s is\n%+v\nwant\n%+v", report.Repos[0].Index, got, before)
			}
			if err := next(f); err != nil {
				t.Error(err)
			}
		})
	}
}

package publisher

import (
	"errors"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
)

// A repo that the registry lacks is found by nobody. So nothing is published to it, or
// collected, until a rebuild has registered it again.
func TestRegistryLost(t *testing.T) {
	for name, lose := range map[string]func(f *fixture){
		"lost": func(f *fixture) { f.lose(manifest.RegistryKey) },
		"older": func(f *fixture) {
			data, err := manifest.Registry{Generation: 1}.Encode()
			if err != nil {
				f.Fatal(err)
			}
			f.replace(manifest.RegistryKey, string(data))
		},
	} {
		f := newFixture(t, manifest.Thin, isos())
		f.publishes(2)
		lose(f)
		before := f.state()
		_, unchanged := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
		f.up.set("new", "new")
		_, published := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
		_, forced := f.pub.Publish(t.Context(), f.repo, PublishOptions{Force: true})
		_, together := f.pub.PublishGroup(t.Context(), []Repo{f.repo}, PublishOptions{})
		_, synced := f.pub.Sync(t.Context(), f.repo, SyncOptions{})
		_, collected := retain.Collect(t.Context(), tools(f.pub), retain.CollectOptions{Apply: true})
		for what, err := range map[string]error{"publish": published, "unchanged": unchanged, "force": forced, "together": together, "sync": synced, "collect": collected} {
			if !errors.Is(err, catalog.ErrLost) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		for key := range f.state() {
			if _, ok := before[key]; !ok {
				t.Errorf("%s: %s was written", name, key)
			}
		}
		f.rebuild(rebuild.Options{Write: true})
		f.publish(PublishOptions{})
		f.followed()
	}
}

package test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/resolver/resolvertest"
)

// The built binary answers every row of the resolver's table, on every store.
func TestResolverTable(t *testing.T) {
	fixture := resolvertest.Load(t)
	onEveryStore(t, func(t *testing.T, store string, env []string) {
		w := newWorkspace(t, "serve: {refresh: 100ms}\n", env...)
		if store == "./data" {
			store = filepath.Join(w.dir, "data")
		}
		fill(t, fixture, store, env)
		fixture.Run(t, w.serve("--store", store), resolvertest.Options{})
	})
}

// fill puts the fixture's objects into a store.
func fill(t *testing.T, fixture resolvertest.Fixture, url string, env []string) {
	t.Helper()
	for _, kv := range env {
		t.Setenv(splitEnv(kv))
	}
	store, err := storeurl.Open(context.Background(), url, storeurl.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := fixture.Fill(t.Context(), store); err != nil {
		t.Fatal(err)
	}
}

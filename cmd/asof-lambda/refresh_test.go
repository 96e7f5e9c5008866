package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/resolvertest"
)

// counting notes each load, and whether it was conditional.
type counting struct {
	objstore.Store
	mu    sync.Mutex
	loads []string
}

func (c *counting) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	note := key
	if have != "" {
		note += " if changed"
	}
	c.mu.Lock()
	c.loads = append(c.loads, note)
	c.mu.Unlock()
	return c.Store.Load(ctx, key, have)
}

// The state is kept between invocations. When it is older than the interval, it
// is loaded again, conditionally. The clock may go backwards.
func TestRefresh(t *testing.T) {
	f := resolvertest.Load(t)
	var objects []resolvertest.Object
	for _, o := range f.Objects { // one repo's
		if o.Key == "asof.json" {
			o.Text = `{"format":"asof.registry/1","generation":1,` + "\n" + `"repos":[` + "\n" + `{"name":"full","base":"checkpoints/full"}]}` + "\n"
		}
		objects = append(objects, o)
	}
	f.Objects = objects
	store := &counting{Store: memstore.New(memstore.Options{})}
	if err := f.Fill(t.Context(), store.Store); err != nil {
		t.Fatal(err)
	}
	r := &refreshed{Resolver: resolver.New(resolver.Options{Store: store}), interval: 5 * time.Second, log: slog.New(slog.DiscardHandler)}
	begin := time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)
	first := []string{".asof/rollout/rings.json", "asof.json", "checkpoints/full/checkpoints.json"}
	again := []string{".asof/rollout/rings.json if changed", "asof.json if changed", "checkpoints/full/checkpoints.json if changed"}
	for _, step := range []struct {
		at   time.Duration
		want []string
	}{
		{0, first},
		{4999 * time.Millisecond, nil},
		{5 * time.Second, again},
		{9 * time.Second, nil},
		{time.Hour, again},
		{time.Minute, again}, // the clock was set back
		{time.Minute, nil},
	} {
		store.loads = nil
		r.refresh(t.Context(), begin.Add(step.at), time.Minute)
		slices.Sort(store.loads)
		if !slices.Equal(store.loads, step.want) {
			t.Errorf("after %s: %q, want %q", step.at, store.loads, step.want)
		}
	}
}

func TestConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		want config
		err  string
	}{
		"least": {map[string]string{"ASOF_STORE": "s3://b"}, config{Store: "s3://b", Refresh: 5 * time.Second, LogLevel: slog.LevelWarn}, ""},
		"all": {
			map[string]string{"ASOF_STORE": "s3://b/p", "ASOF_SERVE_REFRESH": "1m", "ASOF_SERVE_POOL_URL": "https://cdn.example", "ASOF_PUBLIC_URL": "https://host.example/", "ASOF_LOG_LEVEL": "debug", "ASOF_LAMBDA_STREAM": "true"},
			config{Store: "s3://b/p", Refresh: time.Minute, PoolURL: "https://cdn.example", PublicURL: "https://host.example", LogLevel: slog.LevelDebug, Stream: true}, "",
		},
		"no store":    {nil, config{}, "ASOF_STORE: missing: want s3://bucket/prefix?region=…"},
		"no interval": {map[string]string{"ASOF_STORE": "s3://b", "ASOF_SERVE_REFRESH": "0s"}, config{}, "ASOF_SERVE_REFRESH: is 0s; allowed: 50ms to 1h"},
		"no URL":      {map[string]string{"ASOF_STORE": "s3://b", "ASOF_PUBLIC_URL": "host.example"}, config{}, "ASOF_PUBLIC_URL: it is no http or https URL"},
		"no boolean":  {map[string]string{"ASOF_STORE": "s3://b", "ASOF_LAMBDA_STREAM": "maybe"}, config{}, `ASOF_LAMBDA_STREAM: is "maybe", neither true nor false`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readConfig(func(name string) (string, bool) { value, ok := tt.env[name]; return value, ok })
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

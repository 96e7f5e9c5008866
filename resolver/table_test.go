package resolver_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/resolvertest"
)

// TestTable runs the conformance table against the handler over a real server,
// for each store that needs no network.
func TestTable(t *testing.T) {
	dir, err := dirstore.New(t.TempDir(), dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := resolvertest.Load(t)
	for name, store := range map[string]objstore.Store{"mem": memstore.New(memstore.Options{}), "dir": dir} {
		t.Run(name, func(t *testing.T) {
			// Twice: what stands there already is no error.
			if err := errors.Join(f.Fill(t.Context(), store), f.Fill(t.Context(), store)); err != nil {
				t.Fatal(err)
			}
			r := resolver.New(resolver.Options{Store: store})
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(r)
			defer server.Close()
			f.Run(t, server.URL, resolvertest.Options{})
		})
	}
}

// TestLost holds that a register that was lost before the start is not taken for one that
// never was, and that it is taken up once it is there again.
func TestLost(t *testing.T) {
	whole := resolvertest.Load(t)
	for name, f := range whole.Lost() {
		t.Run(name, func(t *testing.T) {
			store := memstore.New(memstore.Options{})
			if err := f.Fill(t.Context(), store); err != nil {
				t.Fatal(err)
			}
			r := resolver.New(resolver.Options{Store: store})
			for range 2 {
				if err := r.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "lost; asof rebuild writes it again") {
					t.Errorf("refresh: %v", err)
				}
				if _, ready := r.Status(); ready != (name == "index") {
					t.Errorf("ready: %v", ready)
				}
			}
			server := httptest.NewServer(r)
			defer server.Close()
			f.Run(t, server.URL, resolvertest.Options{})
			if err := errors.Join(whole.Fill(t.Context(), store), r.Refresh(t.Context())); err != nil {
				t.Fatal(err)
			}
			whole.Run(t, server.URL, resolvertest.Options{})
		})
	}
}

// TestSandbox holds which files browsers may not run, however files are delivered.
func TestSandbox(t *testing.T) {
	f := resolvertest.Load(t).Sandboxed()
	store := memstore.New(memstore.Options{})
	if err := f.Fill(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	r := resolver.New(resolver.Options{Store: store, Sandbox: true})
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	f.Run(t, server.URL, resolvertest.Options{})
}

// TestLog holds that a request is logged at the level Debug, and not above.
func TestLog(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelInfo:  "",
		slog.LevelDebug: "level=DEBUG msg=request method=GET path=/x/y status=404 bytes=",
	} {
		var log bytes.Buffer
		r := resolver.New(resolver.Options{
			Store: memstore.New(memstore.Options{}),
			Log:   slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})),
		})
		if err := r.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x/y", nil))
		if got := log.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: logged %q, want %q", level, got, want)
		}
	}
}

// BenchmarkRequest measures what a server spends beside its connections.
func BenchmarkRequest(b *testing.B) {
	f := resolvertest.Load(b)
	store := memstore.New(memstore.Options{})
	if err := f.Fill(b.Context(), store); err != nil {
		b.Fatal(err)
	}
	r := resolver.New(resolver.Options{Store: store})
	if err := r.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	for name, target := range map[string]string{
		"redirect": "/checkpoints/full/20250319T000000Z/dists/stable/InRelease",
		"file":     "/checkpoints/full/20250318T140338Z/dists/stable/InRelease",
		"list":     "/checkpoints/full/",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			req := httptest.NewRequest(http.MethodGet, target, nil)
			for b.Loop() {
				r.ServeHTTP(httptest.NewRecorder(), req)
			}
		})
	}
}

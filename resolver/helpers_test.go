package resolver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/resolvertest"
)

const (
	older  = "20250310T120000Z"
	pruned = "20250312T080000Z"
	exact  = "20250318T140338Z"
	newest = "20250320T101500Z"
)

// spy is a store that notes what is asked of it, and fails on demand.
type spy struct {
	objstore.Store

	mu    sync.Mutex
	calls []string
	fail  func(op, key string) error
	wrap  func(key string, r io.ReadCloser) io.ReadCloser
}

func (s *spy) note(op, key, more string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, op+" "+key+more)
	if s.fail != nil {
		return s.fail(op, key)
	}
	return nil
}

func (s *spy) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := s.note("open", key, fmt.Sprintf(" %d %d", offset, length)); err != nil {
		return nil, err
	}
	r, err := s.Store.Open(ctx, key, offset, length)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.wrap != nil {
		r = s.wrap(key, r)
	}
	return r, err
}

func (s *spy) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if err := s.note("load", key, ""); err != nil {
		return nil, "", err
	}
	return s.Store.Load(ctx, key, have)
}

func (s *spy) Stat(ctx context.Context, key string) (objstore.Info, error) {
	if err := s.note("stat", key, ""); err != nil {
		return objstore.Info{}, err
	}
	return s.Store.Stat(ctx, key)
}

// taken returns the calls since the last time, shortened, and forgets them.
func (s *spy) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, c := range s.calls {
		if strings.Contains(c, manifest.ManifestPrefix) {
			c = "manifest"
		}
		out = append(out, c)
	}
	s.calls = nil
	return out
}

func (s *spy) set(fail func(op, key string) error, wrap func(key string, r io.ReadCloser) io.ReadCloser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail, s.wrap = fail, wrap
}

func away(op, key string) error { return fmt.Errorf("%s %s: %w", op, key, objstore.ErrUnavailable) }

// service is a resolver over the fixture, behind a spy.
type service struct {
	*Resolver
	t     testing.TB
	store *spy
	log   *bytes.Buffer
}

func serve(t testing.TB, opts Options) *service {
	t.Helper()
	return serveFrom(t, resolvertest.Load(t), opts)
}

// serveFrom is a resolver over a store with these objects.
func serveFrom(t testing.TB, f resolvertest.Fixture, opts Options) *service {
	t.Helper()
	store := &spy{Store: memstore.New(memstore.Options{})}
	if err := f.Fill(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, store: store, log: &bytes.Buffer{}}
	opts.Store = store
	opts.Log = slog.New(slog.NewTextHandler(s.log, nil))
	s.Resolver = New(opts)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.taken()
	return s
}

func (s *service) get(target string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	req := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res := httptest.NewRecorder()
	s.ServeHTTP(res, req)
	return res
}

func (s *service) want(target string, status int, location string) *httptest.ResponseRecorder {
	s.t.Helper()
	res := s.get(target)
	if res.Code != status || res.Header().Get("Location") != location {
		s.t.Errorf("%s: %d %q, want %d %q\n%.200s", target, res.Code, res.Header().Get("Location"), status, location, res.Body)
	}
	return res
}

func (s *service) wantCalls(want ...string) {
	s.t.Helper()
	if got := s.store.taken(); !slices.Equal(got, want) {
		s.t.Errorf("requests to the store: %q, want %q", got, want)
	}
}

// change swaps an index for a changed one.
func (s *service) change(base string, change func(manifest.Index) (manifest.Index, error)) {
	s.t.Helper()
	key := manifest.IndexKey(base)
	data, version, err := s.store.Store.Load(s.t.Context(), key, "")
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		s.t.Fatal(err)
	}
	ix := manifest.NewIndex(base)
	if err == nil {
		if ix, err = manifest.ParseIndex(data); err != nil {
			s.t.Fatal(err)
		}
	}
	ix, err = change(ix)
	if err == nil {
		data, err = ix.Encode()
	}
	if err == nil {
		_, err = s.store.Swap(s.t.Context(), key, version, data, objstore.Attributes{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// register swaps the registry for one with other repos.
func (s *service) register(change func(*manifest.Registry)) {
	s.t.Helper()
	data, version, err := s.store.Store.Load(s.t.Context(), manifest.RegistryKey, "")
	var registry manifest.Registry
	if err == nil {
		registry, err = manifest.ParseRegistry(data)
	}
	if err == nil {
		change(&registry)
		data, err = registry.Encode()
	}
	if err == nil {
		_, err = s.store.Swap(s.t.Context(), manifest.RegistryKey, version, data, objstore.Attributes{})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func mustID(t testing.TB, text string) manifest.ID {
	t.Helper()
	id, err := manifest.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustDigest(t testing.TB, text string) manifest.Digest {
	t.Helper()
	d, err := manifest.ParseDigest(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

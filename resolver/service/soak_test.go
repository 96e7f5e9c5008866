package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/resolvertest"
)

const (
	soakClients  = 16
	soakRequests = 8000 // without ASOF_SOAK
)

// unsteady is a store that is away now and then.
type unsteady struct {
	objstore.Store
	away atomic.Bool
}

var errAway = fmt.Errorf("soak: %w", objstore.ErrUnavailable)

func (s *unsteady) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if s.away.Load() {
		return nil, errAway
	}
	return s.Store.Open(ctx, key, offset, length)
}

func (s *unsteady) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if s.away.Load() {
		return nil, "", errAway
	}
	return s.Store.Load(ctx, key, have)
}

// TestSoak loads a server with requests of all kinds, from clients that also
// leave early, while indexes change and the store goes away now and then; and
// finds no more goroutines, memory and open files in the end than near the
// beginning. ASOF_SOAK is for how long (make soak: an hour); without it the
// number of requests is bounded.
func TestSoak(t *testing.T) {
	folder, err := dirstore.New(t.TempDir(), dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := resolvertest.Load(t).Fill(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	store := &unsteady{Store: folder}
	metrics := NewMetrics()
	ropts := resolver.Options{Store: metrics.CountErrors(store), Refresh: 20 * time.Millisecond, HotBytes: 64 << 10, CacheBytes: 64 << 10}
	r := resolver.New(ropts)
	metrics.Watch(r, time.Now)
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var background sync.WaitGroup
	background.Go(func() { _ = r.Run(ctx) })
	background.Go(func() { disturb(ctx, t, store) })
	s := New(Options{Resolver: r, Metrics: metrics, RatePerSecond: 1e9, Burst: 1 << 30})
	addr, end := run(t, &Server{Handler: s, MaxConnections: 2 * soakClients})

	length, err := time.ParseDuration(os.Getenv("ASOF_SOAK"))
	if err != nil && os.Getenv("ASOF_SOAK") != "" {
		t.Fatal(err)
	}
	soak(t, addr, soakRequests/4, length/10)
	early := measure()
	soak(t, addr, soakRequests, length)
	late := measure()
	t.Logf("early %+v, late %+v", early, late)
	if late.goroutines > early.goroutines+5 || late.files > early.files+5 || late.heap > early.heap+early.heap/4+(2<<20) {
		buf := make([]byte, 1<<20)
		t.Errorf("early %+v, late %+v\n%s", early, late, buf[:runtime.Stack(buf, true)])
	}
	stop()
	background.Wait()
	if err := end(); err != nil {
		t.Error(err)
	}
}

// load is what a process holds.
type load struct {
	goroutines, files int
	heap              uint64
}

// measure waits until nothing is being closed any more.
func measure() (l load) {
	for range 50 {
		files, _ := os.ReadDir("/proc/self/fd") // only on Linux
		now := load{goroutines: runtime.NumGoroutine(), files: len(files)}
		if now.goroutines == l.goroutines && now.files == l.files {
			break
		}
		l = now
		time.Sleep(100 * time.Millisecond)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // pools are emptied by the second
	runtime.ReadMemStats(&m)
	l.heap = m.HeapAlloc
	return l
}

// soak makes requests for so long, or that many if length is 0.
func soak(t *testing.T, addr string, requests int64, length time.Duration) {
	t.Helper()
	begin := time.Now()
	var done atomic.Int64
	more := func() bool {
		if n := done.Add(1); length == 0 {
			return n <= requests
		}
		return time.Since(begin) < length
	}
	var clients sync.WaitGroup
	for i := range soakClients {
		clients.Go(func() {
			transport := &http.Transport{MaxIdleConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for more() && t.Context().Err() == nil {
				if err := soakOnce(t.Context(), client, addr, rng); err != nil {
					t.Errorf("soak: %v", err)
					return
				}
			}
		})
	}
	clients.Wait()
}

// soakOnce is one client doing one thing. What it gets is right or says that it
// is not: 503, or a broken connection.
func soakOnce(ctx context.Context, client *http.Client, addr string, rng *rand.Rand) error {
	if rng.IntN(20) == 0 { // leaves in the middle of a request, or says nothing
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		_, err = io.WriteString(conn, []string{"", "GET / HT", "GET /checkpoints/full/" + exact + "/big.bin HTTP/1.1\r\nHost: h\r\n\r\n"}[rng.IntN(3)])
		return errors.Join(err, conn.Close())
	}
	targets := []string{
		"/", "/checkpoints/full/", "/checkpoints/sealed/", "/checkpoints/full/latest/1.iso", "/checkpoints/thin/20250319/docs", "/checkpoints/full/20240101/x",
		file, "/checkpoints/thin/" + exact + "/big.bin", "/checkpoints/full/" + exact + "/big.bin", "/checkpoints/full/" + exact + "/docs/", "/checkpoints/full/" + exact + "/none",
		"/checkpoints/sealed/20240215T000000Z/1.iso", "/-/files?repo=thin&at=" + exact, "/-/checkpoints?repo=sealed", "/-/timemap/link/checkpoints/sealed/", "/mr/timestamp", "/-/metrics", "/-/readyz",
		"/-/sha256/a9fe57239945c5c1f87713862904a90c8f1c455e39dbcde923f1c6d871e4c966",
	}
	method := http.MethodGet
	if rng.IntN(10) == 0 {
		method = http.MethodHead
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+targets[rng.IntN(len(targets))], nil)
	if err != nil {
		return err
	}
	if rng.IntN(5) == 0 {
		req.Header.Set("Range", "bytes=5-100,200-300")
	}
	res, err := client.Do(req)
	if err != nil {
		return nil // the store was away in the middle of an answer
	}
	defer res.Body.Close()
	if rng.IntN(10) == 0 {
		return nil // leaves before the end
	}
	if _, err := io.Copy(io.Discard, res.Body); err == nil && res.StatusCode >= 500 && res.StatusCode != http.StatusServiceUnavailable {
		return fmt.Errorf("%s: %s", req.URL, res.Status)
	}
	return nil
}

// disturb moves a horizon on and lets the store go away, again and again.
func disturb(ctx context.Context, t *testing.T, store *unsteady) {
	key := manifest.IndexKey("checkpoints/full")
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(30 * time.Millisecond):
		}
		store.away.Store(i%10 == 9)
		data, version, err := store.Store.Load(ctx, key, "")
		if err != nil {
			continue // told to stop
		}
		ix, err := manifest.ParseIndex(data)
		if err == nil {
			ix, err = ix.MoveHorizon(ix.Horizon + 1)
		}
		if err == nil {
			data, err = ix.Encode()
		}
		if err == nil {
			_, err = store.Store.Swap(ctx, key, version, data, objstore.Attributes{})
		}
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
	}
}

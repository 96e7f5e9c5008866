package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/resolvertest"
)

const (
	exact = "20250318T140338Z"
	file  = "/checkpoints/full/" + exact + "/1.iso"
)

// flaky is the fixture's store, which can be switched off.
type flaky struct {
	objstore.Store
	off bool
}

func (s *flaky) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if s.off {
		return nil, "", fmt.Errorf("load %s: %w", key, objstore.ErrUnavailable)
	}
	return s.Store.Load(ctx, key, have)
}

// setup is a service over the fixture.
func setup(t testing.TB, change func(*Options, *resolver.Options)) (*Service, *flaky) {
	t.Helper()
	store := &flaky{Store: memstore.New(memstore.Options{})}
	if err := resolvertest.Load(t).Fill(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	metrics := NewMetrics()
	ropts := resolver.Options{Store: metrics.CountErrors(store), Log: slog.New(slog.DiscardHandler), Now: time.Now}
	opts := Options{Metrics: metrics, Log: ropts.Log}
	if change != nil {
		change(&opts, &ropts)
	}
	opts.Resolver = resolver.New(ropts)
	metrics.Watch(opts.Resolver, ropts.Now)
	if err := opts.Resolver.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return New(opts), store
}

func ask(s http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "peer" {
			req.RemoteAddr = headers[i+1] + ":1234"
		} else {
			req.Header.Add(headers[i], headers[i+1])
		}
	}
	res := httptest.NewRecorder()
	s.ServeHTTP(res, req)
	return res
}

// TestTable holds that what the service adds changes no answer.
func TestTable(t *testing.T) {
	s, _ := setup(t, func(o *Options, _ *resolver.Options) {
		o.RatePerSecond, o.Burst = 1, 1<<20
		o.AccessLog = slog.New(slog.DiscardHandler)
	})
	server := httptest.NewServer(s)
	defer server.Close()
	resolvertest.Load(t).Run(t, server.URL, resolvertest.Options{})
}

func TestProbes(t *testing.T) {
	fresh := New(Options{Resolver: resolver.New(resolver.Options{Store: memstore.New(memstore.Options{})}), Metrics: NewMetrics(), Log: slog.New(slog.DiscardHandler)})
	if live, ready := ask(fresh, "/-/healthz"), ask(fresh, "/-/readyz"); live.Code != 200 || ready.Code != 503 {
		t.Errorf("before the first refresh: %d %d", live.Code, ready.Code)
	}
	s, store := setup(t, nil)
	store.off = true
	if s.opts.Resolver.Refresh(t.Context()) == nil {
		t.Error("no error")
	}
	if res := ask(s, "/-/readyz"); res.Code != 200 || res.Body.String() != "ok\n" {
		t.Errorf("with the store away: %d %q", res.Code, res.Body)
	}
	s.Drain()
	if live, ready := ask(s, "/-/healthz"), ask(s, "/-/readyz"); live.Code != 200 || ready.Code != 503 {
		t.Errorf("draining: %d %d", live.Code, ready.Code)
	}
}

func TestMetrics(t *testing.T) {
	s, store := setup(t, nil)
	for _, target := range []string{file, file, "/checkpoints/full/20250319/1.iso", "/none"} {
		ask(s, target)
	}
	store.off = true
	_ = s.opts.Resolver.Refresh(t.Context())
	body := ask(s, "/-/metrics").Body.String()
	for _, want := range []string{
		`asof_requests_total{status="200"} 2`, `asof_requests_total{status="301"} 1`, `asof_requests_total{status="404"} 1`,
		"asof_request_duration_seconds_count 4", "asof_ready 1", `asof_checkpoints{repo="thin"} 4`, `asof_index_stale{repo="full"} 1`,
		`asof_horizon_lag_seconds{repo="full"} `, `asof_index_age_seconds{repo="full"} `, `asof_store_errors_total{error="unavailable",operation="load"} `,
		"go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
	own, _ := setup(t, func(o *Options, _ *resolver.Options) { o.OwnMetrics = true })
	if res := ask(own, "/-/metrics"); res.Code != 404 {
		t.Errorf("metrics that are served elsewhere: %d", res.Code)
	}
}

// Rings tell how old they are, whether they are held, and when they may move.
func TestMetricsOfRings(t *testing.T) {
	at, err := manifest.ParseID("20250401T000000Z")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := setup(t, func(_ *Options, r *resolver.Options) { r.Now = at.Time })
	body := ask(s, "/-/metrics").Body.String()
	for _, want := range []string{`asof_ring_age_seconds{ring="prod"} 1.1232e+06`, `asof_ring_held{ring="prod"} 0`, `asof_ring_due_seconds{ring="before"} 0`, `asof_ring_held{ring="wave"} 0`} {
		if !strings.Contains(body, "\n"+want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	for _, not := range []string{`asof_ring_age_seconds{ring="wave"}`, `asof_ring_due_seconds{ring="prod"}`} {
		if strings.Contains(body, not) {
			t.Errorf("metrics have %s", not)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

// A horizon in the future must be seen, and must not look like a publish of just now.
func TestMetricsOfTheFuture(t *testing.T) {
	horizon, err := manifest.ParseID("20250401T000000Z")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		ago        time.Duration
		lag, ahead string
	}{
		{time.Hour, "3600", "0"},
		{0, "0", "0"},
		{-2 * time.Minute, "0", "120"},
		{-2*time.Minute - time.Second, "+Inf", "121"},
		{-24 * time.Hour, "+Inf", "86400"},
	} {
		now := func() time.Time { return horizon.Time().Add(tt.ago) }
		s, _ := setup(t, func(_ *Options, r *resolver.Options) { r.Now = now })
		body := ask(s, "/-/metrics").Body.String()
		for _, want := range []string{`asof_horizon_lag_seconds{repo="full"} ` + tt.lag, `asof_horizon_ahead_seconds{repo="full"} ` + tt.ahead} {
			if !strings.Contains(body, "\n"+want+"\n") {
				t.Errorf("%s ago: metrics lack %s", tt.ago, want)
			}
		}
	}
}

func TestAccessLog(t *testing.T) {
	var log bytes.Buffer
	s, _ := setup(t, func(o *Options, _ *resolver.Options) {
		o.AccessLog = slog.New(slog.NewTextHandler(&log, nil))
		o.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	ask(s, file+"?token=secret", "peer", "10.1.2.3", "X-Forwarded-For", "192.0.2.1, 198.51.100.7", "User-Agent", "a\nb")
	line := log.String()
	for _, want := range []string{"level=INFO msg=request client=198.51.100.7 user=\"\" method=GET", "path=" + file, "status=200 bytes=15", `agent="a\nb"`} {
		if !strings.Contains(line, want) {
			t.Errorf("the log lacks %q: %s", want, line)
		}
	}
	if strings.Contains(line, "secret") || strings.Count(line, "\n") != 1 {
		t.Errorf("log %q", line)
	}
}

// TestSecure holds that only a trusted proxy, or TLS here, makes a mirror list's addresses
// https, and that nobody but the client's own Host says what host they name.
func TestSecure(t *testing.T) {
	s, _ := setup(t, func(o *Options, r *resolver.Options) {
		o.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		r.Secure = Secure(o.Trusted)
	})
	const target = "/-/mirrorlist/checkpoints/full/" + exact + "/"
	for _, c := range []struct {
		headers []string
		want    string
	}{
		{[]string{"peer", "10.1.2.3", "X-Forwarded-Proto", "https"}, "https"},
		{[]string{"peer", "10.1.2.3", "X-Forwarded-Proto", "HTTPS"}, "https"},
		{[]string{"peer", "10.1.2.3", "X-Forwarded-Proto", "http"}, "http"},
		{[]string{"peer", "10.1.2.3", "X-Forwarded-Proto", "gopher"}, "http"},
		{[]string{"peer", "10.1.2.3"}, "http"},
		{[]string{"peer", "192.0.2.9", "X-Forwarded-Proto", "https"}, "http"},
		{[]string{"peer", "10.1.2.3", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example;proto=https", "X-Forwarded-Port", "1"}, "http"},
	} {
		if got, want := ask(s, target, c.headers...).Body.String(), c.want+"://example.com/checkpoints/full/"+exact+"/\n"; got != want {
			t.Errorf("%q: %q, want %q", c.headers, got, want)
		}
	}
	req := httptest.NewRequest(http.MethodGet, "https://example.com"+target, nil)
	res := httptest.NewRecorder()
	s.ServeHTTP(res, req)
	if !strings.HasPrefix(res.Body.String(), "https://example.com/") {
		t.Errorf("TLS: %s", res.Body)
	}
}

// TestClient holds that X-Forwarded-For counts as far as trusted proxies wrote it.
func TestClient(t *testing.T) {
	s := &Service{opts: Options{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"192.0.2.9:1", "198.51.100.1", "192.0.2.9"}, // who is not trusted may write anything
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.1:1", "6.6.6.6, nonsense", "10.0.0.1"},
		{"10.0.0.1:1", "nonsense, 10.0.0.5", "10.0.0.5"},
		{"[::ffff:10.0.0.1]:1", "2001:db8::1", "2001:db8::1"},
		{"[fd00::1]:1", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1", strings.Repeat("10.0.0.3,", 100) + "10.0.0.4", "10.0.0.3"},
		{"@", "198.51.100.1", "invalid IP"},
	} {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.RemoteAddr = c.peer
		req.Header.Set("X-Forwarded-For", c.forwarded)
		if got := s.client(req).String(); got != c.want {
			t.Errorf("%s, %.40q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestRateLimit(t *testing.T) {
	s, _ := setup(t, func(o *Options, _ *resolver.Options) { o.RatePerSecond, o.Burst = 0.001, 2 })
	for i, want := range []int{200, 200, 429, 429} {
		res := ask(s, file, "peer", "192.0.2.1", "X-Forwarded-For", fmt.Sprint("198.51.100.", i))
		if res.Code != want {
			t.Errorf("request %d: %d, want %d", i, res.Code, want)
		}
		if want == 429 && (res.Header().Get("Retry-After") != "1000" || res.Header().Get("Cache-Control") != "no-store" || !strings.HasPrefix(res.Body.String(), "error: too many requests")) {
			t.Errorf("%v\n%s", res.Header(), res.Body)
		}
	}
	for _, target := range []string{"/-/healthz", "/-/readyz"} {
		if res := ask(s, target, "peer", "192.0.2.1"); res.Code != 200 {
			t.Errorf("%s: %d", target, res.Code)
		}
	}
	if res := ask(s, file, "peer", "192.0.2.2"); res.Code != 200 {
		t.Errorf("another client: %d", res.Code)
	}
	for i, want := range []int{200, 200, 429} { // one network
		if res := ask(s, file, "peer", fmt.Sprintf("[2001:db8::%d]", i)); res.Code != want {
			t.Errorf("IPv6 request %d: %d, want %d", i, res.Code, want)
		}
	}
}

// TestRateLimitMemory holds that clients are forgotten, and not the busy ones.
func TestRateLimitMemory(t *testing.T) {
	l := newLimits(0.001, 1)
	now := time.Now()
	busy := netip.MustParseAddr("192.0.2.1")
	l.wait(busy, now)
	addr := netip.MustParseAddr("10.0.0.0")
	for i := range 5 * clientsKept {
		addr = addr.Next()
		l.wait(addr, now)
		if i%1000 == 0 && l.wait(busy, now) == 0 {
			t.Fatal("the busy client was forgotten")
		}
	}
	if n := len(l.young) + len(l.old); n > 2*clientsKept {
		t.Errorf("%d clients", n)
	}
}

func TestAuth(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("opensesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a-token"))
	user, token := Credential{User: "ci", Bcrypt: string(hash)}, Credential{Token: hex.EncodeToString(sum[:])}
	auth, err := NewAuth(nil, map[string][]Credential{"checkpoints/full": {user, token}, "checkpoints/thin": {token}})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := setup(t, func(o *Options, r *resolver.Options) { o.Access, r.Access = auth.Access, auth.Access })
	basic := func(user, password string) string {
		req := &http.Request{Header: http.Header{}}
		req.SetBasicAuth(user, password)
		return req.Header.Get("Authorization")
	}
	thin := strings.Replace(file, "full", "thin", 1)
	const blob = "/-/sha256/a9fe57239945c5c1f87713862904a90c8f1c455e39dbcde923f1c6d871e4c966"
	for _, c := range []struct {
		target, authorization string
		want                  int
	}{
		{file, "", 401}, {file, basic("ci", "opensesame"), 200}, {file, basic("ci", "opensesame"), 200}, {file, basic("ci", "wrong"), 401}, {file, basic("other", "opensesame"), 401},
		{file, basic("ci", ""), 401}, {file, basic("ci", strings.Repeat("x", 100)), 401}, {file, "Bearer a-token", 200}, {file, "bearer a-token", 200}, {file, "Bearer a-tokem", 401}, {file, "Bearer", 401}, {file, "Basic !", 401},
		{thin, basic("ci", "opensesame"), 401}, {thin, "Bearer a-token", 200},
		{"/", "", 200}, {"/empty/", "", 200}, {"/-/metrics", "", 403}, {"/-/metrics", "Bearer a-token", 200},
		{blob, "", 401}, {blob, basic("ci", "opensesame"), 401}, {blob, "Bearer a-token", 200},
	} {
		res := ask(s, c.target, "Authorization", c.authorization)
		if res.Code != c.want {
			t.Errorf("%s with %q: %d, want %d", c.target, c.authorization, res.Code, c.want)
		}
	}

	whole, err := NewAuth([]Credential{user}, map[string][]Credential{"checkpoints/thin": {token}})
	if err != nil {
		t.Fatal(err)
	}
	s, _ = setup(t, func(o *Options, r *resolver.Options) { o.Access, r.Access = whole.Access, whole.Access })
	// What there is not asks for credentials, too: nobody without them learns names.
	for _, target := range []string{"/nowhere", "/nowhere/", "/checkpoints/none/", "/-/none", "/-/resolve?repo=none", "/-/timemap/link/none/", "/checkpoints/thin/", "/checkpoints/full/"} {
		if res := ask(s, target); res.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", target, res.Code)
		}
	}
	for target, want := range map[string]int{"/": 401, "/empty/": 401, file: 401, "/-/repos": 401, "/-/metrics": 403, "/-/healthz": 200, "/-/readyz": 200, blob: 401} {
		if res := ask(s, target); res.Code != want {
			t.Errorf("%s: %d, want %d", target, res.Code, want)
		}
	}
	for target, want := range map[string]int{"/nowhere/": 404, "/-/resolve?repo=none": 404, "/": 200, "/empty/": 200, file: 200, "/-/metrics": 403, thin: 401, blob: 401} {
		if res := ask(s, target, "Authorization", basic("ci", "opensesame")); res.Code != want {
			t.Errorf("%s with credentials: %d, want %d", target, res.Code, want)
		}
	}
	for _, bad := range []Credential{{}, {User: "a"}, {User: "a:b", Bcrypt: string(hash)}, {User: "a", Bcrypt: "plain"}, {Token: "a-token"}, {User: "a", Token: token.Token}} {
		if _, err := NewAuth([]Credential{bad}, nil); err == nil || strings.Contains(err.Error(), "plain") || strings.Contains(err.Error(), "a-token") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

var errDisk = errors.New("disk on fire")

type burning struct{ objstore.Store }

func (burning) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, errDisk
}

func TestStoreErrors(t *testing.T) {
	m := NewMetrics()
	s := m.CountErrors(burning{memstore.New(memstore.Options{})})
	_, err := s.Open(t.Context(), "a", 0, objstore.Whole)
	_, missing := s.Stat(t.Context(), "a")
	if !errors.Is(err, errDisk) || !errors.Is(missing, objstore.ErrNotFound) {
		t.Errorf("%v, %v", err, missing)
	}
	res := httptest.NewRecorder()
	m.ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/", nil))
	if body := res.Body.String(); !strings.Contains(body, `asof_store_errors_total{error="other",operation="open"} 1`) || strings.Contains(body, `operation="stat"`) {
		t.Error(body)
	}
}

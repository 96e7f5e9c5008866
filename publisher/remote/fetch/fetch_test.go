package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

func newClient(t *testing.T, base string, opts Options, env Env) *Client {
	t.Helper()
	u, err := ParseURL(base)
	if err != nil {
		t.Fatal(err)
	}
	if env.LookupEnv == nil {
		env.LookupEnv = variables(nil) // not the proxies of the machine that tests
	}
	if env.Gates == nil {
		env.Gates = retry.NewGates(retry.Options{}) // no patience
	}
	c, err := New(u, opts, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func variables(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := m[name]
		return v, ok
	}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// read gets a whole document.
func read(ctx context.Context, c *Client, u *url.URL, size int64) (string, error) {
	resp, err := c.Get(ctx, u, size)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return string(data), err
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// check compares an error's text, with the server's address as HOST, and
// whether it is temporary.
func check(t *testing.T, err error, host, want string, temporary bool) {
	t.Helper()
	got := "nil"
	if err != nil {
		got = strings.ReplaceAll(err.Error(), host, "HOST")
	}
	if got != want {
		t.Errorf("error\n got %s\nwant %s", got, want)
	}
	if e, ok := errors.AsType[*remote.TemporaryError](err); ok != temporary {
		t.Errorf("temporary is %v, want %v (%v)", ok, temporary, e)
	}
}

func TestGet(t *testing.T) {
	modified := time.Date(2025, 3, 18, 14, 3, 40, 0, time.UTC)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding: %q", got)
		}
		if got := r.UserAgent(); got != "tester/1" {
			t.Errorf("User-Agent: %q", got)
		}
		w.Header().Set("Last-Modified", r.URL.Query().Get("t"))
		w.Header().Set("Content-Encoding", "gzip") // does not change the bytes
		io.WriteString(w, "hello")
	})
	c := newClient(t, s.URL+"/dir/", Options{}, Env{UserAgent: "tester/1"})
	for _, tt := range []struct {
		modified string
		want     time.Time
	}{
		{"Tue, 18 Mar 2025 14:03:40 GMT", modified},
		{"Tue, 18 Mar 2999 14:03:40 GMT", time.Time{}},
		{"yesterday", time.Time{}},
		{"", time.Time{}},
	} {
		u := c.URL("a.iso")
		u.RawQuery = url.Values{"t": {tt.modified}}.Encode()
		resp, err := c.Get(t.Context(), u, 5)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		if err != nil || string(data) != "hello" || resp.Size != 5 || !resp.Modified.Equal(tt.want) {
			t.Errorf("%q: got %q, %v, size %d, modified %v", tt.modified, data, err, resp.Size, resp.Modified)
		}
		got, err := c.Modified(t.Context(), u)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%q: Modified is %v, %v", tt.modified, got, err)
		}
	}
}

func TestStatus(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(code)
	})
	c := newClient(t, s.URL, Options{}, Env{})
	for _, tt := range []struct {
		code      int
		text      string
		temporary bool
		missing   bool
		hint      string
	}{
		{code: 204, text: "204 No Content"},
		{code: 304, text: "304 Not Modified"},
		{code: 400, text: "400 Bad Request"},
		{code: 401, text: "401 Unauthorized", hint: "credentials are given by username_env and password_env, by headers, or by client_cert"},
		{code: 403, text: "403 Forbidden", hint: "credentials are given by username_env and password_env, by headers, or by client_cert"},
		{code: 404, text: "404 Not Found", missing: true},
		{code: 408, text: "408 Request Timeout", temporary: true},
		{code: 410, text: "410 Gone", missing: true},
		{code: 425, text: "425 Too Early", temporary: true},
		{code: 429, text: "429 Too Many Requests", temporary: true},
		{code: 500, text: "500 Internal Server Error", temporary: true},
		{code: 503, text: "503 Service Unavailable", temporary: true},
		{code: 599, text: "599", temporary: true},
	} {
		u := c.URL(fmt.Sprint(tt.code))
		u.RawQuery = "token=secret"
		_, err := c.Get(t.Context(), u, -1)
		check(t, err, s.URL, fmt.Sprintf("get HOST/%d: %s", tt.code, tt.text), tt.temporary)
		if e, ok := errors.AsType[*remote.TemporaryError](err); ok && e.After != 7*time.Second {
			t.Errorf("%d: after %v", tt.code, e.After)
		}
		if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != tt.code {
			t.Errorf("%d: no StatusError", tt.code)
		}
		if errors.Is(err, fs.ErrNotExist) != tt.missing {
			t.Errorf("%d: missing is %v", tt.code, !tt.missing)
		}
		if got := hint(err); got != tt.hint {
			t.Errorf("%d: hint %q, want %q", tt.code, got, tt.hint)
		}
	}
}

func TestModifiedRefused(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.WriteHeader(code)
	})
	c := newClient(t, s.URL, Options{}, Env{})
	for _, tt := range []struct {
		code      int
		err       string
		temporary bool
	}{
		{400, "nil", false},
		{403, "nil", false},
		{405, "nil", false},
		{501, "nil", false},
		{404, "head HOST/404: 404 Not Found", false},
		{503, "head HOST/503: 503 Service Unavailable", true},
	} {
		got, err := c.Modified(t.Context(), c.URL(fmt.Sprint(tt.code)))
		check(t, err, s.URL, tt.err, tt.temporary)
		if !got.IsZero() {
			t.Errorf("%d: %v", tt.code, got)
		}
	}
}

func TestBody(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		switch r.URL.Path {
		case "/whole":
			io.WriteString(w, "0123456789")
		case "/chunked":
			rc.Flush()
			io.WriteString(w, "0123456789")
		case "/truncated":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "01234")
		case "/cut":
			rc.Flush()
			io.WriteString(w, "01234")
			rc.Flush()
			if conn, _, err := rc.Hijack(); err == nil {
				conn.Close()
			}
		case "/endless":
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, "0123456789")
			}
		case "/hangup":
			if conn, _, err := rc.Hijack(); err == nil {
				conn.Close()
			}
		}
	})
	// One place: that it is free again shows that every body gave it back.
	c := newClient(t, s.URL, Options{Concurrency: 1}, Env{})
	for _, tt := range []struct {
		path      string
		size      int64
		body      string
		err       string
		temporary bool
	}{
		{"whole", 10, "0123456789", "nil", false},
		{"whole", -1, "0123456789", "nil", false},
		{"whole", 9, "", "get HOST/whole: has 10 bytes, expected 9", false},
		{"whole", 0, "", "get HOST/whole: has 10 bytes, expected 0", false},
		{"chunked", 10, "0123456789", "nil", false},
		{"chunked", -1, "0123456789", "nil", false},
		{"chunked", 5, "012345", "nil", false},
		{"chunked", 0, "0", "nil", false},
		{"chunked", 11, "0123456789", "get HOST/chunked: broke off after 10 of 11 bytes", true},
		{"truncated", 10, "01234", "get HOST/truncated: broke off after 5 of 10 bytes", true},
		{"truncated", -1, "01234", "get HOST/truncated: broke off after 5 bytes", true},
		{"cut", 10, "01234", "get HOST/cut: broke off after 5 of 10 bytes", true},
		{"cut", -1, "01234", "get HOST/cut: broke off after 5 bytes", true},
		{"endless", 4, "01234", "nil", false},
		{"hangup", 4, "", "get HOST/hangup: the connection was closed without an answer", true},
	} {
		t.Run(fmt.Sprint(tt.path, tt.size), func(t *testing.T) {
			body, err := read(t.Context(), c, c.URL(tt.path), tt.size)
			check(t, err, s.URL, tt.err, tt.temporary)
			if body != tt.body {
				t.Errorf("body %q, want %q", body, tt.body)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "01234")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	c := newClient(t, s.URL, Options{Concurrency: 1}, Env{})
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := c.Get(ctx, c.URL("x"), 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}

	// The only place is taken.
	busy, cancelBusy := context.WithCancelCause(t.Context())
	cancelBusy(errors.New("no patience"))
	_, err = c.Get(busy, c.URL("y"), 10)
	check(t, err, s.URL, "get HOST/y: no patience", false)

	cancel()
	_, err = resp.Body.Read(make([]byte, 5))
	check(t, err, s.URL, "get HOST/x: context canceled", false)
	_, again := resp.Body.Read(make([]byte, 5))
	if again != err {
		t.Errorf("then %v", again)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if len(c.slots) != 0 {
		t.Error("the place is still taken")
	}
}

func TestCloseEarly(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "0123456789") })
	c := newClient(t, s.URL, Options{Concurrency: 1}, Env{})
	for range 3 {
		resp, err := c.Get(t.Context(), c.URL("x"), 10)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if _, err := resp.Body.Read(make([]byte, 1)); err != errClosed {
			t.Errorf("read after close: %v", err)
		}
		resp.Body.Close()
	}
}

func TestNetworkErrors(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	s.Close()
	c := newClient(t, s.URL, Options{}, Env{})
	_, err := c.Get(t.Context(), c.URL("x"), -1)
	address := strings.TrimPrefix(s.URL, "http://")
	check(t, err, s.URL, "get HOST/x: dial tcp "+address+": connect: connection refused", true)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2025, 3, 18, 14, 3, 40, 0, time.UTC)
	for _, tt := range []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"0", 0},
		{" 12 ", 12 * time.Second},
		{"86400", 24 * time.Hour},
		{"99999999999999999999", 0},
		{"-1", 0},
		{"1.5", 0},
		{"soon", 0},
		{"Tue, 18 Mar 2025 14:04:00 GMT", 20 * time.Second},
		{"Tue, 18 Mar 2025 14:03:00 GMT", 0},
		{"Tue, 18 Mar 2999 14:03:00 GMT", math.MaxInt64},
	} {
		if got := retryAfter(tt.value, now); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.value, got, tt.want)
		}
	}
}

// Clients of one upstream share what they know of its outage: once patience is over, the
// next repo's client asks once.
func TestSharedGate(t *testing.T) {
	requests := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Retry-After", "100000000")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var clock remotetest.Clock
	gates := clock.Gates(nil)
	for i, want := range []int{2, 3} {
		c := newClient(t, fmt.Sprint(s.URL, "/", i, "/"), Options{}, Env{Gates: gates})
		_, err := c.Get(t.Context(), c.URL("x"), -1)
		check(t, err, s.URL, fmt.Sprintf("get HOST/%d/x: 503 Service Unavailable (gave up after 5m0s without an answer)", i), true)
		if requests != want || clock.Slept() != retry.DefaultPatience || !retry.GaveUp(err) {
			t.Errorf("%d requests, waited %v, %v", requests, clock.Slept(), err)
		}
	}
}

package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
)

// pipes is a network in memory: with it a test runs by the clock of its bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// bubble runs f with a client for http://host/ that h serves.
func bubble(t *testing.T, opts Options, h http.HandlerFunc, f func(t *testing.T, c *Client)) {
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: h}
		go server.Serve(network)
		c := newClient(t, "http://host/", opts, Env{dial: network.dial})
		f(t, c)
		c.Close()
		server.Close()
		time.Sleep(time.Hour) // handlers come to their end
	})
}

// part announces ten bytes and sends five.
func part(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "10")
	io.WriteString(w, "01234")
	http.NewResponseController(w).Flush()
}

func TestIdleTimeout(t *testing.T) {
	bubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		part(w)
		<-r.Context().Done()
	}, func(t *testing.T, c *Client) {
		began := time.Now()
		body, err := read(t.Context(), c, c.URL("x"), 10)
		check(t, err, "http://host", "get HOST/x: no data for 1m0s (idle_timeout)", true)
		if took := time.Since(began); took != time.Minute || body != "01234" {
			t.Errorf("%q after %v", body, took)
		}
	})
}

// TestSlow shows that neither a body that comes slowly nor a reader that takes
// its time is idle.
func TestSlow(t *testing.T) {
	bubble(t, Options{IdleTimeout: 10 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
		part(w)
		for range 5 {
			time.Sleep(9 * time.Second)
			io.WriteString(w, "5")
			http.NewResponseController(w).Flush()
		}
	}, func(t *testing.T, c *Client) {
		resp, err := c.Get(t.Context(), c.URL("x"), 10)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "55555" {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

// TestDrip shows that a body that drips ends, however long it is announced to be: what
// is never idle may still have no end.
func TestDrip(t *testing.T) {
	drip := func(piece string, gap time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
				http.NewResponseController(w).Flush()
				time.Sleep(gap)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		piece string
		gap   time.Duration
		opts  Options
		took  time.Duration // until it fails; 0: it does not
		want  string
	}{
		{"a byte a second", "x", time.Second, Options{}, 5 * time.Minute, "get HOST/x: only 301 bytes in 5m0s, less than 1024 a second"},
		{"idle for long, as configured", "x", 9 * time.Minute, Options{IdleTimeout: 10 * time.Minute}, 18 * time.Minute, "get HOST/x: only 3 bytes in 18m0s, less than 1024 a second"},
		{"a modem", strings.Repeat("x", 2000), time.Second, Options{}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, tt.opts, drip(tt.piece, tt.gap), func(t *testing.T, c *Client) {
				began := time.Now()
				body, err := read(t.Context(), c, c.URL("x"), 1_000_000)
				if tt.want == "" {
					if err != nil || len(body) != 1_000_000 {
						t.Errorf("%d bytes, %v", len(body), err)
					}
					return
				}
				check(t, err, "http://host", tt.want, true)
				if took := time.Since(began); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestTotalTimeout(t *testing.T) {
	bubble(t, Options{TotalTimeout: 30 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
		part(w)
		for range 5 {
			time.Sleep(9 * time.Second)
			io.WriteString(w, "5")
			http.NewResponseController(w).Flush()
		}
	}, func(t *testing.T, c *Client) {
		body, err := read(t.Context(), c, c.URL("x"), 10)
		check(t, err, "http://host", "get HOST/x: not finished after 30s (total_timeout)", true)
		if body != "01234555" {
			t.Errorf("body %q", body)
		}
	})
}

func TestAnswerTimeout(t *testing.T) {
	bubble(t, Options{IdleTimeout: time.Second}, func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}, func(t *testing.T, c *Client) {
		_, err := read(t.Context(), c, c.URL("x"), 10)
		check(t, err, "http://host", "get HOST/x: no answer for 1s (idle_timeout)", true)
	})
}

// TestStalledError shows that the body of an answer that nobody wants can't
// hold a request up.
func TestStalledError(t *testing.T) {
	bubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(http.StatusNotFound)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(t *testing.T, c *Client) {
		_, err := read(t.Context(), c, c.URL("x"), 10)
		check(t, err, "http://host", "get HOST/x: 404 Not Found", false)
	})
}

func TestDeadline(t *testing.T) {
	bubble(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		part(w)
		<-r.Context().Done()
	}, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := read(ctx, c, c.URL("x"), 10)
		check(t, err, "http://host", "get HOST/x: context deadline exceeded", false)
	})
}

func TestRateLimit(t *testing.T) {
	bubble(t, Options{RateLimit: 0.5}, func(w http.ResponseWriter, r *http.Request) {
	}, func(t *testing.T, c *Client) {
		began := time.Now()
		for range 4 {
			if _, err := read(t.Context(), c, c.URL("x"), 0); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("4 requests took %v", took)
		}
	})
}

func TestRetry(t *testing.T) {
	busy := &remote.TemporaryError{Err: errors.New("broke off")}
	final, lost := errors.New("final"), &retry.GaveUpError{Err: busy}
	for _, tt := range []struct {
		name   string
		errs   []error
		err    string
		pauses []time.Duration // upper bounds
	}{
		{"first", []error{nil}, "nil", nil},
		{"third", []error{busy, busy, nil}, "nil", []time.Duration{FirstPause, 2 * FirstPause}},
		{"final", []error{busy, final}, "final", []time.Duration{FirstPause}},
		{"waited for in vain", []error{busy, lost}, "broke off", []time.Duration{FirstPause}},
		{"all", []error{busy, busy, busy, busy, busy}, "broke off (5 tries)",
			[]time.Duration{FirstPause, 2 * FirstPause, 4 * FirstPause, 8 * FirstPause}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var pauses []time.Duration
			told := 0
			gates := retry.NewGates(retry.Options{Told: func(error) { told++ }, Clock: retry.Clock{Sleep: func(_ context.Context, d time.Duration) error {
				pauses = append(pauses, d)
				return nil
			}}})
			c := newClient(t, "http://host", Options{}, Env{Gates: gates})
			calls := 0
			err := c.Retry(t.Context(), func(context.Context) error { calls++; return tt.errs[calls-1] })
			check(t, err, "-", tt.err, tt.name == "all" || tt.name == "waited for in vain")
			if calls != len(tt.errs) || len(pauses) != len(tt.pauses) || told != len(pauses) {
				t.Fatalf("%d calls, pauses %v, told of %d", calls, pauses, told)
			}
			for i, p := range pauses {
				if p > tt.pauses[i] || p < tt.pauses[i]/2 {
					t.Errorf("pause %d is %v, not up to %v", i, p, tt.pauses[i])
				}
			}
		})
	}
}

func TestRetryCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, "http://host", Options{}, Env{})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		err := c.Retry(ctx, func(context.Context) error {
			return &remote.TemporaryError{Err: errors.New("busy")}
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

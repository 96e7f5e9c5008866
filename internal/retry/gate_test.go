package retry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof/asof/internal/retry"
)

// server is one that is away at times. It counts what it is asked.
type server struct {
	mu    sync.Mutex
	away  bool
	asks  time.Duration // how long it asks to wait
	calls int
	took  time.Duration // for an answer
}

func (s *server) call() error {
	s.mu.Lock()
	s.calls++
	away, asks, took := s.away, s.asks, s.took
	s.mu.Unlock()
	time.Sleep(took)
	if away {
		return busy(asks)
	}
	return nil
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *server) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func judge(err error) (retry.Verdict, time.Duration) {
	b, ok := errors.AsType[busy](err)
	switch {
	case ok:
		return retry.Away, time.Duration(b)
	case err == nil:
		return retry.Here, 0
	}
	return retry.Silent, 0
}

// gated runs a test in a bubble, with a gate of the default patience. said returns what
// the gate logs at warn, a line each, without what chance decides.
func gated(t *testing.T, f func(t *testing.T, g *retry.Gate, said func() string)) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		gates := retry.NewGates(retry.Options{Patience: retry.DefaultPatience, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
			Level: slog.LevelWarn, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
					return slog.Attr{}
				}
				return a
			},
		}))})
		f(t, gates.Gate("the server"), func() string {
			return regexp.MustCompile(`next=[0-9.ms]+`).ReplaceAllString(log.String(), "next=…")
		})
	})
}

// While a server is away one call now and then asks it, not all of them. Three lines tell
// of it, whatever the number of calls.
func TestOutage(t *testing.T) {
	gated(t, func(t *testing.T, g *retry.Gate, said func() string) {
		s := &server{away: true, took: 10 * time.Millisecond}
		var calls sync.WaitGroup
		for range 32 {
			calls.Go(func() {
				if err := g.Do(t.Context(), s.call, judge); err != nil {
					t.Error(err)
				}
			})
		}
		began := time.Now()
		time.Sleep(150 * time.Second)
		s.set(false)
		if n := s.count(); n < 32+7 || n > 32+12 {
			t.Errorf("%d calls", n)
		}
		calls.Wait()
		if took := time.Since(began); took < 150*time.Second || took > 190*time.Second {
			t.Errorf("it took %v", took)
		}
		want := `msg="waiting for the server" error=busy waiting=32 next=… until=2000-01-01T00:05:00Z
msg="still waiting for the server" error=busy waiting=32 next=… until=2000-01-01T00:05:00Z
msg="the server answers again" away=… waiting=31
`
		got := regexp.MustCompile(`away=\S+`).ReplaceAllString(said(), "away=…")
		if again := "msg=\"still waiting"; strings.Count(got, again) == 2 { // chance decides
			_, rest, _ := strings.Cut(got[strings.Index(got, again)+1:], again)
			got = got[:strings.Index(got, again)] + again + rest
		}
		if got != want {
			t.Errorf("said\n%swant\n%s", got, want)
		}
	})
}

// Who asks for more than warnings is told of a failure once in a while, not for each of the
// calls that fail together. For debugging there is a line for each.
func TestInfoIsOneLine(t *testing.T) {
	for level, want := range map[slog.Level][2]int{slog.LevelInfo: {1, 1}, slog.LevelDebug: {32, 64}} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			gate := retry.NewGates(retry.Options{Patience: retry.DefaultPatience, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))}).Gate("the server")
			again := func() int { return strings.Count(log.String(), `msg="trying again" server="the server" error=busy`) }
			fail := func() {
				var calls sync.WaitGroup
				for range 32 {
					failures := 1
					calls.Go(func() {
						_ = gate.Do(t.Context(), func() error {
							if failures--; failures >= 0 {
								time.Sleep(10 * time.Millisecond)
								return busy(0)
							}
							return nil
						}, judge)
					})
				}
				calls.Wait()
			}
			fail()
			if n := again(); n != want[0] {
				t.Errorf("%v: %d lines", level, n)
			}
			fail()
			if n := again(); n != want[1] {
				t.Errorf("%v: %d lines after the second time", level, n)
			}
			time.Sleep(time.Minute)
			policy := gate.Policy(retry.Policy{Tries: 2, Pause: time.Second})
			_ = policy.Do(t.Context(), func() error { return busy(0) }, func(error) (bool, time.Duration) { return true, 0 })
			if n := again(); n != want[1]+1 {
				t.Errorf("%v: %d lines after a minute", level, n)
			}
		})
	}
}

// A call that fails once is tried again without a word.
func TestHiccup(t *testing.T) {
	gated(t, func(t *testing.T, g *retry.Gate, said func() string) {
		failures := 1
		err := g.Do(t.Context(), func() error {
			if failures--; failures >= 0 {
				return busy(0)
			}
			return nil
		}, judge)
		if took := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil || said() != "" || took > time.Second {
			t.Errorf("%v after %v, said %s", err, took, said())
		}
	})
}

// Patience ends for all at the same time, in words that say so. Who comes later asks
// once; an answer mends all.
func TestPatience(t *testing.T) {
	gated(t, func(t *testing.T, g *retry.Gate, said func() string) {
		s := &server{away: true}
		began := time.Now()
		var calls sync.WaitGroup
		for i := range 10 {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				err := g.Do(t.Context(), s.call, judge)
				if took := time.Since(began); took != retry.DefaultPatience || !retry.GaveUp(err) ||
					err.Error() != "busy (gave up after 5m0s without an answer)" {
					t.Errorf("%v after %v", err, took)
				}
				if _, ok := errors.AsType[busy](err); !ok {
					t.Error("the cause is lost")
				}
			})
		}
		calls.Wait()
		asked := s.calls
		if asked > 30 {
			t.Errorf("%d calls", asked)
		}
		if n := strings.Count(said(), "aiting for the server"); n < 4 || n > 5 {
			t.Errorf("said\n%s", said())
		}
		if err := g.Do(t.Context(), s.call, judge); !retry.GaveUp(err) || s.calls != asked+1 || time.Since(began) != retry.DefaultPatience {
			t.Errorf("%v after %d calls, %v", err, s.calls-asked, time.Since(began))
		}
		s.set(false)
		if err := g.Do(t.Context(), s.call, judge); err != nil || !strings.HasSuffix(said(), "msg=\"the server answers again\" away=5m0s waiting=0\n") {
			t.Errorf("%v, said\n%s", err, said())
		}
	})
}

// As long as somebody gets an answer now and then, patience begins again; but a call that
// fails while others go through is not tried for ever.
func TestProgress(t *testing.T) {
	gated(t, func(t *testing.T, g *retry.Gate, _ func() string) {
		s := &server{away: true}
		began := time.Now()
		var calls sync.WaitGroup
		calls.Go(func() {
			for range 4 {
				time.Sleep(4 * time.Minute)
				s.set(false)
				if err := g.Do(t.Context(), s.call, judge); err != nil {
					t.Error(err)
				}
				s.set(true)
			}
		})
		failing := 0
		err := g.Do(t.Context(), func() error { failing++; return busy(0) }, judge)
		if took := time.Since(began); !retry.GaveUp(err) || took < 20*time.Minute || took > 26*time.Minute {
			t.Errorf("%v after %v and %d tries", err, took, failing)
		}
		calls.Wait()
	})
	gated(t, func(t *testing.T, g *retry.Gate, said func() string) {
		ctx, stop := context.WithCancel(t.Context())
		var others sync.WaitGroup
		for range 3 {
			others.Go(func() {
				for s := (&server{took: 100 * time.Millisecond}); ctx.Err() == nil; {
					_ = g.Do(ctx, s.call, judge)
				}
			})
		}
		began, tries := time.Now(), 0
		err := g.Do(t.Context(), func() error { tries++; return busy(0) }, judge)
		if took := time.Since(began); tries < 6 || tries > 8 || !retry.GaveUp(err) || err.Error() != "busy (6 tries, while others went through)" || took > 20*time.Second {
			t.Errorf("%v after %v and %d tries", err, took, tries)
		}
		if said() != "" {
			t.Errorf("said\n%s", said())
		}
		stop()
		others.Wait()
	})
}

// A server may ask for years: what is waited is no longer than patience, and said.
func TestAskedForYears(t *testing.T) {
	for _, asked := range []time.Duration{24 * time.Hour, 1<<63 - 1, -time.Hour} {
		gated(t, func(t *testing.T, g *retry.Gate, said func() string) {
			s := &server{away: true, asks: asked}
			began := time.Now()
			err := g.Do(t.Context(), s.call, judge)
			if took := time.Since(began); took != retry.DefaultPatience || !retry.GaveUp(err) || asked > 0 && s.calls != 2 {
				t.Errorf("asked for %v: %v after %v and %d calls", asked, err, took, s.calls)
			}
			want := fmt.Sprintf("msg=\"waiting for the server\" error=busy waiting=1 next=… until=2000-01-01T00:05:00Z asked=%v\n", retry.Round(asked))
			if asked > 0 && said() != want {
				t.Errorf("said %s", said())
			}
		})
	}
	gated(t, func(t *testing.T, g *retry.Gate, _ func() string) { // all heed it
		s := &server{away: true, asks: time.Minute}
		var calls sync.WaitGroup
		calls.Go(func() { _ = g.Do(t.Context(), s.call, judge) })
		synctest.Wait()
		s.set(false)
		began := time.Now()
		if err := g.Do(t.Context(), s.call, judge); err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		calls.Wait()
	})
}

// The end of the context ends a wait at once, for those who have asked and for those who
// were held back.
func TestGateCanceled(t *testing.T) {
	gated(t, func(t *testing.T, g *retry.Gate, _ func() string) {
		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := errors.New("stopped")
		s := &server{away: true}
		began := time.Now()
		var calls sync.WaitGroup
		for i := range 3 {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Second)
				err := g.Do(ctx, s.call, judge)
				if !errors.Is(err, stopped) || err.Error() != "busy (gave up: stopped)" || time.Since(began) != time.Minute {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		}
		time.Sleep(time.Minute)
		cancel(stopped)
		calls.Wait()
	})
}

// Without patience a call is tried once; other failures are nobody's wait.
func TestNoPatience(t *testing.T) {
	g := retry.NewGates(retry.Options{}).Gate("the server")
	calls := 0
	if err := g.Do(t.Context(), func() error { calls++; return busy(0) }, judge); calls != 1 || !retry.GaveUp(err) || err.Error() != "busy" {
		t.Errorf("%d calls, %v", calls, err)
	}
	if err := g.Do(t.Context(), func() error { return errFinal }, judge); err != errFinal {
		t.Error(err)
	}
	gates := retry.NewGates(retry.Options{})
	if a := gates.Gate("a"); a != gates.Gate("a") || a == gates.Gate("b") {
		t.Error("not one gate for each")
	}
}

// Impatient gates wait like others, but not as long, and never longer.
func TestImpatient(t *testing.T) {
	for _, tt := range []struct{ patience, asked, want time.Duration }{
		{time.Hour, time.Minute, time.Minute}, {time.Minute, time.Hour, time.Minute}, {time.Hour, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := retry.NewGates(retry.Options{Patience: tt.patience}).Impatient(tt.asked).Gate("server")
			s := &server{away: true}
			began := time.Now()
			err := g.Do(t.Context(), func() error { return s.call() }, func(err error) (retry.Verdict, time.Duration) { return retry.Away, 0 })
			if took := time.Since(began); err == nil || took < tt.want || took > tt.want+time.Second {
				t.Errorf("%v after %v, want %v", err, took, tt.want)
			}
		})
	}
}

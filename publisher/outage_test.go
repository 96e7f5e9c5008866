package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/manifest"
)

// outage is a publish of forty files, during which the store goes away, for a time.
type outage struct {
	*fixture
	patient *Publisher

	mu    sync.Mutex
	until time.Time
	calls int // while it was away
	log   bytes.Buffer
}

// inOutage runs f in a bubble. After some operations the store goes away.
func inOutage(t *testing.T, after int, away time.Duration, f func(t *testing.T, o *outage)) {
	synctest.Test(t, func(t *testing.T) {
		files := map[string]string{}
		for i := range 40 {
			files[fmt.Sprint("pool/", i)] = fmt.Sprint(i)
		}
		o := &outage{fixture: newFixture(t, manifest.Thin, files)}
		o.publish(PublishOptions{})
		for name := range files {
			o.up.set(name, "new "+name)
		}
		o.clock.add(time.Hour)
		log := slog.New(slog.NewTextHandler(&o.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		gates := retry.NewGates(retry.Options{Patience: retry.DefaultPatience, Log: log})
		o.patient = o.publisher(objstore.Patient(o.store, gates.Gate("the store")))
		o.patient.Log = log
		n := 0
		o.store.before = func(op string) error {
			time.Sleep(time.Millisecond) // it takes its time, so that many are on their way
			o.mu.Lock()
			defer o.mu.Unlock()
			if n++; n == after {
				o.until = time.Now().Add(away)
			}
			if time.Now().Before(o.until) {
				o.calls++
				return fmt.Errorf("%s: %w: SlowDown", op, objstore.ErrUnavailable)
			}
			return nil
		}
		f(t, o)
	})
}

// A store that is away for two minutes in the middle of a publish holds it up, and no
// more. One transfer asks now and then; some lines tell of it, not one per file and try.
func TestOutage(t *testing.T) {
	inOutage(t, 15, 2*time.Minute, func(t *testing.T, o *outage) {
		began := time.Now()
		r, err := o.patient.Publish(t.Context(), o.repo, PublishOptions{})
		took := time.Since(began)
		if err != nil || r.Files.Uploaded != 40 || took < 2*time.Minute || took > 160*time.Second {
			t.Errorf("%+v, %v after %v", r.Files, err, took)
		}
		if o.calls < 10 || o.calls > 32+16 {
			t.Errorf("%d calls while it was away", o.calls)
		}
		said := o.log.String()
		if n := strings.Count(said, "\n"); n < 3 || n > 4 || !strings.Contains(said, `msg="waiting for the store" error="create `) || !strings.Contains(said, "waiting=3") ||
			!strings.Contains(said, `msg="the store answers again" away=2m`) {
			t.Errorf("said\n%s", said)
		}
		o.store.before = nil
		o.check()
	})
}

// Patience ends the publish in bounded time, and the next one finishes it.
func TestPatienceEnds(t *testing.T) {
	inOutage(t, 15, time.Hour, func(t *testing.T, o *outage) {
		began := time.Now()
		_, err := o.patient.Publish(t.Context(), o.repo, PublishOptions{})
		if took := time.Since(began); !retry.GaveUp(err) || !errors.Is(err, objstore.ErrUnavailable) || took < retry.DefaultPatience || took > retry.DefaultPatience+time.Second ||
			!strings.Contains(err.Error(), "store unavailable: SlowDown (gave up after 5m0s without an answer)") {
			t.Errorf("%v after %v", err, took)
		}
		o.store.before = nil
		if r, err := o.patient.Publish(t.Context(), o.repo, PublishOptions{}); err != nil || r.Outcome != Published {
			t.Errorf("%+v, %v", r, err)
		}
		o.check()
	})
}

// One file that the store never takes, while it takes others, ends the publish soon.
func TestOneFileFails(t *testing.T) {
	inOutage(t, -1, 0, func(t *testing.T, o *outage) {
		failing := manifest.BlobKey(manifest.Sum([]byte("new pool/7")))
		before := o.store.before
		o.store.before = func(op string) error {
			if op == "create "+failing {
				return fmt.Errorf("%s: %w: InternalError", op, objstore.ErrUnavailable)
			}
			return before(op)
		}
		began := time.Now()
		_, err := o.patient.Publish(t.Context(), o.repo, PublishOptions{})
		if took := time.Since(began); !retry.GaveUp(err) || !strings.Contains(fmt.Sprint(err), "pool/7") || took > retry.DefaultPatience+time.Minute {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// Ctrl-C ends a wait at once.
func TestOutageInterrupted(t *testing.T) {
	inOutage(t, 15, time.Hour, func(t *testing.T, o *outage) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		began := time.Now()
		_, err := o.patient.Publish(ctx, o.repo, PublishOptions{})
		if took := time.Since(began); !errors.Is(err, context.Canceled) || took != time.Minute {
			t.Errorf("%v after %v", err, took)
		}
	})
}

package retry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof/asof/internal/retry"
)

var errFinal = errors.New("final")

// busy is a temporary error; its value is the pause that the server asked for.
type busy time.Duration

func (b busy) Error() string { return "busy" }

func again(err error) (bool, time.Duration) {
	b, ok := errors.AsType[busy](err)
	return ok, time.Duration(b)
}

// run calls something that fails with each of errs, then succeeds. It returns the
// pauses and the number of calls.
func run(t *testing.T, p retry.Policy, errs ...error) (pauses []time.Duration, calls int, err error) {
	p.Sleep = func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}
	err = p.Do(t.Context(), func() error {
		if calls++; calls <= len(errs) {
			return errs[calls-1]
		}
		return nil
	}, again)
	return pauses, calls, err
}

func TestDo(t *testing.T) {
	p := retry.Policy{Tries: 4, Pause: time.Second, Growth: 3}
	for _, tt := range []struct {
		name   string
		errs   []error
		pauses []time.Duration
		err    error
	}{
		{"at once", nil, nil, nil},
		{"third", []error{busy(0), busy(0)}, []time.Duration{time.Second, 3 * time.Second}, nil},
		{"final", []error{errFinal}, nil, errFinal},
		{"final at last", []error{busy(0), errFinal}, []time.Duration{time.Second}, errFinal},
		{"used up", []error{busy(0), busy(0), busy(0), busy(0)}, []time.Duration{time.Second, 3 * time.Second, 9 * time.Second}, busy(0)},
		{"asked to wait", []error{busy(time.Hour), busy(time.Second)}, []time.Duration{time.Hour, 3 * time.Second}, nil},
		{"wrapped", []error{fmt.Errorf("get: %w", busy(time.Minute))}, []time.Duration{time.Minute}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pauses, calls, err := run(t, p, tt.errs...)
			if err != tt.err || !slices.Equal(pauses, tt.pauses) || calls != len(tt.pauses)+1 {
				t.Errorf("%d calls, pauses %v, error %v, want pauses %v, error %v", calls, pauses, err, tt.pauses, tt.err)
			}
		})
	}
	for _, tries := range []int{0, 1} {
		if pauses, calls, err := run(t, retry.Policy{Tries: tries, Pause: 1, Growth: 1}, busy(0)); calls != 1 || len(pauses) > 0 || err != busy(0) {
			t.Errorf("of %d tries: %d calls, pauses %v, %v", tries, calls, pauses, err)
		}
	}
}

// Jitter spreads pauses within its bounds; they do not grow beyond a minute.
func TestPauses(t *testing.T) {
	const runs = 200
	shortest, longest := time.Hour, time.Duration(0)
	for range runs {
		pauses, _, _ := run(t, retry.Policy{Tries: 2, Pause: time.Second, Growth: 2, Jitter: 0.5}, busy(0))
		shortest, longest = min(shortest, pauses[0]), max(longest, pauses[0])
	}
	if shortest < time.Second/2 || shortest > 3*time.Second/4 || longest > 3*time.Second/2 || longest < 5*time.Second/4 {
		t.Errorf("of %d pauses the shortest is %v and the longest %v", runs, shortest, longest)
	}
	errs := slices.Repeat([]error{busy(0)}, 100)
	if pauses, _, _ := run(t, retry.Policy{Tries: 100, Pause: time.Second, Growth: 4}, errs...); pauses[98] != time.Minute {
		t.Errorf("the last pause is %v", pauses[98])
	}
}

func TestNotify(t *testing.T) {
	var told []string
	p := retry.Policy{Tries: 3, Pause: time.Second, Growth: 2, Notify: func(err error, try int, pause time.Duration) {
		told = append(told, fmt.Sprint(err, " ", try, " ", pause))
	}}
	_, _, err := run(t, p, busy(0), busy(time.Minute), busy(0))
	if want := []string{"busy 1 1s", "busy 2 1m0s"}; err != busy(0) || !slices.Equal(told, want) {
		t.Errorf("told %q, %v, want %q", told, err, want)
	}
}

// The end of the context ends a pause, and no pause begins after it.
func TestCanceled(t *testing.T) {
	p := retry.Policy{Tries: 3, Pause: time.Second, Growth: 2}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := p.Do(ctx, func() error { return busy(time.Minute) }, again)
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "busy (gave up: context deadline exceeded)" {
			t.Error(err)
		}
		if _, ok := errors.AsType[busy](err); ok || time.Since(began) != 100*time.Millisecond {
			t.Errorf("busy %v, after %v", ok, time.Since(began))
		}
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	p.Notify = func(error, int, time.Duration) { t.Error("told of another try") }
	calls := 0
	err := p.Do(ctx, func() error {
		calls++
		cancel(stopped)
		return busy(0)
	}, again)
	if !errors.Is(err, stopped) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

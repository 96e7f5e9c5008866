package job

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/remote"
)

func TestWithDefaults(t *testing.T) {
	e := Env{}.WithDefaults()
	if e.Concurrency != 32 || e.RetryDelay != 500*time.Millisecond || e.Log == nil || e.Progress == nil || e.Now == nil || e.Sleep == nil {
		t.Errorf("%+v", e)
	}
	e.Log.Info("nobody reads it")
	e.Progress.Begin("files", 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	given := Env{Concurrency: 3, RetryDelay: time.Second}
	if e := given.WithDefaults(); e.Concurrency != 3 || e.RetryDelay != time.Second {
		t.Errorf("%+v", e)
	}
	if again := e.WithDefaults(); reflect.ValueOf(again.Log).Pointer() != reflect.ValueOf(e.Log).Pointer() {
		t.Error("what is set is replaced")
	}
}

// What a gate gave up, or what no wait mends, is not tried again; what broke off is.
func TestRetry(t *testing.T) {
	broken := &remote.TemporaryError{Err: errors.New("broke off"), After: 1000 * time.Hour}
	for _, tt := range []struct {
		name  string
		err   error
		calls int
	}{
		{"broke off", broken, 6},
		{"gave up", &retry.GaveUpError{Err: broken}, 1},
		{"a store that is busy", objstore.ErrUnavailable, 6},
		{"a store without TLS", fmt.Errorf("%w: %w", objstore.ErrUnavailable, network.Explain(http.ErrSchemeMismatch, network.Settings{})), 1},
		{"a store that gave up", &retry.GaveUpError{Err: objstore.ErrUnavailable}, 1},
		{"wrong bytes", objstore.ErrMismatch, 3},
		{"denied", objstore.ErrDenied, 1},
	} {
		calls, longest := 0, time.Duration(0)
		e := Env{Sleep: func(_ context.Context, d time.Duration) error {
			longest = max(longest, d)
			return nil
		}}.WithDefaults()
		err := e.Retry(t.Context(), "f", func() error { calls++; return tt.err })
		if calls != tt.calls || err != tt.err || longest > retry.DefaultPatience {
			t.Errorf("%s: %d calls, %v, a pause of %v", tt.name, calls, err, longest)
		}
	}
}

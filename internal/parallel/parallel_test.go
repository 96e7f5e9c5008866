package parallel

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// All elements are done, so many at the same time as the limit says.
func TestEach(t *testing.T) {
	var mu sync.Mutex
	var done []int
	var now, most atomic.Int64
	list := make([]int, 50)
	for i := range list {
		list[i] = i
	}
	err := Each(t.Context(), 4, list, func(_ context.Context, i int) error {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		done = append(done, i)
		return nil
	})
	slices.Sort(done)
	if err != nil || !slices.Equal(done, list) || most.Load() > 4 {
		t.Errorf("%v: %v, up to %d at a time", err, done, most.Load())
	}
}

// The first error ends it: what runs is told, and nothing else begins.
func TestEachStops(t *testing.T) {
	failed := errors.New("failed")
	began := 0
	err := Each(t.Context(), 1, make([]int, 50), func(ctx context.Context, _ int) error {
		if began++; began == 3 {
			return failed
		}
		return ctx.Err()
	})
	if err != failed || began > 4 { // one may have begun before it was known
		t.Errorf("%v after %d", err, began)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	began = 0
	err = Each(ctx, 1, make([]int, 50), func(context.Context, int) error {
		if began++; began == 3 {
			cancel(failed)
		}
		return nil
	})
	if err != failed || began > 4 {
		t.Errorf("cancelled: %v after %d", err, began)
	}
}

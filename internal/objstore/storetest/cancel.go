package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

func testCancelled(t *testing.T, s objstore.Store) {
	create(t, s, "there", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, m := range methods("there", "new") {
		if err := m.call(ctx, s); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", m.name, err)
		}
	}
	if got := keys(t, s, "", ""); len(got) != 1 {
		t.Errorf("the store holds %q", got)
	}
	if got := read(t, s, "there"); got != "x" {
		t.Errorf("there holds %q", got)
	}
}

// testCancelledBody cancels while the body is being read. The body's source
// cancels; it does not look at the context and could go on.
func testCancelledBody(t *testing.T, s objstore.Store) {
	for _, size := range []int64{1 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			body := Generated(size, 7)
			body.Open = func(context.Context) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(generate(size/2, 7), cancelReader(cancel), generate(size, 8))), nil
			}
			if err := s.Create(ctx, "k", body, objstore.Attributes{}); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want context.Canceled", err)
			}
			absent(t, s, "k")
		})
	}
}

// cancelReader is an empty reader. Reading from it cancels the context.
type cancelReader context.CancelFunc

func (c cancelReader) Read([]byte) (int, error) {
	c()
	return 0, io.EOF
}

func testCancelledList(t *testing.T, s objstore.Store) {
	const n = 1050 // more than a page
	many(t, s, n, func(i int) string { return fmt.Sprintf("l/%04d", i) })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, last := 0, error(nil)
	for _, err := range s.List(ctx, "", "") {
		if last = err; err == nil {
			seen++
		}
		if seen == 10 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the list ends with %v after %d of %d keys, want context.Canceled", last, seen, n)
	}
}

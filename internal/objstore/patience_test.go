package objstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/internal/retry"
)

// flaky is a store that is away until a moment. Writes take effect all the same if
// applied is set: only their answers are lost.
type flaky struct {
	objstore.Store
	until   time.Time
	applied bool
	err     error // what it says; nil: ErrUnavailable

	mu    sync.Mutex
	calls int
}

func (f *flaky) do(write bool, op func() error) error {
	f.mu.Lock()
	f.calls++
	f.mu.Unlock()
	if !time.Now().Before(f.until) {
		return op()
	}
	if write && f.applied {
		_ = op()
	}
	if f.err != nil {
		return f.err
	}
	return fmt.Errorf("op: %w: SlowDown", objstore.ErrUnavailable)
}

func (f *flaky) Open(ctx context.Context, key string, offset, length int64) (r io.ReadCloser, err error) {
	err = f.do(false, func() error { r, err = f.Store.Open(ctx, key, offset, length); return err })
	return r, err
}

func (f *flaky) Stat(ctx context.Context, key string) (info objstore.Info, err error) {
	err = f.do(false, func() error { info, err = f.Store.Stat(ctx, key); return err })
	return info, err
}

// List breaks off after each object.
func (f *flaky) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		for info, err := range f.Store.List(ctx, prefix, after) {
			if yield(info, err) {
				yield(objstore.Info{}, objstore.ErrUnavailable)
			}
			return
		}
	}
}

func (f *flaky) Load(ctx context.Context, key string, have objstore.Version) (data []byte, v objstore.Version, err error) {
	err = f.do(false, func() error { data, v, err = f.Store.Load(ctx, key, have); return err })
	return data, v, err
}

func (f *flaky) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	return f.do(true, func() error { return f.Store.Create(ctx, key, body, attr) })
}

func (f *flaky) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	return f.do(true, func() error { return f.Store.Copy(ctx, src, dst, attr, vacant) })
}

func (f *flaky) Delete(ctx context.Context, key string) error {
	return f.do(true, func() error { return f.Store.Delete(ctx, key) })
}

func (f *flaky) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (v objstore.Version, err error) {
	err = f.do(true, func() error { v, err = f.Store.Swap(ctx, key, old, data, attr); return err })
	return v, err
}

// awaited runs f in a bubble, with a store that is away for a while behind a gate.
func awaited(t *testing.T, away time.Duration, f func(t *testing.T, inner *flaky, s objstore.Store)) {
	synctest.Test(t, func(t *testing.T) {
		inner := &flaky{Store: memstore.New(memstore.Options{}), until: time.Now().Add(away)}
		gates := retry.NewGates(retry.Options{Patience: retry.DefaultPatience})
		f(t, inner, objstore.Patient(inner, gates.Gate("the store")))
	})
}

// Every operation waits for the store, and then does what it does without a wait, also
// where only the answer was lost.
func TestPatient(t *testing.T) {
	for _, applied := range []bool{false, true} {
		awaited(t, 0, func(t *testing.T, inner *flaky, s objstore.Store) {
			ctx, body := t.Context(), objstore.Bytes([]byte("hello"))
			inner.applied = applied
			must := func(what string, err error) {
				t.Helper()
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if time.Until(inner.until) > 0 {
					t.Errorf("%s did not wait", what)
				}
				inner.until = time.Now().Add(2 * time.Minute)
			}
			must("nothing", nil)
			_, err := objstore.Put(ctx, s, "k", body, objstore.Attributes{})
			must("put", err)
			if err = s.Copy(ctx, "k", "c", objstore.Attributes{}, true); applied && errors.Is(err, objstore.ErrExists) {
				err = nil
			}
			must("copy", err)
			v, err := objstore.Update(ctx, s, "r", "", []byte("1"), objstore.Attributes{})
			must("update", err)
			_, err = objstore.Update(ctx, s, "r", v, []byte("2"), objstore.Attributes{})
			must("update again", err)
			data, _, err := s.Load(ctx, "r", "")
			must("load", err)
			info, err := s.Stat(ctx, "c")
			must("stat", err)
			r, err := s.Open(ctx, "c", 0, objstore.Whole)
			must("open", err)
			content, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(content, []byte("hello")) || string(data) != "2" || info.Size != 5 {
				t.Errorf("%q, %v, register %q, %d bytes", content, err, data, info.Size)
			}
			must("delete", s.Delete(ctx, "c"))
			inner.until = time.Time{}
			if _, err := s.Stat(ctx, "c"); !errors.Is(err, objstore.ErrNotFound) {
				t.Error(err)
			}
			if !s.SlashKeys() {
				t.Error("no slash keys")
			}
		})
	}
}

// A listing that breaks off goes on behind what it gave, however often, as long as it gets
// further.
func TestPatientList(t *testing.T) {
	awaited(t, 0, func(t *testing.T, inner *flaky, s objstore.Store) {
		var want []string
		for i := range 20 {
			key := fmt.Sprintf("k%02d", i)
			want = append(want, key)
			if err := s.Create(t.Context(), key, objstore.Bytes(nil), objstore.Attributes{}); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for info, err := range s.List(t.Context(), "k", "") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, info.Key)
			time.Sleep(time.Minute) // a slow reader is no outage
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("listed %q", got)
		}
		for range s.List(t.Context(), "k", "") {
			break
		}
	})
}

// What waiting does not mend is not waited for. A name that does not exist is, once the
// store has answered.
func TestNotWaitedFor(t *testing.T) {
	unknown := fmt.Errorf("%w: %w", objstore.ErrUnavailable, network.Explain(&net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}, network.Settings{}))
	for _, err := range []error{
		objstore.ErrDenied, objstore.ErrNoStore, objstore.ErrUnsupported, objstore.ErrMismatch, unknown,
		fmt.Errorf("%w: %w", objstore.ErrUnavailable, network.Explain(http.ErrSchemeMismatch, network.Settings{})),
	} {
		awaited(t, time.Hour, func(t *testing.T, inner *flaky, s objstore.Store) {
			inner.err = err
			began := time.Now()
			if _, got := s.Stat(t.Context(), "k"); got != err || inner.calls != 1 || time.Since(began) != 0 {
				t.Errorf("%v: %v after %d calls, %v", err, got, inner.calls, time.Since(began))
			}
		})
	}
	awaited(t, 0, func(t *testing.T, inner *flaky, s objstore.Store) {
		if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, objstore.ErrNotFound) {
			t.Error(err)
		}
		inner.err, inner.until = unknown, time.Now().Add(time.Minute)
		if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, objstore.ErrNotFound) || time.Now().Before(inner.until) {
			t.Errorf("%v", err)
		}
	})
	awaited(t, time.Hour, func(t *testing.T, inner *flaky, s objstore.Store) {
		began := time.Now()
		_, err := s.Stat(t.Context(), "k")
		if !retry.GaveUp(err) || !errors.Is(err, objstore.ErrUnavailable) || time.Since(began) != retry.DefaultPatience {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

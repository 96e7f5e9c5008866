package objstore_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
)

// flawed is a good store with one flaw.
type flawed struct {
	objstore.Store
	create func(key string) error // an error in place of the work
	copies bool                   // copy overwrites
	delete error
	calls  atomic.Int32
}

func (s *flawed) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	s.calls.Add(1)
	if s.create != nil {
		if err := s.create(key); err != nil {
			return err
		}
	}
	return s.Store.Create(ctx, key, body, attr)
}

func (s *flawed) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	if s.copies {
		s.Store.Delete(ctx, dst)
	}
	return s.Store.Copy(ctx, src, dst, attr, vacant)
}

func (s *flawed) Delete(ctx context.Context, key string) error {
	if s.delete != nil {
		return s.delete
	}
	return s.Store.Delete(ctx, key)
}

func outcomes(r objstore.Report) map[string]objstore.Outcome {
	m := make(map[string]objstore.Outcome)
	for _, c := range r.Checks {
		m[c.Name] = c.Outcome
	}
	return m
}

func empty(t *testing.T, s objstore.Store) {
	t.Helper()
	for info, err := range s.List(t.Context(), "", "") {
		t.Errorf("left behind: %v %v", info.Key, err)
	}
}

func TestProbe(t *testing.T) {
	mem := memstore.New(memstore.Options{})
	report, err := objstore.Probe(t.Context(), mem, objstore.ProbeOptions{})
	if err != nil || !report.Safe() || len(report.Notes) != 0 || len(report.Checks) != 10 {
		t.Errorf("%+v, %v", report, err)
	}
	for _, c := range report.Checks {
		if c.Outcome != objstore.OK || c.Detail == "" || strings.Contains(c.Detail, "\n") {
			t.Errorf("%+v", c)
		}
	}
	empty(t, mem)
}

func TestProbeFlaws(t *testing.T) {
	good := func() objstore.Store { return memstore.New(memstore.Options{}) }
	for _, tt := range []struct {
		name  string
		store objstore.Store
		want  map[string]objstore.Outcome // all others are OK
		safe  bool
		notes int
	}{
		{"ignores conditions", memstore.New(memstore.Options{IgnoreConditions: true}), map[string]objstore.Outcome{
			"conditional create": objstore.Failed, "conditional create, racing": objstore.Failed,
			"compare-and-swap": objstore.Failed, "compare-and-swap, racing": objstore.Failed, "copy onto an object": objstore.Failed,
		}, false, 0},
		{"no slash keys", memstore.New(memstore.Options{NoSlashKeys: true}), map[string]objstore.Outcome{"keys that end in a slash": objstore.Unsupported}, true, 0},
		{"copy overwrites", &flawed{Store: good(), copies: true}, map[string]objstore.Outcome{"copy onto an object": objstore.Failed}, true, 0},
		{"no deletes", &flawed{Store: good(), delete: objstore.ErrDenied}, nil, true, 1},
		{"odd keys refused", &flawed{Store: good(), create: func(key string) error {
			if strings.Contains(key, "hash#") {
				return errors.New("bad name")
			}
			return nil
		}}, map[string]objstore.Outcome{"key characters": objstore.Failed}, true, 0},
		{"no conditions at all", &flawed{Store: good(), create: func(string) error { return objstore.ErrUnsupported }}, map[string]objstore.Outcome{
			"conditional create": objstore.Unsupported, "conditional create, racing": objstore.Unsupported, "compare-and-swap": objstore.Unsupported,
			"copy": objstore.Unsupported, "copy onto an object": objstore.Unsupported, "listing order": objstore.Unsupported,
			"ranges": objstore.Unsupported, "key characters": objstore.Unsupported, "keys that end in a slash": objstore.Unsupported,
		}, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report, err := objstore.Probe(t.Context(), tt.store, objstore.ProbeOptions{Racers: 4, Rounds: 1})
			if err != nil {
				t.Fatal(err)
			}
			for name, got := range outcomes(report) {
				want := tt.want[name]
				if want == "" {
					want = objstore.OK
				}
				if got != want {
					t.Errorf("%s: %s, want %s", name, got, want)
				}
			}
			if report.Safe() != tt.safe || len(report.Notes) != tt.notes || len(report.Checks) != 10 {
				t.Errorf("safe %v, notes %q, %d checks", report.Safe(), report.Notes, len(report.Checks))
			}
			if tt.notes == 0 {
				empty(t, tt.store)
			}
		})
	}
}

func TestProbeImpossible(t *testing.T) {
	for _, want := range []error{objstore.ErrNoStore, objstore.ErrDenied, objstore.ErrUnavailable} {
		s := &flawed{Store: memstore.New(memstore.Options{}), create: func(string) error { return want }}
		report, err := objstore.Probe(t.Context(), s, objstore.ProbeOptions{})
		if !errors.Is(err, want) || s.calls.Load() != 1 || report.Safe() {
			t.Errorf("%v: error %v after %d creates", want, err, s.calls.Load())
		}
		if err := objstore.QuickCheck(t.Context(), s); !errors.Is(err, want) {
			t.Errorf("QuickCheck: %v, want %v", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := objstore.Probe(ctx, memstore.New(memstore.Options{}), objstore.ProbeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestQuickCheck(t *testing.T) {
	good := memstore.New(memstore.Options{})
	if err := objstore.QuickCheck(t.Context(), good); err != nil {
		t.Error(err)
	}
	empty(t, good)
	bad := memstore.New(memstore.Options{IgnoreConditions: true})
	if err := objstore.QuickCheck(t.Context(), bad); !errors.Is(err, objstore.ErrUnsupported) {
		t.Errorf("conditions ignored: %v, want ErrUnsupported", err)
	}
	empty(t, bad)
	undeletable := &flawed{Store: memstore.New(memstore.Options{}), delete: objstore.ErrDenied}
	if err := objstore.QuickCheck(t.Context(), undeletable); err != nil {
		t.Errorf("deletes refused: %v", err)
	}
}

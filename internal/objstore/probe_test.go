package objstore_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
)

// flawed is a good store with one flaw.
type flawed struct {
	objstore.Store
	create func(key string) error // an error instead of the work
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
	if err != nil || report.Verdict != objstore.Safe || len(report.Notes) != 0 || len(report.Checks) != 10 {
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
		safe  objstore.Verdict
		notes int
	}{
		{"ignores conditions", memstore.New(memstore.Options{IgnoreConditions: true}), map[string]objstore.Outcome{
			"conditional create": objstore.Failed, "conditional create, racing": objstore.Failed,
			"compare-and-swap": objstore.Failed, "compare-and-swap, racing": objstore.Failed, "copy onto an object": objstore.Failed,
		}, objstore.Unsafe, 0},
		{"no slash keys", memstore.New(memstore.Options{NoSlashKeys: true}), map[string]objstore.Outcome{"keys that end in a slash": objstore.Unsupported}, objstore.Safe, 0},
		{"copy overwrites", &flawed{Store: good(), copies: true}, map[string]objstore.Outcome{"copy onto an object": objstore.Failed}, objstore.Safe, 0},
		{"no deletes", &flawed{Store: good(), delete: objstore.ErrDenied}, nil, objstore.Safe, 1},
		{"odd keys refused", &flawed{Store: good(), create: func(key string) error {
			if strings.Contains(key, "hash#") {
				return errors.New("bad name")
			}
			return nil
		}}, map[string]objstore.Outcome{"key characters": objstore.Failed}, objstore.Safe, 0},
		{"no conditions at all", &flawed{Store: good(), create: func(string) error { return objstore.ErrUnsupported }}, map[string]objstore.Outcome{
			"conditional create": objstore.Unsupported, "conditional create, racing": objstore.Unsupported, "compare-and-swap": objstore.Unsupported,
			"copy": objstore.Unsupported, "copy onto an object": objstore.Unsupported, "listing order": objstore.Unsupported,
			"ranges": objstore.Unsupported, "key characters": objstore.Unsupported, "keys that end in a slash": objstore.Unsupported,
		}, objstore.Unsafe, 0},
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
			if report.Verdict != tt.safe || len(report.Notes) != tt.notes || len(report.Checks) != 10 {
				t.Errorf("%s, notes %q, %d checks", report.Verdict, report.Notes, len(report.Checks))
			}
			if tt.notes == 0 {
				empty(t, tt.store)
			}
		})
	}
}

// What can't be tried is not taken for what does not hold. Without a store, an answer or
// the right to write, nothing more is tried.
func TestProbeImpossible(t *testing.T) {
	for _, want := range []error{objstore.ErrNoStore, objstore.ErrDenied, objstore.ErrUnavailable} {
		s := &flawed{Store: memstore.New(memstore.Options{}), create: func(string) error { return want }}
		report, err := objstore.Probe(t.Context(), s, objstore.ProbeOptions{})
		if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "10 of 10 checks could not be tried: ") || s.calls.Load() != 1 || report.Verdict != objstore.Unknown || len(report.Checks) != 10 {
			t.Errorf("%v: error %v after %d creates, %+v", want, err, s.calls.Load(), report)
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

// listless is a store whose listing fails, as that of a server does that is no store.
type listless struct {
	objstore.Store
	err error
}

func (s listless) List(context.Context, string, string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) { yield(objstore.Info{}, s.err) }
}

// Where no store answers nothing is tried, whatever the error: the first check names it. A
// store that only refuses to list is tried.
func TestProbeOfNoStore(t *testing.T) {
	for _, tt := range []struct {
		err   error
		tried bool
	}{
		{errors.New("bucket name too short"), false}, {objstore.ErrNoStore, false}, {objstore.ErrUnavailable, false},
		{objstore.ErrDenied, true}, {objstore.ErrUnsupported, true},
	} {
		s := &flawed{Store: listless{memstore.New(memstore.Options{}), tt.err}}
		report, err := objstore.Probe(t.Context(), s, objstore.ProbeOptions{Racers: 2, Rounds: 1})
		if tried := s.calls.Load() > 0; tried != tt.tried {
			t.Errorf("%v: tried %t, want %t", tt.err, tried, tt.tried)
		}
		if tt.tried {
			continue
		}
		if report.Verdict != objstore.Unknown || !errors.Is(err, tt.err) || report.Checks[0].Detail != tt.err.Error() || report.Checks[9].Detail != "as above" {
			t.Errorf("%v: %v, %+v", tt.err, err, report)
		}
	}
}

// A right that is missing leaves one check open, and the others are tried.
func TestProbeWithoutARight(t *testing.T) {
	denied := func(part string) func(string) error {
		return func(key string) error {
			if strings.Contains(key, part) {
				return objstore.ErrDenied
			}
			return nil
		}
	}
	for _, tt := range []struct {
		check, part string
		conditions  bool
		want        objstore.Verdict
	}{
		{"listing order", "/list/", true, objstore.Unknown},
		{"copy", "/copy/", true, objstore.Safe},
		{"listing order", "/list/", false, objstore.Unsafe},
	} {
		s := &flawed{Store: memstore.New(memstore.Options{IgnoreConditions: !tt.conditions}), create: denied(tt.part)}
		report, err := objstore.Probe(t.Context(), s, objstore.ProbeOptions{Racers: 4, Rounds: 1})
		if !errors.Is(err, objstore.ErrDenied) || !strings.HasPrefix(err.Error(), "1 of 10 checks could not be tried: ") || report.Verdict != tt.want {
			t.Errorf("%+v: %v, %s", tt, err, report.Verdict)
		}
		for name, got := range outcomes(report) {
			if (got == objstore.Untried) != (name == tt.check) {
				t.Errorf("%+v: %s: %s", tt, name, got)
			}
		}
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

package manifest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// All kinds of times, for sampleIndex: 10, 20 (pruned), 30, 40; horizon 45; the
// channel stable at 10. The time now is 100.
func TestResolve(t *testing.T) {
	h := NewHistory(sampleIndex(t), nil)
	const now = 100
	for _, tt := range []struct {
		when  When
		what  Outcome
		id    ID
		final bool
	}{
		{At(-1 << 63), Before, 10, true},
		{At(MinID), Before, 10, true},
		{At(9), Before, 10, true},
		{At(10), Found, 10, true},
		{At(19), Found, 10, true},
		{At(20), Gone, 20, true},
		{At(29), Gone, 20, true},
		{At(30), Found, 30, true},
		{At(39), Found, 30, true},
		{At(40), Found, 40, true},
		{At(45), Found, 40, true},
		{At(46), Found, 40, false},
		{At(now), Found, 40, false},
		{At(now + 1), Found, 40, false},
		{At(now + 60), Found, 40, false},
		{At(now + 61), Future, 0, false},
		{At(MaxID), Future, 0, false},
		{At(1<<63 - 1), Future, 0, false},
		{When{Kind: WhenLatest}, Found, 40, false},
		{When{Kind: WhenName, Name: "stable"}, Found, 10, false},
		{When{Kind: WhenName, Name: "canary"}, NoName, 0, false},
	} {
		a, err := h.Resolve(t.Context(), tt.when, now)
		if err != nil || a.Outcome != tt.what || a.ID != tt.id || a.Final != tt.final {
			t.Errorf("%+v: %+v, %v", tt.when, a, err)
		}
		if want, _ := h.Index.Find(a.ID); (a.Outcome == Found) != (a.Checkpoint != nil) || a.Checkpoint != nil && *a.Checkpoint != want {
			t.Errorf("%+v: checkpoint %+v", tt.when, a.Checkpoint)
		}
	}
}

// A horizon may be ahead of the clock. Up to it there are answers, but none is final for
// a time that lies in the future by that clock.
func TestResolveClockBehind(t *testing.T) {
	h := NewHistory(sampleIndex(t), nil)
	if a, err := h.Resolve(t.Context(), At(45), -1000); err != nil || a.ID != 40 || a.Final {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := h.Resolve(t.Context(), At(41), 41-ClockSkew); err != nil || a.ID != 40 || !a.Final {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := h.Resolve(t.Context(), At(46), -1000); err != nil || a != (Answer{Outcome: Future}) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestResolveEmpty(t *testing.T) {
	moved, err := NewIndex("a").MoveHorizon(100)
	if err != nil {
		t.Fatal(err)
	}
	// The last index is invalid, but must not crash a server.
	for _, ix := range []Index{{}, NewIndex("a"), moved, {Pruned: []Tombstone{{ID: 10}}}} {
		h := NewHistory(ix, nil)
		if a, err := h.Resolve(t.Context(), At(5), 100); err != nil || a != (Answer{Outcome: Empty}) {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := h.Resolve(t.Context(), At(1000), 100); err != nil || a != (Answer{Outcome: Future}) {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if a, err := NewHistory(Index{}, nil).Resolve(t.Context(), When{Kind: WhenLatest}, 100); err != nil || a != (Answer{Outcome: Empty}) {
		t.Errorf("%+v, %v", a, err)
	}
}

// Only times in a segment need the reader; its error is returned unchanged.
func TestResolveUnreadable(t *testing.T) {
	ix, _ := sealedIndex(t)
	away := errors.New("away")
	h := NewHistory(ix, func(context.Context, SegmentRef) (*Timeline, error) { return nil, away })
	oldest := ix.Tail().ids()[0]
	for at := ix.Segments[0].First - 1; at < oldest; at++ {
		if a, err := h.Resolve(t.Context(), At(at), 100); err != away || a != (Answer{}) {
			t.Errorf("%d: %+v, %v", at, a, err)
		}
	}
	if a, err := h.Resolve(t.Context(), At(oldest), 100); err != nil || a.ID != oldest {
		t.Errorf("%+v, %v", a, err)
	}
}

// model is a repo's whole history, which forgets nothing. It is searched
// linearly.
type model struct {
	ids     []ID
	pruned  map[ID]bool
	horizon ID
}

func (m *model) resolve(at, now ID) (what Outcome, id ID, final bool) {
	if at > m.horizon && at > now+ClockSkew {
		return Future, 0, false
	}
	what = Empty
	for _, c := range m.ids {
		switch {
		case c <= at && m.pruned[c]:
			what, id = Gone, c
		case c <= at:
			what, id = Found, c
		}
	}
	if what == Empty {
		for _, c := range m.ids {
			if !m.pruned[c] {
				return Before, c, at <= m.horizon
			}
		}
		return Empty, 0, false
	}
	return what, id, at <= m.horizon
}

// Random operations; after each one the invariants 3 and 4 hold, and the
// history agrees with the model.
func TestResolveModel(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 15))
			ix := NewIndex("a")
			sealed := sealedSegments{}
			m := &model{pruned: map[ID]bool{}}
			const end = 400
			final := map[ID]Answer{} // every answer that was ever final
			now := ID(0)
			for range 80 {
				next, err := randomChange(t, rng, ix, sealed, m, &now)
				if err != nil {
					if next.Generation != ix.Generation {
						t.Fatalf("an error and a change: %v", err)
					}
					continue
				}
				ix = next
				if rng.IntN(3) == 0 {
					ix = sealed.seal(t, ix, 1+rng.IntN(4), 2+rng.IntN(6))
				}
				if text := encoded(t, ix); true {
					if ix, err = ParseIndex([]byte(text)); err != nil {
						t.Fatal(err)
					}
				}
				if ix.Horizon != m.horizon {
					t.Fatalf("horizon %d, want %d", ix.Horizon, m.horizon)
				}
				h := sealed.history(t, ix)
				for at := ID(-1); at <= end; at++ {
					a, err := h.Resolve(t.Context(), At(at), now)
					if err != nil {
						t.Fatal(err)
					}
					what, id, isFinal := m.resolve(at, now)
					if a.Outcome != what || a.ID != id || a.Final != isFinal {
						t.Fatalf("%d: %+v, want %d %d %v", at, a, what, id, isFinal)
					}
					old, was := final[at]
					switch {
					case !was:
					case !a.Final:
						t.Fatalf("%d: was final, and is no more", at)
					case old.Outcome == Before && a.Outcome == Before: // the first listed one may be pruned
					case a.Outcome == old.Outcome && a.ID == old.ID && (a.Checkpoint == nil || *a.Checkpoint == *old.Checkpoint):
					case old.Outcome == Found && a.Outcome == Gone && a.ID == old.ID && m.pruned[a.ID]:
					default:
						t.Fatalf("%d: the final answer %+v became %+v", at, old, a)
					}
					if a.Final {
						final[at] = a
					}
				}
				latest, err := h.Resolve(t.Context(), When{Kind: WhenLatest}, now)
				if err != nil || latest.Final || len(m.ids) > 0 && (latest.Outcome != Found || latest.ID != m.ids[len(m.ids)-1]) {
					t.Fatalf("latest %+v, %v", latest, err)
				}
			}
			if len(m.ids) < 5 || len(m.pruned) == 0 || len(ix.Segments) == 0 {
				t.Errorf("%d checkpoints, %d pruned, %d segments: the test tests little", len(m.ids), len(m.pruned), len(ix.Segments))
			}
		})
	}
}

// sealedSegments holds all segments that were ever sealed.
type sealedSegments map[Digest]SealedSegment

func (h sealedSegments) read(t testing.TB, ix Index, ref SegmentRef) Segment {
	t.Helper()
	s, ok := h[ref.Digest]
	if !ok {
		t.Fatalf("segment %s was never returned", ref.First)
	}
	return parsedSegment(t, ix, s)
}

func (h sealedSegments) history(t testing.TB, ix Index) *History {
	return NewHistory(ix, func(_ context.Context, ref SegmentRef) (*Timeline, error) {
		return h.read(t, ix, ref).Timeline(), nil
	})
}

func (h sealedSegments) seal(t testing.TB, ix Index, keep, fill int) Index {
	t.Helper()
	var open Segment
	if ref, ok := ix.Open(fill); ok {
		open = h.read(t, ix, ref)
	}
	next, documents, err := ix.Seal(keep, fill, open)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range documents {
		h[s.Ref.Digest] = s
	}
	return next
}

// prune prunes a checkpoint wherever it is.
func (h sealedSegments) prune(t *testing.T, ix Index, id, at ID) (Index, error) {
	t.Helper()
	ref, ok := ix.SegmentOf(id)
	if !ok {
		return ix.Prune(id, at, "why not")
	}
	s, err := h.read(t, ix, ref).Prune([]ID{id}, at, "why not")
	if err != nil {
		return ix, err
	}
	next, sealed, err := ix.Reseal(s)
	h[sealed.Ref.Digest] = sealed
	return next, err
}

// randomChange tries one change, valid or not, on the index and the model.
func randomChange(t *testing.T, rng *rand.Rand, ix Index, sealed sealedSegments, m *model, now *ID) (Index, error) {
	*now += ID(rng.IntN(8))
	at := *now - ID(rng.IntN(4)) // clocks go back
	switch op := rng.IntN(10); {
	case op < 5:
		next, err := ix.Append(checkpoint(at))
		if (err == nil) != (at > m.horizon) {
			t.Fatalf("append %d above %d: %v", at, m.horizon, err)
		}
		if err == nil { // invariant 3
			if len(m.ids) > 0 && at <= m.ids[len(m.ids)-1] {
				t.Fatal("ids do not grow")
			}
			m.ids, m.horizon = append(m.ids, at), at
		}
		return next, err
	case op < 7:
		next, err := ix.MoveHorizon(at)
		if err == nil {
			if at <= m.horizon {
				t.Fatal("the horizon goes back")
			}
			m.horizon = at
		}
		return next, err
	default:
		if len(m.ids) == 0 {
			return ix.Prune(at, at, "")
		}
		id := m.ids[rng.IntN(len(m.ids))]
		next, err := sealed.prune(t, ix, id, at)
		if err == nil {
			if id == m.ids[len(m.ids)-1] || m.pruned[id] {
				t.Fatal("pruned what must stay")
			}
			m.pruned[id] = true
		}
		return next, err
	}
}

func TestResolveAllocates(t *testing.T) {
	h, ctx := NewHistory(sampleIndex(t), nil), t.Context()
	for _, when := range []When{At(25), At(50), {Kind: WhenLatest}, {Kind: WhenName, Name: "stable"}} {
		n := testing.AllocsPerRun(100, func() {
			if a, err := h.Resolve(ctx, when, 50); err != nil || a.ID == 0 {
				t.Error(a, err)
			}
		})
		if n != 0 {
			t.Errorf("%+v: %v allocations", when, n)
		}
	}
}

// A tail has at most 512 entries, a segment 4,096. More shows how the cost grows.
func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{1000, 200_000, 1_000_000} {
		h, ctx := NewHistory(manyCheckpoints(n), nil), b.Context()
		rng := rand.New(rand.NewPCG(16, 17))
		at := make([]ID, 1<<16)
		for i := range at {
			at[i] = ID(rng.Int64N(int64(n) * 3600))
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i = (i + 1) % len(at)
				if a, err := h.Resolve(ctx, At(at[i]), MaxID); err != nil || a.Outcome == Empty {
					b.Fatal(a, err)
				}
			}
		})
	}
}

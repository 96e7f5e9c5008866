package manifest

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestTimeline(t *testing.T) {
	tl := NewTimeline(sampleIndex(t)) // 10, 20 pruned, 30, 40; horizon 45
	tests := []struct {
		at    ID
		what  Outcome
		id    ID
		final bool
	}{
		{MinID, Before, 10, true}, {9, Before, 10, true},
		{10, Found, 10, true}, {19, Found, 10, true},
		{20, Gone, 20, true}, {29, Gone, 20, true},
		{30, Found, 30, true}, {39, Found, 30, true},
		{40, Found, 40, true}, {45, Found, 40, true},
		{46, Found, 40, false}, {MaxID, Found, 40, false}, {1<<63 - 1, Found, 40, false}, {-1 << 63, Before, 10, true},
	}
	for _, tt := range tests {
		a := tl.Resolve(tt.at)
		if a.Outcome != tt.what || a.ID != tt.id || a.Final != tt.final {
			t.Errorf("%d: %+v", tt.at, a)
		}
		if want, _ := tl.Index().Find(a.ID); (a.Outcome == Found) != (a.Checkpoint != nil) || a.Checkpoint != nil && *a.Checkpoint != want {
			t.Errorf("%d: checkpoint %+v", tt.at, a.Checkpoint)
		}
	}
	if a := tl.Latest(); a.Outcome != Found || a.ID != 40 || a.Checkpoint.ID != 40 || a.Final {
		t.Errorf("latest: %+v", a)
	}
}

func TestTimelineEmpty(t *testing.T) {
	moved, err := NewIndex("a").MoveHorizon(100)
	if err != nil {
		t.Fatal(err)
	}
	// The last is no valid index, but must not bring a server down.
	for _, ix := range []Index{{}, NewIndex("a"), moved, {Pruned: []Tombstone{{ID: 10}}}} {
		tl := NewTimeline(ix)
		if a := tl.Resolve(5); a != (Answer{Outcome: Empty}) {
			t.Errorf("%+v", a)
		}
	}
	if a := NewTimeline(Index{}).Latest(); a != (Answer{Outcome: Empty}) {
		t.Errorf("%+v", a)
	}
}

// model is the whole history of a repo, never forgetting, searched from end to
// end.
type model struct {
	ids     []ID
	pruned  map[ID]bool
	horizon ID
}

func (m *model) resolve(at ID) (what Outcome, id ID, final bool) {
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
// timeline agrees with the model.
func TestTimelineModel(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 15))
			ix := NewIndex("a")
			sealed := history{}
			m := &model{pruned: map[ID]bool{}, horizon: MinID}
			const end = 400
			final := map[ID]Answer{} // every answer that was final once
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
				tl := NewTimeline(ix)
				for at := ID(-1); at <= end; at++ {
					a := sealed.resolve(t, tl, at)
					what, id, isFinal := m.resolve(at)
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
				if latest := tl.Latest(); len(m.ids) > 0 && (latest.Outcome != Found || latest.ID != m.ids[len(m.ids)-1]) {
					t.Fatalf("latest %+v", latest)
				}
			}
			if len(m.ids) < 5 || len(m.pruned) == 0 || len(ix.Segments) == 0 {
				t.Errorf("%d checkpoints, %d pruned, %d segments: the test tests little", len(m.ids), len(m.pruned), len(ix.Segments))
			}
		})
	}
}

// history holds the segments that were ever sealed.
type history map[Digest]SealedSegment

func (h history) read(t *testing.T, ix Index, ref SegmentRef) Segment {
	t.Helper()
	s, ok := h[ref.Digest]
	if !ok {
		t.Fatalf("segment %s was never returned", ref.First)
	}
	return parsedSegment(t, ix, s)
}

func (h history) seal(t *testing.T, ix Index, keep, fill int) Index {
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

// resolve follows the index into segments.
func (h history) resolve(t *testing.T, tl *Timeline, at ID) Answer {
	t.Helper()
	a := tl.Resolve(at)
	if a.Outcome == InSegment {
		if !a.Final {
			t.Errorf("%d: an answer from a segment is not final", at)
		}
		a = h.read(t, tl.Index(), *a.Segment).Timeline().Resolve(at)
	}
	return a
}

// prune prunes a checkpoint wherever it is.
func (h history) prune(t *testing.T, ix Index, id, at ID) (Index, error) {
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

// randomChange tries one change, a good one or not, on the index and the model.
func randomChange(t *testing.T, rng *rand.Rand, ix Index, sealed history, m *model, now *ID) (Index, error) {
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
	tl := NewTimeline(sampleIndex(t))
	if n := testing.AllocsPerRun(100, func() { tl.Resolve(25); tl.Resolve(9); tl.Latest() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// An index holds some 200,000 checkpoints; a million shows how the cost grows.
func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{1000, 200_000, 1_000_000} {
		tl := NewTimeline(manyCheckpoints(n))
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
				if a := tl.Resolve(at[i]); a.Outcome == Empty {
					b.Fatal(a)
				}
			}
		})
	}
}

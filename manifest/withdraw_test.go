package manifest

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"
)

// later is sampleIndex with checkpoints 1000 and 2000, a pruned one at 1500, a channel at
// 1000, and a horizon of 2100.
func later(t testing.TB) Index {
	t.Helper()
	ix := sampleIndex(t)
	var err error
	for _, step := range []func() (Index, error){
		func() (Index, error) { return ix.Append(checkpoint(1000)) },
		func() (Index, error) { return ix.Append(checkpoint(1500)) },
		func() (Index, error) { return ix.Append(checkpoint(2000)) },
		func() (Index, error) { return ix.Prune(1500, 2050, "") },
		func() (Index, error) { return ix.SetChannel("canary", 1000, 2050) },
		func() (Index, error) { return ix.SetChannel("stable", 30, 2050) },
		func() (Index, error) { return ix.SetChannel("canary", 2000, 2060) },
		func() (Index, error) { return ix.SetChannel("canary", 1000, 2070) },
		func() (Index, error) { return ix.MoveHorizon(2100) },
	} {
		if ix, err = step(); err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

func TestWithdraw(t *testing.T) {
	ix := later(t)
	before := later(t)
	for _, tt := range []struct {
		now     ID
		ids     []ID
		pruned  []ID
		horizon ID
		future  bool
	}{
		{1980, []ID{10, 30, 40, 1000, 2000}, []ID{20, 1500}, 2100, false},
		{1979, []ID{10, 30, 40, 1000, 2000}, []ID{20, 1500}, 2099, true},
		{1880, []ID{10, 30, 40, 1000, 2000}, []ID{20, 1500}, 2000, true},
		{1000, []ID{10, 30, 40, 1000}, []ID{20}, 1120, true},
		{880, []ID{10, 30, 40, 1000}, []ID{20}, 1000, true},
		{879, []ID{10, 30, 40}, []ID{20}, 999, true},
		{1, []ID{10, 30, 40}, []ID{20}, 121, true},
	} {
		if got := ix.Future(tt.now); got != tt.future {
			t.Errorf("at %d: in the future is %t", tt.now, got)
		}
		next, err := ix.Withdraw(tt.now, nil)
		if err != nil {
			t.Fatal(err)
		}
		var ids, pruned []ID
		for _, c := range next.Checkpoints {
			ids = append(ids, c.ID)
		}
		for _, p := range next.Pruned {
			pruned = append(pruned, p.ID)
			if p.At > tt.now {
				t.Errorf("at %d: %d is pruned at %d", tt.now, p.ID, p.At)
			}
		}
		if !slices.Equal(ids, tt.ids) || !slices.Equal(pruned, tt.pruned) || next.Horizon != tt.horizon || next.Generation != ix.Generation+1 {
			t.Errorf("at %d: it lists %d, pruned are %d, generation %d, horizon %d", tt.now, ids, pruned, next.Generation, next.Horizon)
		}
		want := map[string]ID{"stable": 30}
		if tt.now+MaxSkew >= 1000 {
			want["canary"] = 1000
		}
		if !maps.Equal(next.Channels, want) {
			t.Errorf("at %d: channels %v", tt.now, next.Channels)
		}
		for _, m := range next.Moved {
			if m.ID > tt.now+MaxSkew || m.Until > tt.now {
				t.Errorf("at %d: %+v", tt.now, m)
			}
		}
		if next.Future(tt.now) {
			t.Errorf("at %d: something still lies in the future", tt.now)
		}
	}
	if !reflect.DeepEqual(ix, before) {
		t.Error("the index itself was changed")
	}
}

// A publish of several repos that was about to commit in the future never will.
func TestWithdrawPending(t *testing.T) {
	ix, err := later(t).Prepare(3000)
	if err != nil {
		t.Fatal(err)
	}
	if !ix.Future(2879) || ix.Future(2880) {
		t.Error("pending is not in the future")
	}
	next, err := ix.Withdraw(2500, nil)
	if err != nil || next.Pending != nil || next.Horizon != 2100 || len(next.Checkpoints) != len(ix.Checkpoints) {
		t.Errorf("%+v, %v", next, err)
	}
}

// Segments that reach into the future are opened, and one more where else no checkpoint
// would be left.
func TestWithdrawSegments(t *testing.T) {
	ix := NewIndex("myfile")
	var err error
	for id := ID(1000); id <= 7000; id += 1000 {
		if ix, err = ix.Append(checkpoint(id)); err != nil {
			t.Fatal(err)
		}
	}
	ix, sealed, err := ix.Seal(1, 3, Segment{})
	if err != nil || len(sealed) != 2 {
		t.Fatalf("%d segments, %v", len(sealed), err)
	}
	var segments []Segment // 1000 to 3000, 4000 to 6000
	for _, s := range sealed {
		segment, err := ParseAnySegment(s.Data)
		if err != nil {
			t.Fatal(err)
		}
		segments = append(segments, segment)
	}
	for now, want := range map[ID]int{7000: 0, 5880: 0, 5879: 1, 2880: 1, 2879: 2} {
		if got := ix.Opens(now); got != want {
			t.Errorf("at %d: %d segments are opened, want %d", now, got, want)
		}
	}
	next, err := ix.Withdraw(4500, segments[1:])
	if err != nil || len(next.Segments) != 1 || len(next.Checkpoints) != 1 || next.Checkpoints[0].ID != 4000 {
		t.Errorf("%+v, %v", next, err)
	}
	if _, err := ix.Withdraw(3500, segments[1:]); !errors.Is(err, ErrNothingLeft) {
		t.Errorf("the last one left is sealed: %v", err)
	}
	next, err = ix.Withdraw(3500, segments)
	if err != nil || len(next.Segments) != 0 || len(next.Checkpoints) != 3 || next.Checkpoints[2].ID != 3000 {
		t.Errorf("%+v, %v", next, err)
	}
	for name, wrong := range map[string][]Segment{"another": segments[:1], "too many": append(segments, segments...)} {
		if _, err := ix.Withdraw(1000, wrong); !errors.Is(err, errOtherSegment) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Without a checkpoint no tombstone stands: what times behind it answer would be unknown.
func TestWithdrawAll(t *testing.T) {
	ix, err := NewIndex("myfile").Append(checkpoint(1000))
	if err != nil {
		t.Fatal(err)
	}
	next, err := ix.Withdraw(10, nil)
	if err != nil || len(next.Checkpoints) != 0 || next.Horizon != 130 {
		t.Errorf("%+v, %v", next, err)
	}
	if ix, err = ix.Append(checkpoint(2000)); err == nil {
		ix, err = ix.Prune(1000, 2000, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Withdraw(1000, nil); !errors.Is(err, ErrNothingLeft) {
		t.Errorf("%v", err)
	}
	if next, err = ix.Withdraw(10, nil); err != nil || len(next.Checkpoints)+len(next.Pruned) != 0 {
		t.Errorf("%+v, %v", next, err)
	}
}

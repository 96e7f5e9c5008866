package manifest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func earlier(t *testing.T, h *History, when When, now ID) []ID {
	t.Helper()
	var ids []ID
	for c, err := range h.Earlier(t.Context(), when, now) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, c.ID)
	}
	return ids
}

func grace(t *testing.T, ix Index, seconds int) Index {
	t.Helper()
	d := time.Duration(seconds) * time.Second
	next, err := ix.SetGrace(&d)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// sampleIndex has 10, 20 pruned, 30, 40. What was the newest at some moment within the
// grace counts, up to the second in which the next took its place.
func TestEarlierOfLatest(t *testing.T) {
	latest := When{Kind: WhenLatest}
	for _, tt := range []struct {
		grace int
		now   ID
		want  []ID
	}{
		{50, 50, []ID{30, 10}},
		{31, 50, []ID{30, 10}}, // 10 was the newest until 20, which is pruned
		{30, 50, []ID{30}},
		{11, 50, []ID{30}},
		{10, 50, nil},
		{1, 50, nil},
		{0, 50, nil},
		{0, 30, nil},
		{5, 30, []ID{30}}, // a clock that is behind
	} {
		ix := grace(t, sampleIndex(t), tt.grace)
		if got := earlier(t, NewHistory(ix, nil), latest, tt.now); !slices.Equal(got, tt.want) {
			t.Errorf("grace %d at %d: %v, want %v", tt.grace, tt.now, got, tt.want)
		}
	}
	h := NewHistory(sampleIndex(t), nil) // 24 hours
	if got := earlier(t, h, latest, 39+24*3600); !slices.Equal(got, []ID{30}) {
		t.Errorf("a second before the default grace is over: %v", got)
	}
	if got := earlier(t, h, latest, 40+24*3600); got != nil {
		t.Errorf("when it is over: %v", got)
	}
	for _, when := range []When{At(40), At(50), {Kind: WhenName, Name: "canary"}} {
		if got := earlier(t, h, when, 50); got != nil {
			t.Errorf("%+v: %v", when, got)
		}
	}
	if got := earlier(t, NewHistory(NewIndex("a"), nil), latest, 50); got != nil {
		t.Errorf("an empty repo: %v", got)
	}
}

// A channel is remembered with the time at which it left a checkpoint.
func TestEarlierOfChannel(t *testing.T) {
	ix := grace(t, sampleIndex(t), 50)
	for _, step := range []struct{ id, now ID }{{30, 100}, {40, 110}, {30, 120}, {0, 130}, {10, 140}} {
		var err error
		if step.id == 0 {
			ix, err = ix.DropChannel("stable", step.now)
		} else {
			ix, err = ix.SetChannel("stable", step.id, step.now)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []Moved{{"stable", 10, 100}, {"stable", 30, 110}, {"stable", 40, 120}, {"stable", 30, 130}}
	if !slices.Equal(ix.Moved, want) {
		t.Fatalf("%v", ix.Moved)
	}
	stable := When{Kind: WhenName, Name: "stable"}
	for now, want := range map[ID][]ID{
		140: {40, 30}, 169: {40, 30}, 170: {30}, 179: {30}, 180: nil,
	} {
		if got := earlier(t, NewHistory(ix, nil), stable, now); !slices.Equal(got, want) {
			t.Errorf("at %d: %v, want %v", now, got, want)
		}
	}
	pruned, err := ix.Prune(30, 141, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := earlier(t, NewHistory(pruned, nil), stable, 142); !slices.Equal(got, []ID{40}) {
		t.Errorf("with 30 pruned: %v", got)
	}
	if got := earlier(t, NewHistory(grace(t, ix, 0), nil), stable, 140); got != nil {
		t.Errorf("without a grace: %v", got)
	}
}

// What no grace reaches is forgotten with the next move, and so is the oldest of very many.
func TestMovedIsBounded(t *testing.T) {
	ix := sampleIndex(t)
	var err error
	for i := range ID(600) {
		if ix, err = ix.SetChannel("stable", 30+10*(i%2), 100+i); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(ix.Moved); n != maxMoved || ix.Moved[n-1].Until != 699 {
		t.Errorf("%d remembered, the last %v", n, ix.Moved[n-1])
	}
	if got := earlier(t, NewHistory(ix, nil), When{Kind: WhenName, Name: "stable"}, 700); !slices.Equal(got, []ID{30}) {
		t.Errorf("%v", got)
	}
	week := ID(MaxGrace / time.Second)
	if ix, err = ix.SetChannel("stable", 10, 698+week); err != nil {
		t.Fatal(err)
	}
	if want := []Moved{{"stable", 30, 699}, {"stable", 40, 698 + week}}; !slices.Equal(ix.Moved, want) {
		t.Errorf("a week later: %v", ix.Moved)
	}
	// However long the history, a search is bounded.
	many := NewHistory(grace(t, manyCheckpoints(1000), int(week)), nil)
	if got := earlier(t, many, When{Kind: WhenLatest}, many.Index.Horizon); len(got) != maxEarlier || got[0] >= many.Index.Horizon {
		t.Errorf("%d checkpoints", len(got))
	}
}

func TestSetGrace(t *testing.T) {
	ix := sampleIndex(t)
	if next, err := ix.SetGrace(nil); err != nil || next.Generation != ix.Generation {
		t.Errorf("the default again: %v, generation %d", err, next.Generation)
	}
	day, hour, bad, long := 24*time.Hour, time.Hour, 1500*time.Millisecond, MaxGrace+time.Second
	if next, err := ix.SetGrace(&day); err != nil || next.Grace != nil {
		t.Errorf("the default by its name: %v, %v", next.Grace, err)
	}
	next, err := ix.SetGrace(&hour)
	if err != nil || next.Generation != ix.Generation+1 || *next.Grace != 3600 {
		t.Fatalf("an hour: %+v, %v", next, err)
	}
	if again, err := next.SetGrace(&hour); err != nil || again.Generation != next.Generation {
		t.Errorf("an hour again: %v, generation %d", err, again.Generation)
	}
	data, err := next.Encode()
	if err != nil || !strings.Contains(string(data), `,"grace":3600,`+"\n") {
		t.Errorf("%v\n%s", err, data)
	}
	if again, err := ParseIndex(data); err != nil || *again.Grace != 3600 {
		t.Errorf("read again: %v, %v", again.Grace, err)
	}
	for _, d := range []*time.Duration{&bad, &long} {
		_, err := ix.SetGrace(d)
		checkError(t, d.String(), err, fmt.Sprintf("grace: %s is not a number of seconds from 0s to 168h0m0s", d))
	}
}

// Segments hold what is earlier, too. An error of their reader ends the search.
func TestEarlierInSegments(t *testing.T) {
	ix := sampleIndex(t)
	documents := sealedSegments{}
	next := documents.seal(t, ix, 1, 2)
	if len(next.Segments) == 0 {
		t.Fatal("nothing was sealed")
	}
	h := documents.history(t, next)
	if got := earlier(t, h, When{Kind: WhenLatest}, 50); !slices.Equal(got, []ID{30, 10}) {
		t.Errorf("%v", got)
	}
	away := errors.New("away")
	broken := NewHistory(next, func(context.Context, SegmentRef) (*Timeline, error) { return nil, away })
	n := 0
	for _, err := range broken.Earlier(t.Context(), When{Kind: WhenLatest}, 50) {
		if n++; !errors.Is(err, away) {
			t.Errorf("%v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d answers of a reader that is away", n)
	}
}

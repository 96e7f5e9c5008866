package manifest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func checkpoint(id ID) Checkpoint {
	return Checkpoint{ID: id, Manifest: Sum([]byte(id.String())), Content: Sum([]byte("x")), Pages: Sum(nil), Files: 3, Bytes: 30, Changes: Changes{Added: 2, Removed: 4, Changed: 1}, Layout: Full}
}

// sampleIndex has checkpoints 10, 20 (pruned), 30, 40, a channel stable at 10,
// and a horizon of 45.
func sampleIndex(t testing.TB) Index {
	t.Helper()
	ix := NewIndex("myfile")
	var err error
	for _, step := range []func() (Index, error){
		func() (Index, error) { return ix.Append(checkpoint(10)) },
		func() (Index, error) { return ix.Append(checkpoint(20)) },
		func() (Index, error) { return ix.Append(checkpoint(30)) },
		func() (Index, error) { return ix.Append(checkpoint(40)) },
		func() (Index, error) { return ix.Prune(20, 41, "licence withdrawn") },
		func() (Index, error) { return ix.SetChannel("stable", 10, 60) },
		func() (Index, error) { return ix.MoveHorizon(45) },
	} {
		if ix, err = step(); err != nil {
			t.Fatal(err)
		}
	}
	if ix.Generation != 7 {
		t.Fatalf("generation %d after 7 changes", ix.Generation)
	}
	return ix
}

// pendingIndex is sampleIndex with a group that is about to commit at 50.
func pendingIndex(t testing.TB) Index {
	t.Helper()
	ix, err := sampleIndex(t).Prepare(50)
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// A pending id stays pending until the horizon reaches it.
func TestPending(t *testing.T) {
	ix := pendingIndex(t)
	below, err := ix.MoveHorizon(49)
	if err != nil || below.Pending == nil || *below.Pending != 50 {
		t.Errorf("below it: %v, %+v", err, below)
	}
	for name, change := range map[string]func() (Index, error){
		"the horizon moves there": func() (Index, error) { return ix.MoveHorizon(50) },
		"it is appended":          func() (Index, error) { return ix.Append(checkpoint(50)) },
		"a later one is":          func() (Index, error) { return ix.Append(checkpoint(60)) },
	} {
		if next, err := change(); err != nil || next.Pending != nil {
			t.Errorf("%s: %v, %+v", name, err, next)
		}
	}
	if fenced, err := ix.Fence(); err != nil || fenced.Pending == nil {
		t.Errorf("fenced: %v, %+v", err, fenced)
	}
	if _, err := ix.Prepare(45); !errors.Is(err, ErrBehind) {
		t.Errorf("at the horizon: %v", err)
	}
	text := strings.Replace(encoded(t, ix), `"pending":"00010101T000050Z"`, `"pending":"00010101T000045Z"`, 1)
	if _, err := ParseIndex([]byte(text)); err == nil || !strings.Contains(err.Error(), "pending id 00010101T000045Z is not above the horizon") {
		t.Errorf("parsed at the horizon: %v", err)
	}
}

func TestIndexChanges(t *testing.T) {
	thin := checkpoint(50)
	thin.Layout = Thin
	noLayout := checkpoint(50)
	noLayout.Layout = ""
	negative := checkpoint(50)
	negative.Bytes = -1
	huge := checkpoint(50)
	huge.Files = maxNumber + 1
	const epoch = "00010101T0000"
	tests := []struct {
		name   string
		change func(Index) (Index, error)
		is     error
		err    string
	}{
		{"append", func(ix Index) (Index, error) { return ix.Append(thin) }, nil, ""},
		{"append at the horizon", func(ix Index) (Index, error) { return ix.Append(checkpoint(45)) }, ErrBehind, "id " + epoch + "45Z: not above the horizon " + epoch + "45Z"},
		{"append a listed one", func(ix Index) (Index, error) { return ix.Append(checkpoint(40)) }, ErrBehind, "id " + epoch + "40Z: not above the horizon " + epoch + "45Z"},
		{"append a pruned one", func(ix Index) (Index, error) { return ix.Append(checkpoint(20)) }, ErrBehind, "id " + epoch + "20Z: not above the horizon " + epoch + "45Z"},
		{"append without a layout", func(ix Index) (Index, error) { return ix.Append(noLayout) }, nil, "checkpoint " + epoch + `50Z: layout "" is neither full nor thin`},
		{"append a negative", func(ix Index) (Index, error) { return ix.Append(negative) }, nil, "checkpoint " + epoch + "50Z: files or bytes are not within 0 and 9007199254740991"},
		{"append too many", func(ix Index) (Index, error) { return ix.Append(huge) }, nil, "checkpoint " + epoch + "50Z: files or bytes are not within 0 and 9007199254740991"},
		{"append behind the end of time", func(ix Index) (Index, error) { return ix.Append(checkpoint(MaxID + 1)) }, nil, "horizon: id 100000101T000000Z is not within 00010101T000001Z and 99991231T235959Z"},
		{"move", func(ix Index) (Index, error) { return ix.MoveHorizon(46) }, nil, ""},
		{"move nowhere", func(ix Index) (Index, error) { return ix.MoveHorizon(45) }, ErrBehind, "instant " + epoch + "45Z: not above the horizon " + epoch + "45Z"},
		{"move back", func(ix Index) (Index, error) { return ix.MoveHorizon(40) }, ErrBehind, "instant " + epoch + "40Z: not above the horizon " + epoch + "45Z"},
		{"move too far", func(ix Index) (Index, error) { return ix.MoveHorizon(MaxID + 2) }, nil, "horizon: id 100000101T000001Z is not within 00010101T000001Z and 99991231T235959Z"},
		{"channel", func(ix Index) (Index, error) { return ix.SetChannel("canary", 40, 60) }, nil, ""},
		{"channel moves", func(ix Index) (Index, error) { return ix.SetChannel("stable", 40, 60) }, nil, ""},
		{"channel goes", func(ix Index) (Index, error) { return ix.DropChannel("stable", 60) }, nil, ""},
		{"channel moves at no time", func(ix Index) (Index, error) { return ix.SetChannel("stable", 40, 0) }, nil, "channel stable stood for " + epoch + "10Z until none: no such time"},
		{"grace", func(ix Index) (Index, error) { return ix.SetGrace(new(time.Duration)) }, nil, ""},
		{"channel to nothing", func(ix Index) (Index, error) { return ix.SetChannel("stable", 41, 60) }, ErrNoCheckpoint, epoch + "41Z: no such checkpoint"},
		{"channel to a pruned one", func(ix Index) (Index, error) { return ix.SetChannel("stable", 20, 60) }, ErrNoCheckpoint, epoch + "20Z: no such checkpoint"},
		{"channel of a bad name", func(ix Index) (Index, error) { return ix.SetChannel("latest", 10, 60) }, nil, `channel "latest": segment "latest" is reserved`},
		{"prune", func(ix Index) (Index, error) { return ix.Prune(30, 60, "") }, nil, ""},
		{"prune nothing", func(ix Index) (Index, error) { return ix.Prune(31, 60, "") }, ErrNoCheckpoint, epoch + "31Z: no such checkpoint"},
		{"prune a pruned one", func(ix Index) (Index, error) { return ix.Prune(20, 60, "") }, ErrNoCheckpoint, epoch + "20Z: no such checkpoint"},
		{"prune the newest", func(ix Index) (Index, error) { return ix.Prune(40, 60, "") }, ErrInUse, epoch + "40Z is in use: it is the newest checkpoint"},
		{"prune a channel's", func(ix Index) (Index, error) { return ix.Prune(10, 60, "") }, ErrInUse, epoch + "10Z is in use: channel stable names it"},
		{"prune at no time", func(ix Index) (Index, error) { return ix.Prune(30, 0, "") }, nil, "pruned checkpoint " + epoch + "30Z: id none is not within 00010101T000001Z and 99991231T235959Z"},
		{"prune, not UTF-8", func(ix Index) (Index, error) { return ix.Prune(30, 60, "a\xff") }, nil, "pruned checkpoint " + epoch + `30Z: the reason "a\xff" is not one line of UTF-8 text`},
		{"prune, two lines", func(ix Index) (Index, error) { return ix.Prune(30, 60, "a\nb") }, nil, "pruned checkpoint " + epoch + `30Z: the reason "a\nb" is not one line of UTF-8 text`},
		{"prune, long", func(ix Index) (Index, error) { return ix.Prune(30, 60, strings.Repeat("r", MaxReason+1)) }, nil, "pruned checkpoint " + epoch + "30Z: the reason is longer than 1000 bytes"},
		{"prune, <&> \"quoted\" ü", func(ix Index) (Index, error) { return ix.Prune(30, 60, "<&> \"quoted\" ü \u2028") }, nil, ""},
	}
	for _, tt := range tests {
		ix := sampleIndex(t)
		before, err := ix.Encode()
		if err != nil {
			t.Fatal(err)
		}
		next, err := tt.change(ix)
		checkError(t, tt.name, err, tt.err)
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %v is not %v", tt.name, err, tt.is)
		}
		if err != nil && !reflect.DeepEqual(next, ix) {
			t.Errorf("%s: a changed index beside an error", tt.name)
		}
		if after, err := ix.Encode(); err != nil || string(after) != string(before) {
			t.Errorf("%s: the index itself changed", tt.name)
		}
		if err != nil {
			continue
		}
		if next.Generation != ix.Generation+1 {
			t.Errorf("%s: generation %d after %d", tt.name, next.Generation, ix.Generation)
		}
		// Whatever a method returns can be written and read again.
		b, err := next.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseIndex(b); err != nil || !reflect.DeepEqual(again, next) {
			t.Errorf("%s: %v\n%+v\n%+v", tt.name, err, again, next)
		}
	}
}

// A copy shares no memory in which a change of the other could show.
func TestIndexCopies(t *testing.T) {
	ix := sampleIndex(t)
	a, errA := ix.Append(checkpoint(50))
	b, errB := ix.Append(checkpoint(60))
	c, errC := ix.SetChannel("x", 30, 60)
	if err := errors.Join(errA, errB, errC); err != nil {
		t.Fatal(err)
	}
	if last, _ := a.Newest(); last.ID != 50 {
		t.Error("the second append changed the first's")
	}
	if last, _ := b.Newest(); last.ID != 60 || len(ix.Channels) != 1 || len(c.Channels) != 2 {
		t.Error("a change reached another copy")
	}
}

func TestIndexFind(t *testing.T) {
	if _, ok := NewIndex("a").Newest(); ok {
		t.Error("the newest of none")
	}
	ix := sampleIndex(t)
	for id, want := range map[ID]bool{0: false, 10: true, 11: false, 20: false, 30: true, 40: true, 45: false} {
		c, ok := ix.Find(id)
		if ok != want || ok && c.ID != id || !ok && c != (Checkpoint{}) {
			t.Errorf("%d: %+v, %v", id, c, ok)
		}
	}
}

func TestIndexGenerationEnds(t *testing.T) {
	ix := sampleIndex(t)
	ix.Generation = maxNumber
	_, err := ix.Append(checkpoint(50))
	checkError(t, "generation", err, "generation 9007199254740992 is not within 0 and 9007199254740991")
}

func TestParseLayout(t *testing.T) {
	for in, want := range map[string]Layout{"": Full, "full": Full, "thin": Thin} {
		if got, err := ParseLayout(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"Full", "thick", " "} {
		_, err := ParseLayout(in)
		checkError(t, in, err, `layout "`+in+`" is neither full nor thin`)
	}
}

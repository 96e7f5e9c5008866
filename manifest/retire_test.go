package manifest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// inUse has two checkpoints, one pruned, a channel and a pending id.
func inUse(t *testing.T) Index {
	t.Helper()
	ix := NewIndex("a")
	for _, change := range []func() (Index, error){
		func() (Index, error) { return ix.Append(Checkpoint{ID: 10, Layout: Full}) },
		func() (Index, error) { return ix.Append(Checkpoint{ID: 20, Layout: Thin}) },
		func() (Index, error) { return ix.Append(Checkpoint{ID: 30, Layout: Thin}) },
		func() (Index, error) { return ix.Prune(10, 31, "old") },
		func() (Index, error) { return ix.SetChannel("stable", 20, 31) },
		func() (Index, error) { return ix.SetChannel("stable", 30, 32) },
		func() (Index, error) { return ix.Prepare(40) },
	} {
		next, err := change()
		if err != nil {
			t.Fatal(err)
		}
		ix = next
	}
	return ix
}

func TestRetire(t *testing.T) {
	ix := inUse(t)
	if ix.InUse() != nil {
		t.Error(ix.InUse())
	}
	if _, err := ix.Clear(50, ""); !errors.Is(err, ErrInUse) {
		t.Errorf("clear: %v", err)
	}
	retired, err := ix.Retire(Retired{At: 50, To: "b/c", Reason: "a better name"})
	if err != nil || retired.Generation != ix.Generation+1 || retired.Channels != nil || retired.Moved != nil || retired.Pending != nil || retired.Lists(ix) {
		t.Fatalf("%+v, %v", retired, err)
	}
	if got := retired.InUse(); !errors.Is(got, ErrRetired) || got.Error() != "repo a now stands at b/c/: a better name" {
		t.Error(got)
	}
	for name, change := range map[string]func() (Index, error){
		"append":  func() (Index, error) { return retired.Append(Checkpoint{ID: 60, Layout: Thin}) },
		"past":    func() (Index, error) { return retired.AppendPast(Checkpoint{ID: 60, Layout: Thin}, nil) },
		"horizon": func() (Index, error) { return retired.MoveHorizon(60) },
		"channel": func() (Index, error) { return retired.SetChannel("x", 30, 60) },
		"prepare": func() (Index, error) { return retired.Prepare(60) },
	} {
		if next, err := change(); !errors.Is(err, ErrRetired) || !reflect.DeepEqual(next, retired) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cleared, err := retired.Clear(51, "secret")
	if err != nil || len(cleared.Checkpoints) != 0 || len(cleared.Pruned) != 3 || cleared.Pruned[2].Reason != "secret" {
		t.Fatalf("%+v, %v", cleared, err)
	}
	for _, ix := range []Index{retired, cleared} {
		data, err := ix.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseIndex(data); err != nil || !reflect.DeepEqual(again, ix) {
			t.Errorf("%s: %+v, %v", data, again, err)
		}
		for _, when := range []When{At(1), At(20), At(100), {Kind: WhenLatest}, {Kind: WhenName, Name: "stable"}} {
			if a, err := NewHistory(ix, nil).Resolve(t.Context(), when, 100); err != nil || a != (Answer{Outcome: Elsewhere}) {
				t.Errorf("%v: %+v, %v", when, a, err)
			}
		}
	}
	revived, err := retired.Revive()
	if err != nil || revived.Retired != nil || len(revived.Checkpoints) != 2 {
		t.Errorf("%+v, %v", revived, err)
	}
	if _, err := cleared.Revive(); !errors.Is(err, ErrRetired) || !strings.HasSuffix(fmt.Sprint(err), "and its checkpoints are gone") {
		t.Errorf("revive: %v", err)
	}
	if same, err := ix.Revive(); err != nil || same.Generation != ix.Generation {
		t.Errorf("of a repo in use: %v", err)
	}
}

func TestRetireChecks(t *testing.T) {
	ix := inUse(t)
	for _, tt := range []struct {
		what Retired
		err  string
	}{
		{Retired{At: 50}, ""},
		{Retired{}, "retired at: id none is not within 00010101T000001Z and 99991231T235959Z"},
		{Retired{At: 50, To: "../x"}, `retired to: base path "../x": segment ".." starts with "."`},
		{Retired{At: 50, To: "b/"}, `retired to: base path "b/": empty segment`},
		{Retired{At: 50, Reason: "a\nb"}, `retired: the reason "a\nb" is not one line of UTF-8 text`},
		{Retired{At: 50, Reason: "\xff"}, `retired: the reason "\xff" is not one line of UTF-8 text`},
		{Retired{At: 50, Reason: strings.Repeat("x", MaxReason+1)}, "retired: the reason is longer than 1000 bytes"},
	} {
		_, err := ix.Retire(tt.what)
		checkError(t, fmt.Sprintf("%.60v", tt.what), err, tt.err)
	}
	retired, err := ix.Retire(Retired{At: 50})
	if err != nil {
		t.Fatal(err)
	}
	retired.Channels = ix.Channels
	_, err = retired.Encode()
	checkError(t, "channels", err, "a retired repo has channels, or a pending id")
	// Only a retired repo may have lost its newest checkpoint.
	cleared, err := ix.Retire(Retired{At: 50})
	if err == nil {
		cleared, err = cleared.Clear(51, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	cleared.Retired = nil
	_, err = cleared.Encode()
	checkError(t, "cleared", err, "pruned checkpoint "+ID(30).String()+" is newer than the newest")
}

func TestAppendPast(t *testing.T) {
	ix, err := NewIndex("a").Append(Checkpoint{ID: 10, Layout: Full})
	if err != nil {
		t.Fatal(err)
	}
	dead := func(ids ...ID) (list []Tombstone) {
		for _, id := range ids {
			list = append(list, Tombstone{ID: id, At: 100, Layout: Full})
		}
		return list
	}
	next, err := ix.AppendPast(Checkpoint{ID: 40, Layout: Full}, dead(20, 30))
	if err != nil || len(next.Pruned) != 2 || next.Generation != ix.Generation+1 || next.Horizon != 40 {
		t.Fatalf("%+v, %v", next, err)
	}
	for _, ids := range [][]ID{{5}, {10}, {40}, {50}, {30, 20}} {
		if got, err := ix.AppendPast(Checkpoint{ID: 40, Layout: Full}, dead(ids...)); err == nil || len(got.Checkpoints) != 1 {
			t.Errorf("%v: %+v", ids, got)
		}
	}
}

// retiredIndex is that of a deleted repo.
func retiredIndex(t testing.TB) Index {
	t.Helper()
	ix, err := NewIndex("a").Append(Checkpoint{ID: 10, Layout: Full})
	if err == nil {
		ix, err = ix.Retire(Retired{At: 50, To: "b", Reason: "why"})
	}
	if err == nil {
		ix, err = ix.Clear(50, "why")
	}
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

package manifest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestRingChanges(t *testing.T) {
	base := rollout(t)
	for _, tt := range []struct {
		name   string
		change func(Rollout) (Rollout, error)
		check  func(Rollout) bool
		err    string
	}{
		{"set as it is", func(r Rollout) (Rollout, error) {
			return r.Set([]string{"a", "b"}, []RingRule{{"canary", 0}, {"early", 100}}, by(200))
		}, func(r Rollout) bool { return reflect.DeepEqual(r, base) }, ""},
		{"a ring in between, another rule, all members", func(r Rollout) (Rollout, error) {
			return r.Set(nil, []RingRule{{"canary", 0}, {"test", 5}, {"early", 7}}, by(200))
		}, func(r Rollout) bool {
			early, _ := r.Ring("early")
			now, _ := early.Now()
			return r.Rings[1].Name == "test" && early.After == 7 && now.Time == 12 && r.Holds("zzz") && r.Recorded == 7
		}, ""},
		{"a ring left out stays behind", func(r Rollout) (Rollout, error) {
			return r.Set([]string{"a", "b"}, []RingRule{{"early", 0}}, by(200))
		}, func(r Rollout) bool { return r.Rings[0].Name == "early" && r.Rings[1].Name == "canary" }, ""},
		{"a ring twice", func(r Rollout) (Rollout, error) { return r.Set(nil, []RingRule{{"x", 0}, {"x", 1}}, by(200)) }, nil, "ring x: already taken"},
		{"delete", func(r Rollout) (Rollout, error) { return r.Delete("early", by(200)) }, func(r Rollout) bool {
			return len(r.Rings) == 1 && r.Last.What == RingDeleted && r.Last.From == 12
		}, ""},
		{"hold", func(r Rollout) (Rollout, error) { return r.Hold("early", Stamp{200, "eve", "wait"}) }, func(r Rollout) bool {
			early, _ := r.Ring("early")
			return early.Held.Reason == "wait" && r.Last == RingChange{What: RingHeld, Ring: "early", Stamp: Stamp{200, "eve", "wait"}}
		}, ""},
		{"resume", func(r Rollout) (Rollout, error) { return r.Resume("canary", by(200)) }, func(r Rollout) bool {
			canary, _ := r.Ring("canary")
			return canary.Held == nil && len(r.Blocks) == 1
		}, ""},
		{"resume what is not held", func(r Rollout) (Rollout, error) { return r.Resume("early", by(200)) }, func(r Rollout) bool { return r.Generation == base.Generation }, ""},
		{"move backwards in the clock's time", func(r Rollout) (Rollout, error) { return r.Move("canary", 40, by(1)) }, func(r Rollout) bool {
			now, _ := r.Rings[0].Now()
			return now.Time == 40 && now.At == 100 && r.Last.From == 20
		}, ""},
		{"extend backwards", func(r Rollout) (Rollout, error) { return r.Extend("early", 12) }, nil, "does not stand for a time before"},
		{"roll back forwards", func(r Rollout) (Rollout, error) { return r.Rollback("early", 12, nil, by(200)) }, nil, "ring early stands for 00010101T000012Z, not for a time after 00010101T000012Z"},
		{"roll back without blocks", func(r Rollout) (Rollout, error) { return r.Rollback("early", 5, nil, by(200)) }, func(r Rollout) bool { return len(r.Blocks) == 1 }, ""},
		{"no ring", func(r Rollout) (Rollout, error) { return r.Rollback("none", 5, nil, by(200)) }, nil, "none: no such ring"},
		{"block what is blocked", func(r Rollout) (Rollout, error) { return r.Block("b", 25, by(200)) }, func(r Rollout) bool { return r.Generation == base.Generation }, ""},
		{"block", func(r Rollout) (Rollout, error) { return r.Block("a", 25, by(200)) }, func(r Rollout) bool {
			_, a := r.Blocked("a", 25)
			_, before := r.Blocked("a", 24)
			_, after := r.Blocked("a", 26)
			return a && !before && !after && r.Last.Repo == "a" && r.Last.To == 25
		}, ""},
		{"unblock", func(r Rollout) (Rollout, error) { return r.Unblock("b", 30, by(200)) }, func(r Rollout) bool { return len(r.Blocks) == 0 }, ""},
		{"unblock another", func(r Rollout) (Rollout, error) { return r.Unblock("b", 20, by(200)) }, nil, "b 00010101T000020Z: not blocked"},
	} {
		got, err := tt.change(base)
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || !reflect.DeepEqual(got, base) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.err)
			}
		case err != nil || !tt.check(got):
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	if !reflect.DeepEqual(base, rollout(t)) {
		t.Error("a change changed the rollout that it was made from")
	}
}

func TestBefore(t *testing.T) {
	r := rollout(t)
	canary, _ := r.Ring("canary")
	if s, err := canary.Before(20); err != nil || s.Time != 10 {
		t.Errorf("%+v, %v", s, err)
	}
	early, _ := r.Ring("early")
	if s, err := early.Before(10); !errors.Is(err, ErrNothingBefore) {
		t.Errorf("%+v, %v", s, err)
	}
}

// However often a ring moves, what it stood for is known at every age, the more exactly the
// later it was.
func TestStandsAreBounded(t *testing.T) {
	var ring Ring
	for i := ID(1); i <= 10_000; i++ {
		ring.stand(Stand{i, by(60 * i)})
	}
	if len(ring.Stands) != maxStands || ring.Stands[0].Time != 1 || ring.Stands[maxStands-1].Time != 10_000 {
		t.Fatalf("%d stands", len(ring.Stands))
	}
	const now = 60 * 10_000
	for i, s := range ring.Stands[1:] {
		if gap, age := s.At-ring.Stands[i].At, now-s.At; gap > 60+age/8 {
			t.Errorf("%s ago, a gap of %d", s.At, gap)
		}
	}
}

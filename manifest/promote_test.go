package manifest

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// histories makes a history for each repo from the ids of its checkpoints and its horizon.
func histories(t testing.TB, repos map[string][]ID, horizon ID) (all []*History) {
	t.Helper()
	for _, name := range []string{"a", "b", "c"} {
		ids, ok := repos[name]
		if !ok {
			continue
		}
		ix := NewIndex(name)
		var err error
		for _, id := range ids {
			if ix, err = ix.Append(checkpoint(id)); err != nil {
				t.Fatal(err)
			}
		}
		if len(ids) > 0 && horizon > ix.Horizon {
			if ix, err = ix.MoveHorizon(horizon); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, NewHistory(ix, nil))
	}
	return all
}

func TestDue(t *testing.T) {
	const now = 1000
	fresh := func(t *testing.T) Rollout {
		r, err := Rollout{}.Set(nil, []RingRule{{"canary", 0}, {"early", 100}, {"prod", 200}}, by(1))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	move := func(ring string, to, at ID) func(Rollout) (Rollout, error) {
		return func(r Rollout) (Rollout, error) { return r.Move(ring, to, by(at)) }
	}
	repos := map[string][]ID{"a": {10, 50, 90}, "b": {20, 60}, "c": {}}
	for _, tt := range []struct {
		name    string
		horizon ID
		ring    string
		want    Due
		steps   []func(Rollout) (Rollout, error)
	}{
		{"the first follows what is final", 500, "canary", Due{To: 500, Bar: Bar{Why: "nothing later is final in a", Repo: "a"}}, nil},
		{"the slowest member decides", 0, "canary", Due{To: 60, Bar: Bar{Why: "nothing later is final in b", Repo: "b"}}, nil},
		{"nothing new", 0, "canary", Due{Bar: Bar{Why: "nothing later is final in b", Repo: "b"}}, []func(Rollout) (Rollout, error){move("canary", 60, 900)}},
		{"nothing changes", 500, "canary", Due{To: 500, Same: true, Bar: Bar{Why: "nothing later is final in a", Repo: "a"}}, []func(Rollout) (Rollout, error){move("canary", 95, 900)}},
		{"not in the future", 5000, "canary", Due{To: now, Bar: Bar{Why: "nothing later is final in a", Repo: "a"}}, nil},
		{"before the first has moved", 500, "early", Due{Bar: Bar{Why: "canary stands for nothing yet"}}, nil},
		{"too early", 500, "early", Due{Next: 1050, Bar: Bar{Why: "canary has stood for 00010101T000130Z since 00010101T001550Z only"}}, []func(Rollout) (Rollout, error){move("canary", 90, 950)}},
		{"due", 500, "early", Due{To: 90, Bar: Bar{Why: "canary stands for nothing later"}}, []func(Rollout) (Rollout, error){move("canary", 90, 900)}},
		{"the older one is due", 500, "early", Due{To: 50, Next: 1050, Bar: Bar{Why: "canary has stood for 00010101T000130Z since 00010101T001550Z only"}},
			[]func(Rollout) (Rollout, error){move("canary", 50, 800), move("canary", 90, 950)}},
		{"not what was taken back", 500, "early", Due{To: 50, Bar: Bar{Why: "canary stands for nothing later"}},
			[]func(Rollout) (Rollout, error){move("canary", 50, 100), move("canary", 90, 200), func(r Rollout) (Rollout, error) { return r.Rollback("canary", 50, nil, by(300)) }}},
		{"the ring before decides, not the first", 500, "prod", Due{To: 50, Bar: Bar{Why: "early stands for nothing later"}},
			[]func(Rollout) (Rollout, error){move("canary", 90, 100), move("early", 50, 300)}},
		{"around what is blocked", 500, "canary", Due{To: 49, Bar: Bar{Why: "a 00010101T000050Z is blocked since 00010101T001300Z", Repo: "a", Checkpoint: 50}},
			[]func(Rollout) (Rollout, error){
				func(r Rollout) (Rollout, error) { return r.Block("a", 90, by(777)) },
				func(r Rollout) (Rollout, error) { return r.Block("a", 50, by(780)) },
			}},
		{"blocked, and nothing else is new", 500, "canary", Due{Bar: Bar{Why: "b 00010101T000100Z is blocked since 00010101T001257Z", Repo: "b", Checkpoint: 60}},
			[]func(Rollout) (Rollout, error){
				move("canary", 59, 100),
				func(r Rollout) (Rollout, error) { return r.Block("b", 60, by(777)) },
			}},
	} {
		r := fresh(t)
		var err error
		for _, step := range tt.steps {
			if r, err = step(r); err != nil {
				t.Fatal(err)
			}
		}
		members := r.MembersOf(histories(t, repos, tt.horizon))
		got, err := r.Due(t.Context(), tt.ring, members, now)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
	if _, err := fresh(t).Due(t.Context(), "none", nil, now); err == nil {
		t.Error("there is no such ring")
	}
}

// A pruned checkpoint is none to enter, and members that are retired or were never published
// have no say.
func TestMayEnter(t *testing.T) {
	ix := sampleIndex(t) // 10, 20 (pruned), 30, 40; horizon 45
	left, err := NewIndex("left").Append(checkpoint(5))
	if err != nil {
		t.Fatal(err)
	}
	if left, err = left.Retire(Retired{At: 6}); err != nil {
		t.Fatal(err)
	}
	r := Rollout{}
	members := r.MembersOf([]*History{NewHistory(ix, nil), NewHistory(left, nil), NewHistory(NewIndex("never"), nil)})
	if len(members) != 1 {
		t.Fatal(len(members))
	}
	if r, err = r.Block("myfile", 40, Stamp{50, "eve", "broken"}); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[ID]string{
		30: "", 15: "", 5: "",
		20: "myfile 00010101T000020Z is pruned",
		45: "myfile 00010101T000040Z is blocked since 00010101T000050Z: broken",
		46: "it is not final in myfile, whose horizon is 00010101T000045Z",
	} {
		bar, err := r.MayEnter(t.Context(), members, at, 1000)
		if err != nil || bar.Why != want {
			t.Errorf("%s: %+v, %v; want %q", at, bar, err, want)
		}
	}
	if bar, _ := r.MayEnter(t.Context(), members, 30, 29); bar.Why != "it lies in the future" {
		t.Error(bar)
	}
	if bar, _ := r.MayEnter(t.Context(), nil, 30, 1000); bar.Why != "no member has a checkpoint" {
		t.Error(bar)
	}
}

// Whatever is published, promoted, rolled back and blocked in whatever order: no ring stands
// for what is not final or was blocked when it moved there, and none for what the ring before
// has not stood for long enough.
func TestDueHolds(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		r, err := Rollout{}.Set(nil, []RingRule{{"r0", 0}, {"r1", 30}, {"r2", 50}}, by(1))
		if err != nil {
			t.Fatal(err)
		}
		ixs := []Index{NewIndex("a"), NewIndex("b")}
		type moment struct{ at, time ID }
		stood := map[string][]moment{}
		for now := ID(10); now < 1500; now += 1 + ID(random.IntN(8)) {
			i := random.IntN(2)
			switch random.IntN(6) {
			case 0:
				ixs[i], _ = ixs[i].Append(checkpoint(now))
			case 1:
				if _, ok := ixs[i].Newest(); ok {
					ixs[i], _ = ixs[i].MoveHorizon(now)
				}
			}
			members := r.MembersOf([]*History{NewHistory(ixs[0], nil), NewHistory(ixs[1], nil)})
			for k, name := range []string{"r0", "r1", "r2"} {
				ring, _ := r.Ring(name)
				current, _ := ring.Now()
				if random.IntN(60) == 0 {
					if before, err := ring.Before(current.Time); err == nil {
						wrong, err := members.Differ(t.Context(), before.Time, current.Time)
						if err != nil {
							t.Fatal(err)
						}
						if r, err = r.Rollback(name, before.Time, wrong, by(now)); err != nil {
							t.Fatal(err)
						}
						if r, err = r.Resume(name, by(now)); err != nil {
							t.Fatal(err)
						}
						stood[name] = append(stood[name], moment{now, before.Time})
					}
					continue
				}
				due, err := r.Due(t.Context(), name, members, now)
				if err != nil {
					t.Fatal(err)
				}
				if due.To.IsZero() {
					continue
				}
				if due.To <= current.Time {
					t.Fatalf("seed %d: %s goes from %s to %s", seed, name, current.Time, due.To)
				}
				if bar, err := r.MayEnter(t.Context(), members, due.To, now); bar.Why != "" || err != nil {
					t.Fatalf("seed %d: %s enters %s: %s, %v", seed, name, due.To, bar.Why, err)
				}
				if k > 0 {
					before, _ := r.Rings[k-1].Now()
					long := false
					for _, m := range stood[r.Rings[k-1].Name] {
						long = long || m.time >= due.To && m.at+ID(ring.After) <= now
					}
					if due.To > before.Time || !long {
						t.Fatalf("seed %d: %s enters %s, and %s stands for %s", seed, name, due.To, r.Rings[k-1].Name, before.Time)
					}
				}
				if due.Same {
					r, err = r.Extend(name, due.To)
					stood[name][len(stood[name])-1].time = due.To
				} else {
					r, err = r.Move(name, due.To, by(now))
					stood[name] = append(stood[name], moment{now, due.To})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			b, err := r.Encode()
			if err != nil || strings.Contains(string(b), "none") {
				t.Fatal(err)
			}
		}
	}
}

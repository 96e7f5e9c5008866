package manifest

import (
	"encoding/json"
	"reflect"
	"testing"
)

// A board says what stands where, and what comes next; to the public nothing of others' repos,
// nor of people.
func TestBoard(t *testing.T) {
	all := histories(t, map[string][]ID{"a": {10, 50, 90}, "b": {20, 60}, "c": {}}, 500)
	r, err := Rollout{}.Set(nil, []RingRule{{"canary", 0}, {"early", 100}, {"prod", 200}}, by(1))
	for _, step := range []func(Rollout) (Rollout, error){
		func(r Rollout) (Rollout, error) { return r.Move("canary", 55, by(850)) },
		func(r Rollout) (Rollout, error) { return r.Move("canary", 95, by(950)) },
		func(r Rollout) (Rollout, error) { return r.Move("early", 15, Stamp{960, "jane", "nightly"}) },
		func(r Rollout) (Rollout, error) { return r.Hold("early", Stamp{970, "eve", "freeze"}) },
		func(r Rollout) (Rollout, error) { return r.Block("b", 60, Stamp{980, "eve", "broken"}) },
	} {
		if err == nil {
			r, err = step(r)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	board, err := r.Board(t.Context(), all, 1000)
	if err != nil {
		t.Fatal(err)
	}
	want := Board{
		Rings: []BoardRing{
			{
				Name: "canary", Time: 95, Since: 950, By: "ci", Why: "b 00010101T000100Z is blocked since 00010101T001620Z: broken", of: "b",
				Repos: []Standing{{"a", 90, 0, ""}, {"b", 60, 0, ""}},
			},
			{
				Name: "early", After: 100, Time: 15, Since: 960, By: "jane", Reason: "nightly", Held: &Hold{Stamp{970, "eve", "freeze"}},
				Due: 55, Next: 1050, Why: "canary has stood for 00010101T000135Z since 00010101T001550Z only",
				Repos: []Standing{{"a", 10, 80, ""}, {"b", 0, 0, "the first is 00010101T000020Z"}},
			},
			{Name: "prod", After: 200, Next: 1160, Why: "early has stood for 00010101T000015Z since 00010101T001600Z only", Repos: []Standing{}},
		},
		Absent: []string{"c"},
		Blocks: []Block{{[]string{"b"}, 59, 60, Stamp{980, "eve", "broken"}}},
	}
	if !reflect.DeepEqual(board, want) {
		t.Errorf("%+v\nwant %+v", board, want)
	}

	public := board.Public(func(repo string) bool { return repo == "a" })
	got, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"rings":[` +
		`{"name":"canary","after":0,"time":"00010101T000135Z","since":"00010101T001550Z","why":"another repository holds it back","repos":[{"repo":"a","checkpoint":"00010101T000130Z","behind":0}]},` +
		`{"name":"early","after":100,"time":"00010101T000015Z","since":"00010101T001600Z","reason":"nightly","held":{"at":"00010101T001610Z","reason":"freeze"},` +
		`"due":"00010101T000055Z","next":"00010101T001730Z","why":"canary has stood for 00010101T000135Z since 00010101T001550Z only","repos":[{"repo":"a","checkpoint":"00010101T000010Z","behind":80}]},` +
		`{"name":"prod","after":200,"next":"00010101T001920Z","why":"early has stood for 00010101T000015Z since 00010101T001600Z only","repos":[]}],` +
		`"absent":[],"blocks":[]}`
	if string(got) != text {
		t.Errorf("%s\nwant %s", got, text)
	}
	if !reflect.DeepEqual(board, want) {
		t.Errorf("the public board changed the other one: %+v", board)
	}
}

package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

// droppable is a folder store of two repos with the checkpoints of ids, a ring and a channel.
func droppable(t *testing.T) (w *workspace, ids []string) {
	w = newWorkspace(t, `store: ./data
serve: {refresh: 50ms}
rollout: {repos: [myfile], rings: [{name: prod}]}
repos:
  - {name: myfile, layout: thin, remote: {type: dir, path: src}}
  - {name: other, layout: thin, remote: {type: dir, path: src}}
`)
	ids = []string{"20250317T000000Z", "20250318T140338Z", "20250320T000000Z", "20250321T000000Z"}
	for i, at := range ids {
		w.write("src/a", fmt.Sprint("content ", i))
		w.write("src/both", "in all of them")
		w.run("publish", "myfile", "other", "--at", at)
	}
	return w, ids
}

// dropped is what `asof prune --drop -o json` prints.
type dropped struct {
	Applied, Released bool
	Checkpoints       []struct {
		Checkpoint      string
		Pruned          *manifest.Tombstone
		Channels, Rings []string
		Same            []struct{ Repo, Checkpoint string } `json:"same_content"`
	}
}

// A dry run says which checkpoint a time stands for, what else holds its content, and the very
// command that applies it. That takes ids only. Then it answers 410 with the reason.
func TestDrop(t *testing.T) {
	w, ids := droppable(t)
	r := w.try("prune", "myfile", "--drop", "2025-03-19", "--reason", "don't use")
	for _, want := range []string{
		"2025-03-19 stands for " + ids[1],
		ids[1] + ": the same content is in other " + ids[1],
		"would prune 1 of 4 checkpoints",
		"that is: asof prune myfile --drop " + ids[1] + ` --reason 'don'\''t use' --apply`,
	} {
		if r.code != 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, without %q:\n%s", r.code, want, r.stderr)
		}
	}
	if r := w.try("prune", "myfile", "--drop", "2025-03-19", "--drop", "latest", "--apply"); r.code != 2 ||
		!strings.Contains(r.stderr, "--drop 2025-03-19: it is no checkpoint's id, and stands for "+ids[1]) ||
		!strings.Contains(r.stderr, "--drop latest: it is no checkpoint's id, and stands for "+ids[3]) {
		t.Errorf("times that are applied: %+v", r)
	}
	for text, code := range map[string]int{"2025-03-16": 4, "nothing": 4, "2025-3-1": 2, "latest": 5} {
		if r := w.try("prune", "myfile", "--drop", text); r.code != code {
			t.Errorf("--drop %s: %+v", text, r)
		}
	}
	if r := w.try("prune", "myfile", "--keep-last", "1", "--force"); r.code != 2 {
		t.Errorf("--force alone: %+v", r)
	}
	url := w.serve()
	w.run("prune", "myfile", "--drop", ids[1], "--reason", "don't use", "--apply")
	for _, when := range []string{ids[1], "2025-03-19"} {
		eventually(t, "410", func() bool { return get(t, url+"/myfile/"+when+"/a").status == 410 })
		if a := get(t, url+"/myfile/"+when+"/a"); !strings.Contains(a.body, "don't use") && !strings.Contains(a.body, "don&#39;t use") {
			t.Errorf("%s: %s", when, a.body)
		}
	}
	// Again: it says so, and never takes the one before.
	r = w.try("prune", "myfile", "--drop", "2025-03-19", "--drop", ids[1])
	if r.code != 0 || !strings.Contains(r.stderr, ids[1]+": it was pruned already, at ") || !strings.Contains(r.stderr, ": don't use\nnothing to prune") {
		t.Errorf("again: %+v", r)
	}
	if r := w.try("resolve", "myfile", "2025-03-19"); r.code != 4 || !strings.Contains(r.stderr, "was pruned: don't use") {
		t.Errorf("resolve: %+v", r)
	}
}

// What a channel or a ring leads to goes by force only, which says what breaks.
func TestDropByForce(t *testing.T) {
	w, ids := droppable(t)
	w.run("channel", "myfile", "stable", ids[0])
	w.run("promote", "prod", "--to", ids[1])
	drop := []string{"prune", "myfile", "--drop", ids[0], "--drop", ids[1], "--reason", "leaked"}
	if r := w.try(drop...); r.code != 5 || !strings.Contains(r.stderr, "channel stable names it") || !strings.Contains(r.stderr, "ring prod stands on it") || !strings.Contains(r.stderr, "--force drops it all the same") {
		t.Errorf("%+v", r)
	}
	r := w.try(append(drop, "--force")...)
	for _, want := range []string{
		ids[0] + ": channel stable names it and goes along: its clients will get 404, until asof channel sets it again",
		ids[1] + ": ring prod stands on it: its clients will get 410 here, until asof rollback or asof promote moves it",
		" --force --reason 'leaked' --apply",
	} {
		if r.code != 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, without %q:\n%s", r.code, want, r.stderr)
		}
	}
	var d dropped
	if err := json.Unmarshal([]byte(w.run(append(drop, "--force", "--apply", "-o", "json")...)), &d); err != nil {
		t.Fatal(err)
	}
	if !d.Applied || !d.Released || len(d.Checkpoints) != 2 || fmt.Sprint(d.Checkpoints[0].Channels, d.Checkpoints[1].Rings, d.Checkpoints[1].Same) != "[stable] [prod] [{other "+ids[1]+"}]" {
		t.Errorf("%+v", d)
	}
	url := w.serve()
	for name, want := range map[string]int{"stable": 404, "prod": 410} {
		if a := get(t, url+"/myfile/"+name+"/a"); a.status != want || want == 410 && !strings.Contains(a.body, "leaked") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// A drop can be undone until gc deletes it. gc --now does that at once, after a dry run that
// says what stays and what it means, and not while a publish may be resumed.
func TestDropFreed(t *testing.T) {
	w, ids := droppable(t)
	w.run("prune", "myfile", "--drop", ids[0], "--drop", ids[1], "--reason", "leaked", "--apply")
	if r := w.try("prune", "myfile", "--undo", ids[0], "--apply"); r.code != 0 || !strings.Contains(r.stderr, "listed 1 checkpoint again") {
		t.Errorf("undo: %+v", r)
	}
	w.run("resolve", "myfile", ids[0])
	if r := w.try("gc", "myfile", ids[0], "--now"); r.code != 5 || !strings.Contains(r.stderr, "checkpoint "+ids[0]+": it is listed") {
		t.Errorf("what is listed: %+v", r)
	}
	for _, args := range [][]string{{"gc", "myfile"}, {"gc", "--now"}, {"gc", "myfile", "x", "--now"}, {"gc", "myfile", "--now", "--grace", "1h"}} {
		if r := w.try(args...); r.code != 2 {
			t.Errorf("%q: %+v", args, r)
		}
	}
	blob := "data/" + manifest.BlobKey(manifest.Sum([]byte("content 1")))
	there := func() bool { _, err := os.Stat(filepath.Join(w.dir, blob)); return err == nil }

	// What was stored in the second of the notice would stay.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))

	// The other repo still has the file.
	r := w.try("gc", "myfile", "--now", "--apply")
	if r.code != 0 || !strings.Contains(r.stderr, "something else refers to them") || !there() {
		t.Errorf("shared: %+v", r)
	}
	w.run("prune", "other", "--drop", ids[1], "--reason", "leaked", "--apply")
	r = w.try("gc", "other", "--now")
	for _, want := range []string{"warning: this is for good", "CDNs and clients keep their copies", "nothing was deleted; add --apply to do it"} {
		if r.code != 0 || !strings.Contains(r.stderr, want) || !strings.Contains(r.stdout, "WOULD DELETE") || !there() {
			t.Errorf("a dry run without %q: %+v", want, r)
		}
	}
	// A claim that may be committed.
	data, err := manifest.Attempt{ID: manifest.IDOf(time.Now()), Layout: manifest.Thin}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	claim := manifest.AttemptKey("myfile", manifest.IDOf(time.Now()))
	w.write("data/"+claim, string(data))
	if r := w.try("gc", "other", "--now"); r.code != 0 || !strings.Contains(r.stderr, "a publish is at work, or was killed") {
		t.Errorf("a dry run with a claim: %+v", r)
	}
	if r := w.try("gc", "other", "--now", "--apply"); r.code != 5 || !strings.Contains(r.stderr, "publishes are at work, or were killed: myfile 2") || !strings.Contains(r.stderr, "--exclusive promises that none is") || !there() {
		t.Errorf("with a claim: %+v", r)
	}
	var freed struct {
		Applied     bool
		Checkpoints []manifest.Tombstone
		Shared      struct{ Objects int }
		Kinds       []struct{ Objects int }
	}
	if err := json.Unmarshal([]byte(w.run("gc", "other", ids[1], "--now", "--exclusive", "--apply", "-o", "json")), &freed); err != nil {
		t.Fatal(err)
	}
	if !freed.Applied || len(freed.Checkpoints) != 1 || freed.Checkpoints[0].Reason != "leaked" || freed.Kinds[1].Objects == 0 || there() {
		t.Errorf("%+v", freed)
	}
	if r := w.try("prune", "other", "--undo", ids[1], "--apply"); r.code != 4 || !strings.Contains(r.stderr, "gc has deleted some of it") {
		t.Errorf("undo: %+v", r)
	}
	w.run("verify")
}

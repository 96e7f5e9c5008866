package file_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/file"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// A missing file and one of another size may mean that upstream is being written. If the
// manifest is the same in the next capture, they are faults that last.
func TestLasting(t *testing.T) {
	up := remotetest.New(t)
	for _, path := range []string{"a", "b", "c", "d"} {
		up.Set(path, "content of "+path)
	}
	up.FailAlways("a", remotetest.Status(404))
	up.FailAlways("b", remotetest.Bytes("another length"))
	up.FailAlways("c", remotetest.Status(403))
	open := func(r remote.Remote) remote.Lasting {
		t.Helper()
		c, err := r.Capture(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.(remote.Lasting)
	}
	for _, policy := range []mirror.Missing{"", "fail", "skip"} {
		r, err := file.New(file.Options{URL: up.URL(), Missing: policy}, environment(&remotetest.Clock{}))
		if err != nil {
			t.Fatal(err)
		}
		c := open(r)
		if c.Lasting() || len(c.Missing()) > 0 || len(c.Files()) != 5 {
			t.Errorf("%q: a first capture with %v, missing %q", policy, c.Files(), c.Missing())
		}
		for path, want := range map[string][3]bool{"a": {true, true, false}, "b": {true, false, true}, "c": {}} {
			i := slices.IndexFunc(c.Files(), func(f remote.File) bool { return f.Path == path })
			_, _, err := readAll(t, c, c.Files()[i])
			got := [3]bool{errors.Is(err, remote.ErrMoved), errors.Is(err, remote.ErrMissing), errors.Is(err, remote.ErrUnverified)}
			if err == nil || got != want {
				t.Errorf("%s: %v: moved, missing, unverified %v", path, err, got)
			}
		}
		if c = open(r); !c.Lasting() {
			t.Errorf("%q: the second capture does not last", policy)
		}
		advice := "upstream has to mend these files or its list, PULP_MANIFEST"
		if c.Advice(false) != advice || strings.HasSuffix(c.Advice(true), "; missing: skip publishes without those that upstream does not have") == (policy == "skip") {
			t.Errorf("%q: %s", policy, c.Advice(true))
		}
		if c.Skip([]string{"a", "b", "c", "d"}) {
			t.Errorf("%q: skips that everything is missing", policy)
		}
		if c.Skip([]string{"a", "c"}) != (policy == "skip") {
			t.Errorf("%q: skips the other way round", policy)
		}
		if policy != "skip" {
			continue
		}
		c = open(r)
		var paths []string
		for _, f := range c.Files() {
			paths = append(paths, f.Path)
		}
		if fmt.Sprint(paths, c.Missing(), c.Lasting()) != "[PULP_MANIFEST b d] [a c] true" {
			t.Errorf("%q, missing %q, lasting %v", paths, c.Missing(), c.Lasting())
		}
		if c.Skip([]string{"b", "d"}) {
			t.Error("skips that everything is missing by now")
		}
		up.Set("e", "new") // a new manifest is a new chance
		if c = open(r); c.Lasting() || len(c.Missing()) > 0 || len(c.Files()) != 6 {
			t.Errorf("%v, missing %q", c.Files(), c.Missing())
		}
	}
	if _, err := file.New(file.Options{URL: up.URL(), Missing: "ignore"}, environment(&remotetest.Clock{})); err == nil || err.Error() != `missing: is "ignore"; allowed: fail, skip` {
		t.Errorf("got %v", err)
	}
}

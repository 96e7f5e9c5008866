package test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/resolvertest"
)

// asof resolve and asof serve agree on every time: which checkpoint it resolves
// to and whether that is final, or that there is none and why.
func TestCommandAndServiceResolveAlike(t *testing.T) {
	w := newWorkspace(t, "store: ./data\nrepos: []\n")
	fill(t, resolvertest.Load(t), filepath.Join(w.dir, "data"), nil)
	api := w.serve() + "/-/resolve?repo=full&at="
	ahead := func(d time.Duration) string { return manifest.IDOf(time.Now().Add(d)).String() }
	const newest = "20250320T101500Z"
	for name, tt := range map[string]struct {
		when  string
		id    string
		final bool
		code  int    // the command's exit code
		says  string // in both messages, if they refuse
	}{
		"before the first":          {when: "20200101", code: 4, says: "lies before the first checkpoint"},
		"final":                     {when: "20250319", id: "20250318T140338Z", final: true},
		"pruned":                    {when: "20250312T090000Z", code: 4, says: "was pruned"},
		"the horizon":               {when: "20250401T000000Z", id: newest, final: true},
		"a second after it":         {when: "20250401T000001Z", id: newest},
		"an hour ago":               {when: ahead(-time.Hour), id: newest},
		"half a minute from now":    {when: ahead(30 * time.Second), id: newest},
		"a minute from now":         {when: ahead(time.Minute), id: newest},
		"a quarter hour from now":   {when: ahead(15 * time.Minute), code: 4, says: "lies in the future"},
		"latest":                    {when: "latest", id: newest},
		"a channel":                 {when: "stable", id: "20250318T140338Z"},
		"a channel that is not":     {when: "canary", code: 4, says: "no channel"},
		"a day that does not exist": {when: "20250230", code: 2, says: `"20250230" is `},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.try("resolve", "full", tt.when, "-o", "json")
			var command struct {
				ID    string
				Final bool
			}
			if r.code == 0 {
				if err := json.Unmarshal([]byte(r.stdout), &command); err != nil {
					t.Fatalf("%v\n%s", err, r.stdout)
				}
			}
			if r.code != tt.code || command.ID != tt.id || command.Final != tt.final || !strings.Contains(r.stderr, tt.says) {
				t.Errorf("asof resolve %s: exit code %d\n%s%s", tt.when, r.code, r.stdout, r.stderr)
			}

			a := get(t, api+tt.when)
			var service struct {
				Checkpoint struct{ ID string }
				Final      bool
			}
			if a.status == 200 {
				if err := json.Unmarshal([]byte(a.body), &service); err != nil {
					t.Fatalf("%v\n%s", err, a.body)
				}
			}
			if (a.status == 200) != (tt.code == 0) || service.Checkpoint.ID != tt.id || service.Final != tt.final || !strings.Contains(a.body, tt.says) {
				t.Errorf("asof serve, %s: %d\n%s", tt.when, a.status, a.body)
			}
		})
	}
}

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestRegistryAdd(t *testing.T) {
	have := Registry{Generation: 2, Repos: []Repo{{"jammy", "ubuntu/jammy"}, {"x", "z"}}}
	tests := []struct {
		repo Repo
		err  string // "" is success
		gen  int64
	}{
		{Repo{"noble", "ubuntu/noble"}, "", 3},
		{Repo{"jam", "ubuntu/jam"}, "", 3},
		{Repo{"ubuntu/jammy", "ubuntu/jammy2"}, "", 3},
		{Repo{"jammy", "ubuntu/jammy"}, "", 2}, // exists already: no change
		{Repo{"jammy", "other"}, "repo name jammy: already taken", 2},
		{Repo{"other", "z"}, "base path z of repo other is repo x's: already taken", 2},
		{Repo{"other", "ubuntu"}, "base path ubuntu/jammy of repo jammy stands inside ubuntu of repo other: already taken", 2},
		{Repo{"other", "ubuntu/jammy/main"}, "base path ubuntu/jammy/main of repo other stands inside ubuntu/jammy of repo jammy: already taken", 2},
		{Repo{"other", "z/a/b/c"}, "base path z/a/b/c of repo other stands inside z of repo x: already taken", 2},
		{Repo{"", "a"}, "repo name: empty base path", 2},
		{Repo{"a", ""}, "repo a: empty base path", 2},
		{Repo{"../a", "a"}, `repo name: base path "../a": segment ".." starts with "."`, 2},
		{Repo{"a", "20250318"}, `repo a: base path "20250318": segment "20250318" reads as a time`, 2},
		{Repo{"a", "asof.json"}, `repo a: base path "asof.json": segment "asof.json" is reserved`, 2},
	}
	for _, tt := range tests {
		next, err := have.Add(tt.repo)
		checkError(t, fmt.Sprint(tt.repo), err, tt.err)
		if strings.Contains(tt.err, "taken") != errors.Is(err, ErrTaken) {
			t.Errorf("%v: %v is ErrTaken: %v", tt.repo, err, errors.Is(err, ErrTaken))
		}
		if next.Generation != tt.gen || err != nil && !reflect.DeepEqual(next, have) {
			t.Errorf("%v: %+v", tt.repo, next)
		}
		if len(have.Repos) != 2 || have.Generation != 2 {
			t.Fatal("the registry itself changed")
		}
		if err != nil {
			continue
		}
		if got, ok := next.Find(tt.repo.Name); !ok || got != tt.repo {
			t.Errorf("%v is not found", tt.repo)
		}
		b, err := next.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseRegistry(b); err != nil || !reflect.DeepEqual(again, next) {
			t.Errorf("%v: %+v, %v", tt.repo, again, err)
		}
	}
	if _, ok := have.Find("none"); ok {
		t.Error("found what is not there")
	}
}

// CheckDisjoint agrees with Overlap on every pair.
func TestCheckDisjointModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	disjoint := 0
	for range 20_000 {
		repos := make([]Repo, 1+rng.IntN(5))
		want := true
		for i := range repos {
			segs := make([]string, 1+rng.IntN(3))
			for j := range segs {
				segs[j] = []string{"a", "b", "a-b", "ab"}[rng.IntN(4)]
			}
			repos[i] = Repo{fmt.Sprint("r", i), strings.Join(segs, "/")}
			for _, other := range repos[:i] {
				want = want && !Overlap(repos[i].Base, other.Base)
			}
		}
		if err := CheckDisjoint(repos); (err == nil) != want {
			t.Fatalf("%v: %v", repos, err)
		}
		if want && len(repos) > 1 {
			disjoint++
		}
	}
	if disjoint < 1000 {
		t.Errorf("only %d sets were disjoint", disjoint)
	}
}

func TestParseRegistry(t *testing.T) {
	const head = `{"format":"asof.registry/1","generation":1,` + "\n"
	tests := []struct{ name, in, err string }{
		{"none", head + "\"repos\":[]}\n", ""},
		{"unsafe", `{"format":"asof.registry/1","generation":1,"unsafe":true,` + "\n\"repos\":[]}\n", ""},
		{"two", head + "\"repos\":[\n{\"name\":\"b\",\"base\":\"a\"},\n{\"name\":\"a\",\"base\":\"b\"}]}\n", ""},
		{"unsafe false", `{"format":"asof.registry/1","generation":1,"unsafe":false,` + "\n\"repos\":[]}\n", "line 1: not in canonical form"},
		{"next format", strings.Replace(head, "/1", "/2", 1), `a later version of asof wrote it: format is "asof.registry/2", this version reads asof.registry/1`},
		{"index", encoded(t, NewIndex("a")), `format is "asof.checkpoints/1", this version reads asof.registry/1`},
		{"unknown", `{"format":"asof.registry/1","generation":1,"x":1,` + "\n\"repos\":[]}\n", `line 1: json: unknown field "x"`},
		{"order", head + "\"repos\":[\n{\"name\":\"a\",\"base\":\"b\"},\n{\"name\":\"b\",\"base\":\"a\"}]}\n", "repo b is out of order"},
		{"overlap", head + "\"repos\":[\n{\"name\":\"a\",\"base\":\"a\"},\n{\"name\":\"b\",\"base\":\"a/b\"}]}\n", "base path a/b of repo b stands inside a of repo a: already taken"},
		{"base twice", head + "\"repos\":[\n{\"name\":\"a\",\"base\":\"a\"},\n{\"name\":\"b\",\"base\":\"a\"}]}\n", "base path a of repo b is repo a's: already taken"},
		{"name twice", head + "\"repos\":[\n{\"name\":\"a\",\"base\":\"a\"},\n{\"name\":\"a\",\"base\":\"b\"}]}\n", "repo name a: already taken"},
		{"generation", strings.Replace(head, ":1,", ":-1,", 1) + "\"repos\":[]}\n", "generation -1 is not within 0 and 9007199254740991"},
		{"trailing", head + "\"repos\":[]}\n\n", "line 3: data behind the document's end"},
		{"empties", head + "\"repos\":[\n{},\n{}]}\n", "line 3: not in canonical form"},
		{"nothing", "", `it does not begin with {"format":"asof.registry/1"`},
		{"no list", head, "line 2: the document is cut off"},
	}
	for _, tt := range tests {
		if tt.err != "" {
			tt.err = "registry: " + tt.err
		}
		r, err := ParseRegistry([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if err != nil {
			continue
		}
		if again, err := r.Encode(); err != nil || string(again) != tt.in {
			t.Errorf("%s: reads and prints differently: %s, %v", tt.name, again, err)
		}
	}
	_, err := ParseRegistry(make([]byte, MaxRegistry+1))
	checkError(t, "huge", err, "registry: larger than 16777216 bytes")
}

func TestRegistryEncodeChecks(t *testing.T) {
	_, err := Registry{Repos: []Repo{{"a", "b"}, {"b", "a"}}}.Encode()
	checkError(t, "order", err, "repo b is out of order")
	var r Registry
	for i := range 42_000 {
		name := fmt.Sprintf("%0199d", i)
		r.Repos = append(r.Repos, Repo{name, name})
	}
	_, err = r.Encode()
	checkError(t, "size", err, "registry: larger than 16777216 bytes")
}

func FuzzParseRegistry(f *testing.F) {
	f.Add([]byte("{\"format\":\"asof.registry/1\",\"generation\":1,\n\"repos\":[\n{\"name\":\"myfile\",\"base\":\"checkpoints/myfile\"}]}\n"))
	f.Add([]byte("{\"format\":\"asof.registry/1\",\"generation\":1,\"unsafe\":true,\n\"repos\":[]}\n"))
	f.Add([]byte("{\"format\":\"asof.registry/1\",\"generation\":1,\n\"repos\":[\n{},\n{}]}\n"))
	f.Add([]byte(`{"format":"asof.registry/2"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseRegistry(data)
		if err != nil {
			return
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}

package dir

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The patterns of the hint leave out exactly what can't be taken, whatever the names are.
func TestExcludeHint(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a*b", "a[b", "a'b", "a\nb", "a\xffb"}
	for _, name := range names {
		must(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
	}
	tree(t, dir, map[string]string{"axb": "x"})
	_, err := capturePath(t, Options{Path: dir})
	if want := `exclude: ['a''b', 'a\*b', 'a\[b', 'a?b', 'a?b'] leaves out what can't be taken`; hint(err) != want {
		t.Errorf("%v, hint %s", err, hint(err))
	}
	for _, name := range names {
		if ok, err := path.Match(pattern(name), name); !ok || err != nil {
			t.Errorf("%q does not match %q: %v", pattern(name), name, err)
		}
	}
	tree(t, dir, map[string]string{".asof/x": "x"})
	if _, err = capturePath(t, Options{Path: dir}); hint(err) != "exclude leaves out what can't be taken" {
		t.Errorf("hint %s", hint(err))
	}
}

// Names stand in the error up to a bound.
func TestManyRefused(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{}
	for i := range maxRefused + 2 {
		files[fmt.Sprintf("l%d", i)] = "-> nothing"
	}
	tree(t, dir, files)
	_, err := capturePath(t, Options{Path: dir})
	if lines := strings.Split(err.Error(), "\n"); len(lines) != maxRefused+2 || lines[0] != dir+": 1002 entries can't be taken:" || lines[maxRefused+1] != "  and 2 more" {
		t.Errorf("%d lines: %s … %s", len(lines), lines[0], lines[len(lines)-1])
	}
}

// What a tree does not keep is counted and named.
func TestLost(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"a/f": "x", "l": "-> a/f", "README": "x", "Readme": "x", "readme": "x", "e0/out": "x"})
	for _, name := range []string{"e1", "e2/e3", "e4", "a/e5"} {
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	must(t, os.Chmod(filepath.Join(dir, "a/f"), 0o755|os.ModeSetuid))
	c, err := capturePath(t, Options{Path: dir, Exclude: []string{"e0"}})
	must(t, err)
	want := always + `
4 empty folders: "a/e5", "e1", "e2/e3" and 1 more
1 symbolic link, stored as what they lead to: "l"
2 setuid or setgid bits: "a/f", "l"
2 pairs of names that differ in case only, which a folder on macOS or Windows can't hold: "README and Readme", "Readme and readme"`
	if got := strings.Join(c.(*capture).Lost(), "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
}

// A file is executable if its owner may run it; a link is what it leads to.
func TestModes(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"bin/run": "x", "bin/group": "x", "bin/all": "x", "data": "x", "link": "-> bin/run"})
	for name, mode := range map[string]os.FileMode{"bin/run": 0o700, "bin/group": 0o611, "bin/all": 0o755} {
		must(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	c, err := capturePath(t, Options{Path: dir, Manifest: true})
	must(t, err)
	if got, want := fmt.Sprint(c.(*capture).Modes().Executable), "[bin/all bin/run link]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

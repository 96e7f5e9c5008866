package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

var modified = time.Date(2025, 3, 18, 14, 3, 40, 0, time.UTC)

// tree writes files; a content that begins with "-> " is a symbolic link's target.
func tree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		p := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(p), 0o755))
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			must(t, os.Symlink(target, p))
			continue
		}
		must(t, os.WriteFile(p, []byte(content), 0o600))
		must(t, os.Chtimes(p, modified, modified.Add(999*time.Millisecond)))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func capturePath(t *testing.T, opts Options) (remote.Capture, error) {
	t.Helper()
	r, err := New(opts)
	must(t, err)
	c, err := r.Capture(t.Context(), nil)
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func TestCapture(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "link")
	tree(t, top, map[string]string{
		"link":                           "-> real",
		"real/b.iso":                     "bee",
		"real/b+":                        "plus",
		"real/a/x y#1":                   "ex",
		"real/a/z":                       "",
		"real/Z":                         "zed",
		"real/same":                      "-> a/z",
		"real/up/c":                      "-> ../b.iso",
		"real/also":                      "-> a",
		"real/dists/s/InRelease":         "in",
		"real/dists/s/Release":           "re",
		"real/dists/s/Release.gpg":       "gpg",
		"real/r/repodata/repomd.xml":     "md",
		"real/r/repodata/repomd.xml.asc": "asc",
		"real/PULP_MANIFEST":             "list",
		"real/.hidden":                   "h",
	})
	must(t, os.MkdirAll(filepath.Join(dir, "empty", "empty"), 0o755))
	c, err := capturePath(t, Options{Path: dir})
	must(t, err)
	var got strings.Builder
	for _, f := range c.Files() {
		fmt.Fprintln(&got, f.Path, f.Size, f.Phase)
		if !f.Modified.Equal(modified) || f.Modified.Location() != time.UTC {
			t.Errorf("%s: modified %v", f.Path, f.Modified)
		}
		content, err := c.Open(t.Context(), f)
		must(t, err)
		data, err := io.ReadAll(content.Body)
		must(t, err)
		must(t, content.Body.Close())
		if manifest.Sum(data) != f.SHA256 || int64(len(data)) != f.Size || !content.Modified.Equal(modified) {
			t.Errorf("%s: read %q, %v", f.Path, data, content.Modified)
		}
		if when, err := c.Modified(t.Context(), f); err != nil || !when.Equal(modified) {
			t.Errorf("%s: modified %v, %v", f.Path, when, err)
		}
	}
	want := `.hidden 1 0
PULP_MANIFEST 4 3
Z 3 0
a/x y#1 2 0
a/z 0 0
also/x y#1 2 0
also/z 0 0
b+ 4 0
b.iso 3 0
dists/s/InRelease 2 3
dists/s/Release 2 3
dists/s/Release.gpg 3 2
r/repodata/repomd.xml 2 3
r/repodata/repomd.xml.asc 3 2
same 0 0
up/c 3 0
`
	if got.String() != want {
		t.Errorf("got\n%s", got.String())
	}
}

func TestExclude(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{
		".git/config": "x", "a/.git/x": "x", "a/b.tmp": "x", "a/b": "x", "docs/x": "x", "a/docs/x": "x",
		"bad": "-> /etc/passwd", "a\\b": "x",
	})
	c, err := capturePath(t, Options{Path: dir, Exclude: []string{".git", "*.tmp", "docs/x", "bad", `a\\b`}})
	must(t, err)
	var got []string
	for _, f := range c.Files() {
		got = append(got, f.Path)
	}
	if want := "[a/b a/docs/x]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// A plain name in exclude that is nowhere was meant for something else. A pattern may be a
// precaution, and what stands in a folder that is left out is not looked for.
func TestExcludeMatchesNothing(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"build/tmp": "x", "src/cache": "x", "src/b.go": "x"})
	var log bytes.Buffer
	opts := Options{Path: dir, Exclude: []string{"cache", "build", "build/tmp", "biuld", "src/chache", "*.o", "?", "[x]", "src/"}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	_, err := capturePath(t, opts)
	must(t, err)
	var want strings.Builder
	for _, name := range []string{"biuld", "src/chache", "src/"} {
		fmt.Fprintf(&want, "level=WARN msg=%q\n", fmt.Sprintf("exclude: nothing in %s is named %q", dir, name))
	}
	if got := regexp.MustCompile(`time=\S+ `).ReplaceAllString(log.String(), ""); got != want.String() {
		t.Errorf("said\n%swant\n%s", got, want.String())
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		err   string
	}{
		{"leaves", map[string]string{"in/a/l": "-> ../../out", "out": "x"},
			`DIR: "a/l" is a symbolic link to "../../out" that can't be followed: it leads out of the folder, to TOP/out`},
		{"leaves to a folder", map[string]string{"in/l": "-> ../out", "out/x": "x"},
			`DIR: "l" is a symbolic link to "../out" that can't be followed: it leads out of the folder, to TOP/out`},
		{"leaves by two", map[string]string{"in/a": "-> b/../../out", "in/b/x": "x", "out": "x"},
			`DIR: "a" is a symbolic link to "b/../../out" that can't be followed: it leads out of the folder, to TOP/out`},
		{"absolute", map[string]string{"in/l": "-> /etc/passwd"},
			`DIR: "l" is a symbolic link to "/etc/passwd" that can't be followed: it leads out of the folder, to /etc/passwd`},
		{"absolute to nothing", map[string]string{"in/l": "-> /nothing"},
			`DIR: "l" is a symbolic link to "/nothing" that can't be followed: no such file or directory`},
		{"beside a folder of the same beginning", map[string]string{"in/l": "-> ../inside/x", "inside/x": "x"},
			`DIR: "l" is a symbolic link to "../inside/x" that can't be followed: it leads out of the folder, to TOP/inside/x`},
		{"nothing", map[string]string{"in/l": "-> nothing"},
			`DIR: "l" is a symbolic link to "nothing" that can't be followed: no such file or directory`},
		{"itself", map[string]string{"in/l": "-> l"},
			`DIR: "l" is a symbolic link to "l" that can't be followed: too many levels of symbolic links`},
		{"top", map[string]string{"in/a/l": "-> .."},
			`DIR: "a/l" is a symbolic link back to a folder that it stands in`},
		{"cycle", map[string]string{"in/a/l": "-> ../b", "in/b/l": "-> ../a"},
			`DIR: "a/l/l" is a symbolic link back to a folder that it stands in`},
		{"backslash", map[string]string{"in/a/b\\c": "x"}, `DIR: path "a/b\\c" holds a backslash`},
		{"control", map[string]string{"in/a\nb": "x"}, `DIR: path "a\nb" holds a control character`},
		{"asof's own", map[string]string{"in/.asof/x": "x", "in/a/.asof/x": "x"}, `DIR: ".asof" is the name of what asof adds to every tree`},
		{"encoding", map[string]string{"in/a\xff": "x"}, `DIR: path "a\xff" is not valid UTF-8`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := t.TempDir()
			tree(t, top, tt.files)
			refused(t, filepath.Join(top, "in"), tt.err)
		})
	}
	t.Run("size", func(t *testing.T) {
		dir := t.TempDir()
		tree(t, dir, map[string]string{"f": ""})
		must(t, os.Truncate(filepath.Join(dir, "f"), manifest.MaxSize+1))
		refused(t, dir, `DIR: "f" has 5497558138881 bytes, more than 5497558138880`)
	})
	t.Run("named pipe", func(t *testing.T) {
		dir := t.TempDir()
		must(t, syscall.Mkfifo(filepath.Join(dir, "p"), 0o600))
		refused(t, dir, `DIR: "p" is a named pipe`)
		tree(t, dir, map[string]string{"a": "-> p"})
		refused(t, dir, "DIR: 2 entries can't be taken:\n  \"a\" is a named pipe\n  \"p\" is a named pipe")
	})
	t.Run("socket", func(t *testing.T) {
		dir := t.TempDir()
		t.Chdir(dir) // a socket's path is short
		l, err := net.Listen("unix", "s")
		must(t, err)
		defer l.Close()
		refused(t, dir, `DIR: "s" is a socket`)
	})
}

func refused(t *testing.T, dir, want string) {
	t.Helper()
	_, err := capturePath(t, Options{Path: dir})
	e, ok := errors.AsType[*remote.InputError](err)
	if !ok || strings.NewReplacer(dir+":", "DIR:", filepath.Dir(dir)+"/", "TOP/").Replace(e.Error()) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCaptureErrors(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"f": "x"})
	_, err := capturePath(t, Options{Path: filepath.Join(dir, "missing")})
	if want := "open " + dir + "/missing: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = capturePath(t, Options{Path: filepath.Join(dir, "f")})
	if want := "open " + dir + "/f: not a directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	r, err := New(Options{Path: dir})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Capture(ctx, nil); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if os.Getuid() == 0 {
		return // reads everything
	}
	must(t, os.Chmod(filepath.Join(dir, "f"), 0))
	must(t, os.MkdirAll(filepath.Join(dir, "g"), 0))
	refused(t, dir, "DIR: 2 entries can't be taken:\n  \"f\" can't be read: permission denied\n  \"g\" can't be read: permission denied")
}

// TestChanged has files that are other than the walk saw them.
func TestChanged(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"f": "0123456789"})
	ground, err := newGround(dir, nil)
	must(t, err)
	defer ground.close()
	for _, tt := range []struct {
		file remote.File
		err  string
	}{
		{remote.File{Path: "f", Size: 10, Modified: modified}, ""},
		{remote.File{Path: "f", Size: 9, Modified: modified}, "read " + dir + "/f: the upstream has changed meanwhile"},
		{remote.File{Path: "f", Size: 11, Modified: modified}, "read " + dir + "/f: the upstream has changed meanwhile"},
		{remote.File{Path: "f", Size: math.MaxInt64, Modified: modified}, "read " + dir + "/f: the upstream has changed meanwhile"},
		{remote.File{Path: "f", Size: 10, Modified: modified.Add(time.Second)}, "read " + dir + "/f: the upstream has changed meanwhile"},
		{remote.File{Path: "g", Size: 10, Modified: modified}, "read " + dir + "/g: the upstream has changed meanwhile"},
	} {
		c := &capture{ground: ground, where: dir}
		err := c.hash(t.Context(), &entry{File: tt.file}, make([]byte, blockSize))
		if tt.err == "" {
			must(t, err)
			continue
		}
		if !errors.Is(err, remote.ErrMoved) || err.Error() != tt.err {
			t.Errorf("got %v, want %s", err, tt.err)
		}
	}
}

func TestNewErrors(t *testing.T) {
	for _, tt := range []struct {
		opts Options
		err  string
	}{
		{Options{}, "path: missing"},
		{Options{Path: "x", Concurrency: -1}, "concurrency: is -1; allowed: 1 to 1000"},
		{Options{Path: "x", Follow: []string{"y", ""}}, "follow[1]: an empty path"},
		{Options{Path: "x", Exclude: []string{"a", "[a"}}, `exclude[1]: "[a" is not a pattern`},
	} {
		if _, err := New(tt.opts); err == nil || err.Error() != tt.err {
			t.Errorf("got %v, want %s", err, tt.err)
		}
	}
}

package dir

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
)

// content is all that a capture gives, as "path content".
func content(t *testing.T, c remote.Capture) string {
	t.Helper()
	var b strings.Builder
	for _, f := range c.Files() {
		body, err := c.Open(t.Context(), f)
		must(t, err)
		data, err := io.ReadAll(body.Body)
		must(t, err)
		must(t, body.Body.Close())
		fmt.Fprintln(&b, f.Path, string(data))
	}
	return b.String()
}

// Links are followed inside the folder, however they are written, and into the folders
// that Follow lists.
func TestFollow(t *testing.T) {
	top := t.TempDir()
	tree(t, top, map[string]string{
		"in/a/f":          "f",
		"in/file":         "-> " + top + "/in/a/f",
		"in/folder":       "-> " + top + "/in/a",
		"in/away":         "-> " + top + "/pool/x",
		"in/away-file":    "-> ../pool/x/sub/1",
		"in/a/up":         "-> ../../alias/x/sub",
		"in/two":          "-> " + top + "/second",
		"alias":           "-> pool",
		"pool/x/sub/1":    "one",
		"pool/x/2":        "two",
		"pool/x/near":     "-> sub/1",
		"pool/x/back":     "-> ../../in/a/f",
		"pool/x/absolute": "-> " + top + "/pool/x/sub",
		"second/3":        "-> " + top + "/pool/x/2",
	})
	c, err := capturePath(t, Options{Path: filepath.Join(top, "in"), Follow: []string{filepath.Join(top, "alias"), filepath.Join(top, "second")}})
	must(t, err)
	want := `a/f f
a/up/1 one
away-file one
away/2 two
away/absolute/1 one
away/back f
away/near one
away/sub/1 one
file f
folder/f f
folder/up/1 one
two/3 two
`
	if got := content(t, c); got != want {
		t.Errorf("got\n%s", got)
	}
	// A link that is turned away meanwhile leads nowhere.
	must(t, os.Remove(filepath.Join(top, "pool/x/2")))
	must(t, os.Symlink(filepath.Join(top, "in/a/f"), filepath.Join(top, "pool/x/2")))
	for _, f := range c.Files() {
		if f.Path != "two/3" {
			continue
		}
		if _, err := c.Open(t.Context(), f); err == nil || !strings.HasSuffix(err.Error(), "two/3: path escapes from parent") {
			t.Errorf("got %v", err)
		}
	}
	_, err = capturePath(t, Options{Path: filepath.Join(top, "in"), Follow: []string{filepath.Join(top, "nothing")}})
	if want := "follow: open " + top + "/nothing: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A link that leads back is refused, also from a followed folder.
func TestFollowCycle(t *testing.T) {
	top := t.TempDir()
	tree(t, top, map[string]string{"in/out": "-> ../pool", "pool/back": "-> " + top + "/in"})
	_, err := capturePath(t, Options{Path: filepath.Join(top, "in"), Follow: []string{filepath.Join(top, "pool")}})
	if err == nil || !strings.HasSuffix(err.Error(), `"out/back" is a symbolic link back to a folder that it stands in`) {
		t.Errorf("got %v", err)
	}
}

// All that is refused is told at once, with what would take it.
func TestRefusedTogether(t *testing.T) {
	top := t.TempDir()
	files := map[string]string{"in/ok": "x", "in/b\\c": "x", "in/dead": "-> nothing", "pool/a/f": "x", "pool/b/f": "x"}
	for i := range 21 {
		files[fmt.Sprintf("in/l%02d", i)] = "-> " + top + "/pool/" + []string{"a", "b"}[i%2] + "/f"
	}
	tree(t, top, files)
	_, err := capturePath(t, Options{Path: filepath.Join(top, "in")})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 24 || lines[0] != top+"/in: 23 entries can't be taken:" {
		t.Errorf("got %s", err)
	}
	for _, want := range []string{
		`  path "b\\c" holds a backslash`,
		`  "dead" is a symbolic link to "nothing" that can't be followed: no such file or directory`,
		`  "l00" is a symbolic link to "` + top + `/pool/a/f" that can't be followed: it leads out of the folder, to ` + top + `/pool/a/f`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("got %s\nwithout %s", err, want)
		}
	}
	if want := "follow: [" + top + "/pool/a, " + top + "/pool/b] lets links lead there; exclude leaves out what can't be taken"; hint(err) != want {
		t.Errorf("hint %s", hint(err))
	}
	must(t, os.RemoveAll(filepath.Join(top, "pool")))
	_, err = capturePath(t, Options{Path: filepath.Join(top, "in")})
	if want := "exclude leaves out what can't be taken"; hint(err) != want {
		t.Errorf("hint %s", hint(err))
	}
}

// The hint of a refused link opens no more than the link needs, and never everything.
func TestRefusedHint(t *testing.T) {
	for _, tt := range []struct{ link, want string }{
		{"pool", "follow: [TOP/pool] lets links lead there; exclude: ['l'] leaves out what can't be taken"},
		{"pool/a", "follow: [TOP/pool/a] lets links lead there; exclude: ['l'] leaves out what can't be taken"},
		{"pool/a/f", "follow: [TOP/pool/a] lets links lead there; exclude: ['l'] leaves out what can't be taken"},
		{"/", "exclude: ['l'] leaves out what can't be taken"},
	} {
		top, err := filepath.EvalSymlinks(t.TempDir())
		must(t, err)
		target := tt.link
		if target != "/" {
			target = filepath.Join(top, target)
		}
		tree(t, top, map[string]string{"pool/a/f": "x", "in/ok": "x", "in/l": "-> " + target})
		_, err = capturePath(t, Options{Path: filepath.Join(top, "in")})
		if err == nil || hint(err) != strings.Replace(tt.want, "TOP", top, 1) {
			t.Errorf("%s: %v, hint %s", tt.link, err, hint(err))
		}
	}
}

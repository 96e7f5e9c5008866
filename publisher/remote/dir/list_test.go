package dir

import (
	"errors"
	"io"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/file"
	"github.com/asof/asof/publisher/remote/pulp"
)

func hint(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}

// The generated list is one that a file remote reads back, whatever the names are.
func TestManifest(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	tree(t, dir, map[string]string{
		"a,b/c, d": "1", `"quoted"`: "2", `in "the" middle`: "3", "#no comment": "4", " blanks ": "5", "ü/é 文": "6",
		"\ufeffmark": "7", "sub/PULP_MANIFEST": "8", "empty": "", "c++%20": "9", `"`: "10", `"x",y,z`: "11",
	})
	c, err := capturePath(t, Options{Path: dir, Manifest: true})
	must(t, err)
	var list remote.File
	for _, f := range c.Files() {
		body, err := c.Open(t.Context(), f)
		must(t, err)
		data, err := io.ReadAll(body.Body)
		must(t, err)
		tree(t, copied, map[string]string{f.Path: string(data)})
		if f.Path == pulp.Name {
			list = f
		}
	}
	if list.Phase != remote.Root || !list.Modified.Equal(modified) {
		t.Errorf("%+v", list)
	}
	back, err := file.New(file.Options{URL: "file://" + copied + "/" + pulp.Name}, fetch.Env{})
	must(t, err)
	again, err := back.Capture(t.Context(), nil)
	must(t, err)
	defer again.Close()
	if got, want := content(t, again), content(t, c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// It is the same again, and so one that stands there already is no other.
	second, err := capturePath(t, Options{Path: copied, Manifest: true})
	must(t, err)
	if got, want := content(t, second), content(t, c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	body, err := c.(remote.Checked).OpenAt(t.Context(), list, list.Size-3)
	must(t, err)
	if rest, err := io.ReadAll(body); string(rest) != ",1\n" || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestManifestRefused(t *testing.T) {
	for _, tt := range []struct {
		files map[string]string
		err   string
	}{
		{map[string]string{"f": "x", "PULP_MANIFEST": "own"}, "PULP_MANIFEST is not what `manifest: true` would write"},
		{map[string]string{"PULP_MANIFEST/f": "x"}, "PULP_MANIFEST is a folder"},
	} {
		dir := t.TempDir()
		tree(t, dir, tt.files)
		_, err := capturePath(t, Options{Path: dir, Manifest: true})
		if e, ok := errors.AsType[*remote.InputError](err); !ok || e.Error() != dir+": "+tt.err || hint(err) == "" {
			t.Errorf("got %v, want %s", err, tt.err)
		}
		c, err := capturePath(t, Options{Path: dir, Manifest: true, Exclude: []string{"PULP_MANIFEST"}})
		must(t, err)
		if n := len(c.Files()); n != 2*(len(tt.files)-1) {
			t.Errorf("%d files", n)
		}
	}
}

// A folder without files stays without: an empty tree has to be asked for.
func TestManifestEmpty(t *testing.T) {
	for _, manifest := range []bool{true, false} {
		opts := Options{Path: t.TempDir(), Manifest: manifest}
		c, err := capturePath(t, opts)
		must(t, err)
		r, err := New(opts)
		must(t, err)
		empty := r.(remote.Listing).Empty()
		want := map[bool]string{true: pulp.Name + " \n"}[manifest]
		if len(c.Files()) != 0 || content(t, empty) != want {
			t.Errorf("%v, %q", c.Files(), content(t, empty))
		}
		must(t, empty.Close())
	}
}

package ledger

import (
	"fmt"
	"io"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// When a repo is registered, the store's front page and the pages of the folders above
// the repo are written, and no others.
func TestRegisterWritesFolders(t *testing.T) {
	b := newBook(t)
	shows := func(folder, key string, repos ...manifest.Repo) {
		t.Helper()
		want, err := page.Bytes(func(w io.Writer) error { return page.WriteFolder(w, folder, repos) })
		if err != nil {
			t.Fatal(err)
		}
		got, err := catalog.Page(key).Load(t.Context(), b.store)
		if err != nil || string(got.Doc) != string(want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", key, err, got.Doc, want)
		}
	}
	repo := func(base string) manifest.Repo { return manifest.Repo{Name: base, Base: base} }
	one, two, deep := repo("alone"), repo("team/b"), repo("team/a/x")
	for i, register := range []struct {
		repo manifest.Repo
		want string
	}{
		{one, "[asof.json index.html]"},
		{two, "[asof.json index.html team/index.html]"},
		{deep, "[asof.json index.html team/index.html team/a/index.html]"},
		{deep, "[]"},
	} {
		if err := b.Register(t.Context(), register.repo); err != nil {
			t.Fatal(err)
		}
		keys := b.store.stored
		b.store.stored = nil
		if i == 0 {
			keys = keys[len(keys)-2:] // behind the trial of a new store
		}
		if got := fmt.Sprint(keys); got != register.want {
			t.Errorf("%s writes %s, want %s", register.repo.Base, got, register.want)
		}
	}
	shows("", manifest.FrontKey, one, deep, two)
	shows("team", "team/index.html", deep, two)
	shows("team/a", "team/a/index.html", deep)
}

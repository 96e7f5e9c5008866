package apt

import (
	"bytes"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
)

func TestGuide(t *testing.T) {
	a := newArchive(t)
	key, other := newKey(t, now().AddDate(-1, 0, 0), 0), newKey(t, now().AddDate(-1, 0, 0), 0)
	release := func(more string) string { return strings.TrimSuffix(fields, "\n") + "\n" + more }
	files := stable(a, key)
	files.fields = release("Label: Debian\nValid-Until: Tue, 25 Mar 2025 14:03:38 UTC\n")
	a.publish("dists/stable/", files)
	files.fields = release("Label: <A b>\n")
	a.publish("dists/stable-updates/", files)
	a.publish("flat/", suiteFiles{by: files.by, indexes: map[string]string{"Packages": a.deb("x", "1", "")}})

	guide := func(opts Options) remote.Guide {
		t.Helper()
		r := a.open(opts)
		tree := published(t, a.capture(r, nil))
		before := len(a.take())
		g, err := r.Guide(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(a.take()); n > 0 || before == 0 {
			t.Errorf("%d requests", n)
		}
		if _, err := g.Usage.Encode(); err != nil {
			t.Error(err)
		}
		return g
	}
	g := guide(Options{
		Suites: []string{"stable", "stable-updates", "flat/"}, Components: []string{"main"}, Architectures: []string{"all", "amd64"}, Sources: true,
		SignedBy: []string{keyFile(t, true, key, other), keyFile(t, false, other)},
	})
	want := []string{
		"curl -fsSL --create-dirs -o /etc/apt/keyrings/debian.gpg {tree}.asof/keyring.gpg\n",
		`Types: deb deb-src
URIs: {tree}
Suites: stable stable-updates
Components: main
Architectures: amd64
Signed-By: /etc/apt/keyrings/debian.gpg
Check-Valid-Until: no

Types: deb deb-src
URIs: {tree}
Suites: ./flat/
Signed-By: /etc/apt/keyrings/debian.gpg
`,
		`Acquire::Snapshots::URI::Override::Label::Debian "{repo}@SNAPSHOTID@/";
Acquire::Snapshots::URI::Override::Origin::test "{repo}@SNAPSHOTID@/";
`,
	}
	for i, s := range g.Usage.Snippets {
		if s.Text != want[i] {
			t.Errorf("%s:\n%s\nwant\n%s", s.Title, s.Text, want[i])
		}
	}
	if note := g.Usage.Snippets[1].Note; !strings.HasPrefix(note, "Check-Valid-Until is off, as ") {
		t.Error(note)
	}
	// The keyring is binary, and holds all keys as they came.
	keys, err := parseKeys(g.Files["keyring.gpg"])
	if err != nil || len(keys) != 3 || isArmoured(g.Files["keyring.gpg"]) {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	var all bytes.Buffer
	must(t, key.Serialize(&all))
	must(t, other.Serialize(&all))
	must(t, other.Serialize(&all))
	if !bytes.Equal(all.Bytes(), g.Files["keyring.gpg"]) {
		t.Error("the keys are not those that are configured")
	}

	// Without keys, and without a time to expire.
	g = guide(Options{Suites: []string{"stable-updates"}})
	if len(g.Files) > 0 || len(g.Usage.Snippets) != 2 {
		t.Fatalf("%+v", g)
	}
	s := g.Usage.Snippets[0]
	if s.File != "/etc/apt/sources.list.d/a-b.sources" || strings.Contains(s.Text, "Signed-By") || strings.Contains(s.Text, "Valid") || !strings.HasPrefix(s.Note, "No keys ") {
		t.Errorf("%+v", s)
	}

	// The empty tree is of no use to anybody.
	g, err = a.open(Options{}).Guide(t.Context(), &checkpoint{})
	if err != nil || len(g.Usage.Snippets) > 0 {
		t.Errorf("%+v, %v", g, err)
	}
}

package apt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

func TestGuide(t *testing.T) {
	a := newArchive(t)
	key, other := remotetest.Key(t, now().AddDate(-1, 0, 0), 0), remotetest.Key(t, now().AddDate(-1, 0, 0), 0)
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
		tree := remotetest.Publish(t, a.capture(r, nil))
		before := len(a.Take())
		g, err := r.Guide(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(a.Take()); n > 0 || before == 0 {
			t.Errorf("%d requests", n)
		}
		if _, err := g.Usage.Encode(); err != nil {
			t.Error(err)
		}
		return g
	}
	g := guide(Options{
		Suites: []string{"stable", "stable-updates", "flat/"}, Components: []string{"main"}, Architectures: []string{"all", "amd64"}, Sources: true,
		SignedBy: []string{remotetest.KeyFile(t, true, key, other), remotetest.KeyFile(t, false, other)},
	})
	const source = `Types: deb deb-src
URIs: AT
Suites: stable stable-updates
Components: main
Architectures: amd64
Signed-By: /etc/apt/keyrings/debian.gpg
Check-Valid-Until: no
Targets-Remove: Contents-deb

Types: deb
URIs: AT
Suites: ./flat/
Signed-By: /etc/apt/keyrings/debian.gpg
`
	want := []string{
		fmt.Sprintf("# %X  does not expire  test <test@example.org>\n", key.PrimaryKey.Fingerprint) +
			"curl -fsSL --proto '=https' --create-dirs -o /etc/apt/keyrings/debian.gpg {tree}.asof/keyring.gpg\ngpg --show-keys /etc/apt/keyrings/debian.gpg\n",
		strings.ReplaceAll(source, "AT", "{tree}"),
		strings.ReplaceAll(source, "AT", "{repo}{when}/"),
		`Acquire::Snapshots::URI::Override::Label::Debian "{repo}@SNAPSHOTID@/";
Acquire::Snapshots::URI::Override::Origin::test "{repo}@SNAPSHOTID@/";
`,
	}
	for i, s := range g.Usage.Snippets {
		if s.Text != want[i] {
			t.Errorf("%s:\n%s\nwant\n%s", s.Title, s.Text, want[i])
		}
	}
	if note := g.Usage.Snippets[1].Note; !strings.HasPrefix(note, "Check-Valid-Until is off, as ") || !strings.Contains(note, "Targets-Remove keeps apt-file from asking for them") {
		t.Error(note)
	}
	if note := g.Usage.Snippets[2].Note; note != "In URIs a channel or a ring may stand for {when}. The archive has no indexes by hash. An apt update that runs while {when} moves on may fail with \"File has unexpected size\"; the next one succeeds. A time instead of the name rules it out." {
		t.Error(note)
	}
	// The keyring is binary, and holds all keys as they came.
	keys, err := openpgp.ReadKeyRing(bytes.NewReader(g.Files["keyring.gpg"]))
	if err != nil || len(keys) != 3 {
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
	g = guide(Options{Suites: []string{"stable-updates"}, Contents: true})
	if len(g.Files) > 0 || len(g.Usage.Snippets) != 3 {
		t.Fatalf("%+v", g)
	}
	s := g.Usage.Snippets[0]
	if s.File != "/etc/apt/sources.list.d/a-b.sources" || strings.Contains(s.Text, "Signed-By") || strings.Contains(s.Text, "Valid") || !strings.HasPrefix(s.Note, "No keys ") {
		t.Errorf("%+v", s)
	}

	// The empty tree is of no use to anybody.
	g, err = a.open(Options{}).Guide(t.Context(), &remotetest.Checkpoint{})
	if err != nil || len(g.Usage.Snippets) > 0 {
		t.Errorf("%+v, %v", g, err)
	}
}

// The distribution's own keyring is better than one from the server. It counts if Release
// and the configured keyrings both are the distribution's.
func TestGuideDistribution(t *testing.T) {
	key := remotetest.Key(t, now().AddDate(-1, 0, 0), 3*365*24*60*60*1e9)
	file := remotetest.KeyFile(t, false, key)
	named := func(name string) string {
		data, err := os.ReadFile(file)
		must(t, err)
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, data, 0o644))
		return path
	}
	const own = "/etc/apt/keyrings/asof.gpg"
	for _, tt := range []struct {
		origins []string
		files   []string
		want    string
	}{
		{[]string{"Debian"}, []string{"debian-archive-keyring.gpg"}, "/usr/share/keyrings/debian-archive-keyring.gpg"},
		{[]string{"Debian", "Debian Backports"}, []string{"debian-archive-keyring.pgp"}, "/usr/share/keyrings/debian-archive-keyring.gpg"},
		{[]string{"Debian"}, []string{"debian-archive-bookworm-stable.gpg", "debian-archive-bookworm-security-automatic.gpg"}, "/usr/share/keyrings/debian-archive-keyring.gpg"},
		{[]string{"Ubuntu"}, []string{"ubuntu-archive-keyring.gpg"}, "/usr/share/keyrings/ubuntu-archive-keyring.gpg"},
		{[]string{"Ubuntu"}, []string{"debian-archive-keyring.gpg"}, own},
		{[]string{"Debian"}, []string{"debian-archive-removed-keys.gpg"}, own},
		{[]string{"Debian"}, []string{"debian-archive-keyring.gpg", "ours.gpg"}, own},
		{[]string{"Debian"}, []string{"debian-archive-keyring"}, own},
		{[]string{"Debian", "Example"}, []string{"debian-archive-keyring.gpg"}, own},
		{[]string{"Example"}, []string{"debian-archive-keyring.gpg"}, own},
	} {
		a := newArchive(t)
		opts := Options{}
		for i, origin := range tt.origins {
			suite := fmt.Sprint("suite", i)
			opts.Suites = append(opts.Suites, suite)
			s := stable(a, key)
			text := strings.Replace(s.release(), "Origin: test", "Origin: "+origin, 1)
			a.publish("dists/"+suite+"/", s)
			a.sign("dists/"+suite+"/", text, s.by, i > 0) // the second one with Release.gpg
			if i > 0 {
				a.Remove("dists/" + suite + "/InRelease")
			}
		}
		for _, name := range tt.files {
			opts.SignedBy = append(opts.SignedBy, named(name))
		}
		r := a.open(opts)
		g, err := r.Guide(t.Context(), remotetest.Publish(t, a.capture(r, nil)))
		must(t, err)
		keys, source := g.Usage.Snippets[0], g.Usage.Snippets[1]
		line := fmt.Sprintf("# %X  expires 2027-03-18  test <test@example.org>\n", key.PrimaryKey.Fingerprint)
		if !strings.HasPrefix(keys.Text, line) || !strings.Contains(source.Text, "\nSigned-By: "+tt.want+"\n") {
			t.Errorf("%+v:\n%s%s", tt, keys.Text, source.Text)
		}
		if fetches := strings.Contains(keys.Text, "curl"); fetches != (tt.want == own) || fetches && !strings.Contains(keys.Text, "--proto '=https'") {
			t.Errorf("%+v:\n%s", tt, keys.Text)
		}
		if len(g.Files[keyringName]) == 0 {
			t.Error("no keyring is kept")
		}
	}
}

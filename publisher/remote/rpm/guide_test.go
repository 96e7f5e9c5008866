package rpm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// A checkpoint says how dnf and zypper use it: by its id, by a variable, by a mirror list.
func TestGuide(t *testing.T) {
	s := newSite(t)
	key, other := newKey(t), newKey(t)
	for _, dir := range []string{"rocky/9/BaseOS/x86_64/os/", "rocky/9/App $tream/"} {
		f := some(s, dir)
		if strings.Contains(dir, "BaseOS") {
			f.by = key
		}
		s.publish(dir, f)
	}
	guide := func(opts Options) remote.Guide {
		t.Helper()
		r := s.open(opts)
		tree := remotetest.Publish(t, s.capture(r, nil))
		s.Take()
		g, err := r.Guide(t.Context(), tree)
		must(t, err)
		if n := len(s.Take()); n > 0 {
			t.Errorf("%d requests", n)
		}
		if _, err := g.Usage.Encode(); err != nil {
			t.Error(err)
		}
		return g
	}
	g := guide(Options{URL: s.Server.URL + "/rocky/9/BaseOS/x86_64/os", SignedBy: []string{remotetest.KeyFile(t, false, other, key)}})
	const id = "{name}"
	section := "[" + id + "]\nname=" + id + "\n%s\nenabled=1\nskip_if_unavailable=0\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=%s.asof/keys.asc\n"
	want := []string{
		fmt.Sprintf("# %X  does not expire  test <test@example.org>\n# %X  does not expire  test <test@example.org>\n# {tree}.asof/keys.asc\n", key.PrimaryKey.Fingerprint, other.PrimaryKey.Fingerprint),
		fmt.Sprintf(section, "baseurl={tree}", "{tree}") + "metadata_expire=never\n",
		"{id}\n",
		fmt.Sprintf(section, "baseurl={repo}$asof/", "{repo}$asof/") + "metadata_expire=5m\nautorefresh=1\n",
		fmt.Sprintf(section, "mirrorlist={mirrors}{when}/", "{repo}{when}/") + "metadata_expire=5m\nautorefresh=1\n",
	}
	var got, files []string
	for _, s := range g.Usage.Snippets {
		got, files = append(got, s.Text), append(files, s.File)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	repo := "/etc/yum.repos.d/" + id + ".repo"
	if !slices.Equal(files, []string{"", repo, "/etc/dnf/vars/asof", repo, repo}) {
		t.Errorf("%q", files)
	}
	if keys := string(g.Files["keys.asc"]); strings.Count(keys, "-----BEGIN PGP PUBLIC KEY BLOCK-----") != 2 || strings.Count(keys, "-----END PGP PUBLIC KEY BLOCK-----\n") != 2 {
		t.Error(keys)
	}

	if note := g.Usage.Snippets[4].Note; !strings.Contains(note, "Both addresses, mirrorlist and gpgkey, may name a channel or a ring instead.") {
		t.Error(note)
	}

	// Two repositories without keys.
	g = guide(Options{URL: s.Server.URL + "/rocky/9", Paths: []string{"BaseOS/x86_64/os", "App $tream"}, Verify: "off"})
	text := g.Usage.Snippets[0].Text
	if len(g.Usage.Snippets) != 4 || len(g.Files) > 0 || strings.Contains(text, "gpgkey") || strings.Contains(text, "repo_gpgcheck=1") ||
		!strings.Contains(text, "[{name}-baseos-x86_64-os]\n") || !strings.Contains(text, "\n\n[{name}-app-tream]\n") || !strings.Contains(text, "baseurl={tree}App%20%24tream/\n") ||
		!strings.Contains(g.Usage.Snippets[0].Note, "No keys are kept") || !strings.Contains(g.Usage.Snippets[3].Note, "The address may name a channel or a ring instead.") {
		t.Errorf("%+v", g)
	}
	// Keys of packages only.
	g = guide(Options{URL: s.Server.URL + "/rocky/9/BaseOS/x86_64/os", SignedBy: []string{remotetest.KeyFile(t, false, key)}, Verify: "off", VerifyPackages: true})
	text = g.Usage.Snippets[1].Text
	if len(g.Files) != 1 || !strings.Contains(text, "gpgcheck=1\nrepo_gpgcheck=0\ngpgkey={tree}.asof/keys.asc\n") || !strings.Contains(g.Usage.Snippets[0].Note, "Packages are verified with them when asof captures them for the first time") {
		t.Errorf("%+v", g)
	}
	// All keys that clients get are named, those that signed the metadata first; but a keyring
	// has no end.
	keys := []*openpgp.Entity{other, key}
	for range maxKeys {
		keys = append(keys, newKey(t))
	}
	text = guide(Options{URL: s.Server.URL + "/rocky/9/BaseOS/x86_64/os", SignedBy: []string{remotetest.KeyFile(t, false, keys...)}, VerifyPackages: true}).Usage.Snippets[0].Text
	lines := strings.Split(text, "\n")
	if len(lines) != maxKeys+3 || !strings.HasPrefix(lines[0], fmt.Sprintf("# %X ", key.PrimaryKey.Fingerprint)) || !strings.HasPrefix(lines[1], fmt.Sprintf("# %X ", other.PrimaryKey.Fingerprint)) || lines[maxKeys] != "# and 2 more" {
		t.Error(text)
	}
	// The empty tree.
	r := s.open(Options{Verify: "off"})
	if g, err := r.Guide(t.Context(), &remotetest.Checkpoint{}); err != nil || len(g.Usage.Snippets) > 0 {
		t.Errorf("%+v, %v", g, err)
	}
}

package apt

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/signature"
)

// distribution is one whose clients have its keys from a package of its own. That is a
// better place for trust than the server that is to be trusted.
type distribution struct {
	name     string
	origins  []string // fields Origin of its Release files
	files    []string // patterns of the keyrings that its package has, without .gpg and .pgp
	keyring  string   // the one with all keys
	packaged string   // the package
}

// distributions are those whose keyrings we know. Debian 13 calls its keyrings .pgp, and
// has links with the old names.
func distributions() []distribution {
	return []distribution{
		{"Debian", []string{"Debian", "Debian Backports"}, []string{"debian-archive-keyring", "debian-archive-*-stable", "debian-archive-*-automatic"},
			"/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"},
		{"Ubuntu", []string{"Ubuntu"}, []string{"ubuntu-archive-keyring"}, "/usr/share/keyrings/ubuntu-archive-keyring.gpg", "ubuntu-keyring"},
	}
}

// distribution returns the one that all suites say they are of, if the configured
// keyrings are its own, too.
func (r *upstream) distribution(suites []described) (distribution, bool) {
	for _, d := range distributions() {
		foreign := slices.ContainsFunc(suites, func(s described) bool { return !slices.Contains(d.origins, s.origin) })
		own := !slices.ContainsFunc(r.options.SignedBy, func(file string) bool { return !d.has(file) })
		if !foreign && own {
			return d, true
		}
	}
	return distribution{}, false
}

func (d distribution) has(file string) bool {
	name := path.Base(file)
	stem := strings.TrimSuffix(strings.TrimSuffix(name, ".gpg"), ".pgp")
	return stem != name && slices.ContainsFunc(d.files, func(pattern string) bool {
		ok, _ := path.Match(pattern, stem)
		return ok
	})
}

// trust says which keys verified the tree and how clients get them: from their
// distribution, or from this server. It also returns the value of Signed-By.
func (r *upstream) trust(suites []described, name string) (s manifest.Snippet, signedBy string) {
	by := signature.Issuers{}
	for _, suite := range suites {
		maps.Copy(by, suite.issuers)
	}
	var keys []string
	for _, key := range r.keys.Keys(by) {
		keys = append(keys, "# "+key.String())
	}
	s.Title = "The keys of the archive"
	s.Text = strings.Join(remote.First(keys), "\n") + "\n"
	if d, ok := r.distribution(suites); ok {
		s.Note = fmt.Sprintf("This checkpoint was verified with them. They are %s's own: its clients have them from the package %s, and the source below names that keyring.", d.name, d.packaged)
		return s, d.keyring
	}
	signedBy = "/etc/apt/keyrings/" + name + ".gpg"
	s.Note = "This checkpoint was verified with them; they are kept with it. Compare the fingerprints with those that the archive's owner publishes elsewhere. " +
		"The command refuses plain HTTP, over which anybody on the way could give you other keys: bring the file in another way then."
	s.Text += fmt.Sprintf("curl -fsSL --proto '=https' --create-dirs -o %[1]s {tree}%[2]s%[3]s\ngpg --show-keys %[1]s\n", signedBy, manifest.GeneratedDir, keyringName)
	return s, signedBy
}

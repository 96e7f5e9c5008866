package rpm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/signature"
)

// refreshed makes clients ask for newer metadata: dnf keeps them for two days otherwise, and
// zypper asks only with autorefresh.
const refreshed = "metadata_expire=5m\nautorefresh=1\n"

// keysName is the name of the keys that are stored with a checkpoint.
const keysName = "keys.asc"

// described is what clients need to know about a repository.
type described struct {
	dir    string
	id     string // of its section in a .repo file
	signed bool   // its repomd.xml, with a signature that was good, if keys are configured
}

// path is the folder as it stands in a URL. A dollar would begin a variable.
func (d described) path() string {
	u := url.URL{Path: d.dir}
	return strings.ReplaceAll(u.EscapedPath(), "$", "%24")
}

// Guide implements remote.Guided. It returns .repo files for dnf and zypper: for one
// checkpoint, for a time in a variable, and for latest and channels. The keys are kept with
// the checkpoint.
func (r *upstream) Guide(ctx context.Context, tree remote.Tree) (remote.Guide, error) {
	guide := remote.Guide{}
	repos, issuers, err := r.describe(ctx, tree)
	if err != nil || len(repos) == 0 {
		return guide, err
	}
	add := func(s manifest.Snippet) { guide.Usage.Snippets = append(guide.Usage.Snippets, s) }
	if r.trusted() != nil {
		keys, err := signature.Armoured(r.options.SignedBy)
		if err != nil {
			return guide, fmt.Errorf("signed_by: %w", err)
		}
		guide.Files = map[string][]byte{keysName: keys}
		add(r.trust(repos, issuers))
	}
	const file = "/etc/yum.repos.d/{name}.repo"
	add(manifest.Snippet{
		Title: "A repository for dnf, as of this checkpoint",
		Way:   manifest.ByTime,
		Note:  "For zypper the file belongs into /etc/zypp/repos.d. The checkpoint never changes, so clients need not ask for its metadata again." + r.note(repos),
		File:  file,
		Text:  r.repoFile(repos, way{"baseurl={tree}", "{tree}", "metadata_expire=never\n"}),
	})
	add(manifest.Snippet{
		Title: "The time in a variable",
		Way:   manifest.ByTime,
		Note: "All repositories with $asof in their address follow this one file; for zypper it is /etc/zypp/vars.d/asof. Any time will do, like 20250318T140338Z. " +
			"dnf distro-sync then moves a machine forward, and back.",
		File: "/etc/dnf/vars/asof",
		Text: "{id}\n",
	})
	add(manifest.Snippet{
		Title: "A repository for dnf, as of $asof",
		Way:   manifest.ByTime,
		File:  file,
		Text:  r.repoFile(repos, way{"baseurl={repo}$asof/", "{repo}$asof/", refreshed}),
	})
	add(manifest.Snippet{
		Title: "A repository for dnf that follows {when}",
		Way:   manifest.ByName,
		Note:  "A mirror list keeps each run at one checkpoint, even while {when} moves on. " + r.addresses() + " may name a channel or a ring instead. A server without asof, such as a bucket, has no mirror lists.",
		File:  file,
		Text:  r.repoFile(repos, way{"mirrorlist={mirrors}{when}/", "{repo}{when}/", refreshed}),
	})
	return guide, nil
}

// trusted returns the keys that are kept with a checkpoint; nil: none are.
func (r *upstream) trusted() *signature.Keyring { return cmp.Or(r.keys, r.packageKeys) }

// addresses are those in a .repo file that name its moment.
func (r *upstream) addresses() string {
	if r.trusted() != nil {
		return "Both addresses, mirrorlist and gpgkey,"
	}
	return "The address"
}

// verified says what was verified with them.
func (r *upstream) verified(repos []described) string {
	const packages = "Packages are verified with them when asof captures them for the first time"
	bad := r.keys != nil && unsignedIn(repos)
	switch {
	case bad && r.packageKeys != nil:
		return packages + ", but not all of this checkpoint's metadata: a signature is missing or not good"
	case bad:
		return "This checkpoint was not verified with them: a signature of its metadata is missing or not good"
	case r.keys == nil:
		return packages
	}
	return "This checkpoint was verified with them"
}

func unsignedIn(repos []described) bool {
	return slices.ContainsFunc(repos, func(d described) bool { return !d.signed })
}

// describe looks which repositories the tree has, and whose signatures.
func (r *upstream) describe(ctx context.Context, tree remote.Tree) (repos []described, by signature.Issuers, err error) {
	by = signature.Issuers{}
	for _, dir := range r.dirs {
		_, ok, err := tree.Find(ctx, dir+repomdName)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			continue // the empty tree
		}
		d := described{dir: dir, id: r.sectionOf(dir)}
		if slices.ContainsFunc(repos, func(other described) bool { return other.id == d.id }) {
			d.id = fmt.Sprintf("%s-%d", d.id, len(repos)+1)
		}
		asc, err := mirror.Stored(ctx, tree, dir+signatureName, maxSignature)
		if err != nil && !mirror.Absent(err) {
			return nil, nil, err
		}
		if d.signed = err == nil; d.signed && r.keys != nil && r.options.Verify == verifyWarn {
			root, err := mirror.Stored(ctx, tree, dir+repomdName, rpm.MaxRepomd)
			if err != nil {
				return nil, nil, err
			}
			_, err = r.keys.VerifyDetached(root.Data, asc.Data, r.now())
			d.signed = err == nil
		}
		if d.signed {
			maps.Copy(by, signature.DetachedIssuers(asc.Data))
		}
		repos = append(repos, d)
	}
	return repos, by, nil
}

// maxKeys is how many of the keys that are kept are described.
const maxKeys = 200

// trust says which keys are kept with the tree, those that signed its metadata first, and how
// clients get them. Clients trust all of them.
func (r *upstream) trust(repos []described, by signature.Issuers) manifest.Snippet {
	var keys []string
	listed := map[string]bool{}
	for _, key := range slices.Concat(r.trusted().Keys(by), r.trusted().Keys(nil)) {
		if !listed[key.Fingerprint] {
			listed[key.Fingerprint] = true
			keys = append(keys, "# "+key.String())
		}
	}
	if more := len(keys) - maxKeys; more > 0 {
		keys = append(keys[:maxKeys], fmt.Sprintf("# and %d more", more))
	}
	return manifest.Snippet{
		Title: "The keys of the repository",
		Note: r.verified(repos) + ". They are kept with it, and the first file below names them as gpgkey. The files that move name the keys of the checkpoint that they lead to. Compare the fingerprints with those that the repository's owner publishes elsewhere. " +
			"Over plain HTTP anybody on the way could give clients other keys: bring the file in another way then, and name it as gpgkey=file:///….",
		Text: strings.Join(keys, "\n") + "\n# {tree}" + manifest.GeneratedDir + keysName + "\n",
	}
}

// note says what the file does not make sure.
func (r *upstream) note(repos []described) string {
	switch {
	case r.keys == nil && r.proven.Load():
		return " This checkpoint's metadata have the digest that the list of mirrors gave, by HTTPS. No keys are kept with it: gpgcheck takes those that clients trust anyway, such as their distribution's."
	case r.keys == nil && r.packageKeys != nil:
		return " The signature of the metadata is not checked, as packages have their own."
	case r.keys == nil:
		return " No keys are kept with this checkpoint: gpgcheck takes those that clients trust anyway, such as their distribution's. The signature of the metadata is not checked."
	case unsignedIn(repos) && r.options.Verify == verifyWarn:
		return " repo_gpgcheck is off where the signature of the metadata is missing or not good; zypper looks at one that is there all the same, and refuses it if it is bad."
	case unsignedIn(repos):
		return " repo_gpgcheck is off where upstream does not sign its metadata."
	}
	return " If upstream signs its metadata only, and not its packages, set gpgcheck=0."
}

// way is how a .repo file leads to checkpoints.
type way struct {
	address string // the option that names the tree, up to the folder of a repository
	tree    string // where the tree has its keys; it moves as the address does
	more    string // options
}

// repoFile writes a .repo file with a section for each repository. A server that is away or
// a mistake in $asof must be an error; Debian's dnf.conf has it passed over.
func (r *upstream) repoFile(repos []described, w way) string {
	var b strings.Builder
	for i, d := range repos {
		if i > 0 {
			b.WriteByte('\n')
		}
		check := 0
		if d.signed && r.keys != nil {
			check = 1
		}
		fmt.Fprintf(&b, "[%[1]s]\nname=%[1]s\n%[2]s%[3]s\nenabled=1\nskip_if_unavailable=0\ngpgcheck=1\nrepo_gpgcheck=%[4]d\n", d.id, w.address, d.path(), check)
		if r.trusted() != nil {
			fmt.Fprintf(&b, "gpgkey=%s%s%s\n", w.tree, manifest.GeneratedDir, keysName)
		}
		b.WriteString(w.more)
	}
	return b.String()
}

// sectionOf makes a name for one repository. {name} stands for that of the asof repo, so no
// two of a store have the same.
func (r *upstream) sectionOf(dir string) string {
	if len(r.dirs) == 1 {
		return "{name}"
	}
	return strings.TrimSuffix("{name}-"+identifier(dir, ""), "-")
}

// identifier keeps of a text what the name of a section and of a file can have.
func identifier(text, otherwise string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '.':
			return c
		}
		return '-'
	}, strings.ToLower(text))
	parts := strings.FieldsFunc(name, func(c rune) bool { return c == '-' })
	name = strings.TrimLeft(strings.Join(parts, "-"), ".")
	if name == "" || len(name) > 100 {
		return otherwise
	}
	return name
}

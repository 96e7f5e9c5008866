package apt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// keyringName is the file in which the keys are kept with a checkpoint.
const keyringName = "keyring.gpg"

// described is what a suite's Release file tells its users.
type described struct {
	suiteName
	label, origin string
	components    []string
	expires       bool // it has a Valid-Until
}

// Guide implements remote.Guided: a source and a keyring for apt, and the
// setting by which apt --snapshot finds the repo.
func (r *upstream) Guide(ctx context.Context, tree remote.Previous) (remote.Guide, error) {
	var suites []described
	for _, name := range r.suites {
		s, err := r.describe(ctx, name, tree)
		if absent(err) {
			return remote.Guide{}, nil // the empty tree
		}
		if err != nil {
			return remote.Guide{}, err
		}
		suites = append(suites, s)
	}
	guide := remote.Guide{}
	if r.keys != nil {
		keys, err := binaryKeys(r.options.SignedBy)
		if err != nil {
			return guide, err
		}
		guide.Files = map[string][]byte{keyringName: keys}
	}
	name := fileName(suites[0])
	add := func(s manifest.Snippet) { guide.Usage.Snippets = append(guide.Usage.Snippets, s) }
	if r.keys != nil {
		add(manifest.Snippet{
			Title: "The keys of the archive",
			Note:  "This checkpoint was verified with them; they are kept with it.",
			Text:  fmt.Sprintf("curl -fsSL --create-dirs -o /etc/apt/keyrings/%s.gpg {tree}%s%s\n", name, manifest.GeneratedDir, keyringName),
		})
	}
	add(manifest.Snippet{
		Title: "A source for apt",
		Note:  r.sourceNote(suites),
		File:  "/etc/apt/sources.list.d/" + name + ".sources",
		Text:  r.source(suites, name),
	})
	add(r.snapshots(suites, name))
	return guide, nil
}

// describe reads what the Release file of a suite in the tree says.
func (r *upstream) describe(ctx context.Context, name suiteName, tree remote.Previous) (described, error) {
	s := described{suiteName: name, components: r.options.Components}
	doc, err := r.stored(ctx, name.dir+"InRelease", tree)
	clear := err == nil
	if absent(err) {
		doc, err = r.stored(ctx, name.dir+"Release", tree)
	}
	if err != nil {
		return s, err
	}
	text := doc.data
	if clear {
		block, err := openClearsigned(text)
		if err != nil {
			return s, fmt.Errorf("%s: %w", doc.path, err)
		}
		text = block.Plaintext
	}
	for fields, err := range deb.Stanzas(bytes.NewReader(text), "Label", "Origin", "Components", "Valid-Until") {
		if err != nil {
			return s, syntax(doc.path, err)
		}
		s.label, s.origin, s.expires = fields.Text(0), fields.Text(1), fields.Has(3)
		if len(s.components) == 0 {
			s.components = strings.Fields(fields.Text(2))
		}
	}
	return s, nil
}

// source is the deb822 source of all suites, one stanza for those that are alike.
func (r *upstream) source(suites []described, name string) string {
	var b strings.Builder
	for len(suites) > 0 {
		first, n := suites[0], 1
		for !first.flat && n < len(suites) && !suites[n].flat && slices.Equal(suites[n].components, first.components) {
			n++
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		r.stanza(&b, suites[:n], name)
		suites = suites[n:]
	}
	return b.String()
}

func (r *upstream) stanza(b *strings.Builder, suites []described, name string) {
	types := "deb"
	if r.options.Sources {
		types = "deb deb-src"
	}
	fmt.Fprintf(b, "Types: %s\nURIs: {tree}\nSuites:", types)
	for _, s := range suites {
		suite := strings.TrimSuffix(strings.TrimPrefix(s.dir, "dists/"), "/")
		if s.flat {
			suite = "./" + s.dir
		}
		b.WriteString(" " + suite)
	}
	b.WriteByte('\n')
	if !suites[0].flat {
		fmt.Fprintf(b, "Components: %s\n", strings.Join(suites[0].components, " "))
		if list := slices.DeleteFunc(slices.Clone(r.options.Architectures), func(a string) bool { return a == "all" }); len(list) > 0 {
			fmt.Fprintf(b, "Architectures: %s\n", strings.Join(list, " "))
		}
	}
	if r.keys != nil {
		fmt.Fprintf(b, "Signed-By: /etc/apt/keyrings/%s.gpg\n", name)
	}
	if slices.ContainsFunc(suites, func(s described) bool { return s.expires }) {
		b.WriteString("Check-Valid-Until: no\n")
	}
}

func (r *upstream) sourceNote(suites []described) string {
	var notes []string
	if slices.ContainsFunc(suites, func(s described) bool { return s.expires }) {
		notes = append(notes, "Check-Valid-Until is off, as the archive signs for how long a state of it may be used, and the time of a checkpoint passes. The signature itself is checked.")
	}
	if r.keys == nil {
		notes = append(notes, "No keys are kept with this checkpoint: apt takes those that it trusts anyway.")
	}
	return strings.Join(notes, " ")
}

// snapshots is the setting by which apt finds other times of the archive.
func (r *upstream) snapshots(suites []described, name string) manifest.Snippet {
	var lines []string
	for _, s := range suites {
		scope := ""
		switch {
		case isOption(s.label):
			scope = "Override::Label::" + s.label
		case isOption(s.origin):
			scope = "Override::Origin::" + s.origin
		default:
			u, err := url.Parse(r.options.URL)
			if err != nil || !isOption(u.Hostname()) {
				continue
			}
			scope = "Host::" + u.Hostname()
		}
		line := fmt.Sprintf("Acquire::Snapshots::URI::%s \"{repo}@SNAPSHOTID@/\";\n", scope)
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return manifest.Snippet{
		Title: "apt --snapshot, with apt 2.7 and later",
		Note: "Your sources stay as they are. apt update --snapshot TIME, and apt install --snapshot TIME, then take the archive as it was at any TIME, " +
			"like 20250318T140338Z. Where apt finds it expired, add -o Acquire::Check-Valid-Until=false.",
		File: "/etc/apt/apt.conf.d/80-" + name + "-snapshots",
		Text: strings.Join(lines, ""),
	}
}

// isOption reports whether a name can be part of an option's name in apt.conf(5).
func isOption(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+") == ""
}

// fileName names an archive in paths on a client.
func fileName(s described) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			return c
		case c == ' ' || c == '-' || c == '_':
			return '-'
		}
		return -1
	}, strings.ToLower(s.label))
	if name = strings.Trim(name, "-"); name == "" || len(name) > 64 {
		return "asof"
	}
	return name
}

// binaryKeys is one binary keyring of the keys in files, armoured or not.
func binaryKeys(names []string) ([]byte, error) {
	var ring []byte
	for _, name := range names {
		data, err := readKeyFile(name)
		if err != nil {
			return nil, fmt.Errorf("signed_by: %w", err)
		}
		for isArmoured(data) {
			block, err := armor.Decode(bytes.NewReader(data))
			if err != nil {
				return nil, fmt.Errorf("signed_by: %s: %w", name, err)
			}
			keys, err := io.ReadAll(block.Body)
			if err != nil {
				return nil, fmt.Errorf("signed_by: %s: %w", name, err)
			}
			ring = append(ring, keys...)
			if _, data, _ = bytes.Cut(data, []byte(endOfKeys)); !isArmoured(data) {
				data = nil
			}
		}
		ring = append(ring, data...)
	}
	return ring, nil
}

package apt

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/signature"
)

// keyringName is the name of the keyring that is stored with a checkpoint.
const keyringName = "keyring.gpg"

// described is what clients need to know about a suite.
type described struct {
	suiteName
	label, origin string
	expires       bool // it has a Valid-Until
	unsigned      bool // clients must set Trusted: yes
	bare          bool // it has no Release file
	byHash        bool // upstream has its indexes by digest
	issuers       signature.Issuers
	sourceOptions
}

// Guide implements remote.Guided. It returns a source and a keyring for apt, and the
// setting for apt --snapshot.
func (r *upstream) Guide(ctx context.Context, tree remote.Tree) (remote.Guide, error) {
	var suites []described
	for _, name := range r.suites {
		s, err := r.describe(ctx, name, tree)
		if mirror.Absent(err) {
			continue // the empty tree
		}
		if err != nil {
			return remote.Guide{}, err
		}
		suites = append(suites, s)
	}
	if len(suites) == 0 {
		return remote.Guide{}, nil
	}
	guide := remote.Guide{}
	if r.keys != nil {
		keys, err := signature.Binary(r.options.SignedBy)
		if err != nil {
			return guide, fmt.Errorf("signed_by: %w", err)
		}
		guide.Files = map[string][]byte{keyringName: keys}
	}
	name := fileName(suites[0])
	add := func(s manifest.Snippet) { guide.Usage.Snippets = append(guide.Usage.Snippets, s) }
	signedBy := ""
	if r.keys != nil {
		keys, from := r.trust(suites, name)
		add(keys)
		signedBy = from
	}
	file := "/etc/apt/sources.list.d/" + name + ".sources"
	add(manifest.Snippet{
		Title: "A source for apt, as of this checkpoint",
		Way:   manifest.ByTime,
		Note:  r.sourceNote(suites),
		File:  file,
		Text:  r.source("{tree}", suites, signedBy),
	})
	add(manifest.Snippet{
		Title: "A source for apt that follows {when}",
		Way:   manifest.ByName,
		Note:  strings.TrimSpace("In URIs a channel or a ring may stand for {when}. " + movingNote(suites)),
		File:  file,
		Text:  r.source("{repo}{when}/", suites, signedBy),
	})
	add(r.snapshots(suites, name))
	return guide, nil
}

// describe reads the Release file of a suite from the tree.
func (r *upstream) describe(ctx context.Context, name suiteName, tree remote.Tree) (described, error) {
	s := described{suiteName: name}
	doc, err := mirror.Stored(ctx, tree, name.dir+"InRelease", MaxRelease)
	clear := err == nil
	if mirror.Absent(err) {
		doc, err = mirror.Stored(ctx, tree, name.dir+"Release", MaxRelease)
	}
	if mirror.Absent(err) && r.options.Verify == "off" {
		s.bare, s.unsigned = true, true
		s.sourceOptions, err = r.options.bareSource(ctx, name, tree)
		return s, err
	}
	if err != nil {
		return s, err
	}
	text := releaseText{text: doc.Data, where: doc.Path}
	if clear {
		signed, err := signature.Open(doc.Data)
		if err != nil {
			return s, fmt.Errorf("%s: %w", doc.Path, err)
		}
		text.text, s.issuers = signed.Text, signed.Issuers()
	} else {
		detached, err := mirror.Stored(ctx, tree, name.dir+"Release.gpg", MaxRelease)
		if s.unsigned = mirror.Absent(err); err != nil && !s.unsigned {
			return s, err
		}
		s.issuers = signature.DetachedIssuers(detached.Data)
	}
	rel, err := parseRelease(text, func(string, string) {})
	if err != nil {
		return s, err
	}
	s.label, s.origin, s.expires = rel.label, rel.origin, !rel.validUntil.IsZero() || rel.unreadable != nil
	s.byHash = rel.byHash
	s.sourceOptions, err = r.options.sourceFor(ctx, newOffer(&suite{suiteName: name, release: rel}), tree)
	return s, err
}

func (r *upstream) sourceNote(suites []described) string {
	var notes []string
	if slices.ContainsFunc(suites, func(s described) bool { return s.expires }) {
		notes = append(notes, "Check-Valid-Until is off, as the archive signs for how long a state of it may be used, and the time of a checkpoint passes. The signature itself is checked.")
	}
	unsigned := slices.ContainsFunc(suites, func(s described) bool { return s.unsigned })
	if slices.ContainsFunc(suites, func(s described) bool { return s.bare }) {
		notes = append(notes, "The archive has no Release file, so nothing in it can be verified. Trusted: yes makes apt take it all the same.")
	} else if unsigned {
		notes = append(notes, "The archive is not signed. Trusted: yes makes apt take it all the same.")
	}
	lacks := func(target string) bool {
		return slices.ContainsFunc(suites, func(s described) bool { return slices.Contains(s.lacks, target) })
	}
	if lacks(targetContents) {
		notes = append(notes, "The archive's Contents indexes are not in this checkpoint. Targets-Remove keeps apt-file from asking for them: apt update would end with an error.")
	}
	if lacks(targetDEP11) || lacks(targetCommands) {
		notes = append(notes, "Metadata for software centers or for command-not-found is not in this checkpoint. Targets-Remove keeps apt from asking for it.")
	}
	if slices.ContainsFunc(suites, func(s described) bool { return s.languages != "" && !s.bare }) {
		notes = append(notes, "Languages names the translations that are in this checkpoint. The archive lists more.")
	}
	if r.keys == nil && !unsigned {
		notes = append(notes, "No keys are kept with this checkpoint: apt takes those that it trusts anyway.")
	}
	return strings.Join(notes, " ")
}

// movingNote says what may happen while a name moves; empty: nothing.
func movingNote(suites []described) string {
	if slices.ContainsFunc(suites, func(s described) bool { return !s.byHash }) {
		return "The archive has no indexes by hash. An apt update that runs while {when} moves on may fail with \"File has unexpected size\"; the next one succeeds. A time instead of the name rules it out."
	}
	return ""
}

// snapshots returns the setting that lets apt find other times of the archive.
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
		Way:   manifest.ByTime,
		Note: "Your sources stay as they are. apt update --snapshot TIME, and apt install --snapshot TIME, then take the archive as it was at any TIME, " +
			"like 20250318T140338Z. Where apt finds it expired, add -o Acquire::Check-Valid-Until=false.",
		File: "/etc/apt/apt.conf.d/80-" + name + "-snapshots",
		Text: strings.Join(lines, ""),
	}
}

// isOption reports whether a name can be part of an option name in apt.conf(5).
func isOption(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+") == ""
}

// fileName makes a file name for the archive on clients, from its label.
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

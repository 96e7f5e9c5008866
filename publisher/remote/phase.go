package remote

import (
	"path"
	"strings"
)

// PhaseOf tells a file's phase by its name alone, for a tree that nothing else
// is known of: the names that clients begin with go last, wherever they stand.
//
//	PULP_MANIFEST, InRelease, Release, repomd.xml            Root
//	Release.gpg, repomd.xml.asc                              Signature
//	Packages, Sources, also compressed; all below dists/     Index
//
// All others are Payload.
func PhaseOf(p string) Phase {
	name := path.Base(p)
	switch name {
	case "PULP_MANIFEST", "InRelease", "Release", "repomd.xml":
		return Root
	case "Release.gpg", "repomd.xml.asc":
		return Signature
	}
	stem, _, _ := strings.Cut(name, ".")
	if stem == "Packages" || stem == "Sources" || strings.HasPrefix(p, "dists/") {
		return Index
	}
	return Payload
}

package remote

import "path"

// PhaseOf tells a file's phase by its name alone, for a tree that nothing else
// is known of: the names that clients begin with go last, wherever they stand.
//
//	PULP_MANIFEST, InRelease, Release, repomd.xml   Root
//	Release.gpg, repomd.xml.asc                     Signature
//
// All others are Payload.
func PhaseOf(p string) Phase {
	switch path.Base(p) {
	case "PULP_MANIFEST", "InRelease", "Release", "repomd.xml":
		return Root
	case "Release.gpg", "repomd.xml.asc":
		return Signature
	}
	return Payload
}

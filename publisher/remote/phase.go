package remote

import (
	"path"
	"strings"

	"github.com/asof/asof/manifest"
)

// PhaseOf tells a file's phase by its name alone, for a tree about which nothing else
// is known: the documents that clients begin with go last, wherever they are.
//
//	manifest.RootDocuments                                   Root
//	manifest.RootSignatures                                  Signature
//	Packages, Sources, also compressed; all below dists/
//	and in folders by-hash and repodata                      Index
//
// All others are Payload.
func PhaseOf(p string) Phase {
	stem, _, _ := strings.Cut(path.Base(p), ".")
	switch {
	case manifest.IsRootDocument(p):
		return Root
	case manifest.IsRootSignature(p):
		return Signature
	case stem == "Packages" || stem == "Sources" || strings.HasPrefix(p, "dists/") || strings.Contains("/"+p, "/by-hash/"), strings.Contains("/"+p, "/repodata/"):
		return Index
	}
	return Payload
}

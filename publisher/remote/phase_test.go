package remote

import "testing"

func TestPhaseOf(t *testing.T) {
	for path, want := range map[string]Phase{
		"PULP_MANIFEST":                                      Root,
		"a/b/repodata/repomd.xml":                            Root,
		"repodata/repomd.xml.asc":                            Signature,
		"repodata/repomd.xml.key":                            Signature,
		"repodata/ab-primary.xml.gz":                         Index,
		"a/repodata/filelists.xml":                           Index,
		"dists/bookworm/InRelease":                           Root,
		"dists/bookworm/Release":                             Root,
		"dists/bookworm/Release.gpg":                         Signature,
		"dists/bookworm/main/binary-amd64/Packages.xz":       Index,
		"dists/bookworm/main/i18n/Translation-en.bz2":        Index,
		"dists/bookworm/main/binary-amd64/by-hash/SHA256/ab": Index,
		"Packages":                            Index,
		"flat/by-hash/SHA256/ab":              Index,
		"not-by-hash/SHA256/ab":               Payload,
		"flat/Sources.gz":                     Index,
		"pool/main/h/hello/hello_1_amd64.deb": Payload,
		"PackagesOfMine/a.deb":                Payload,
		"1.iso":                               Payload,
	} {
		if got := PhaseOf(path); got != want {
			t.Errorf("%s: phase %d, want %d", path, got, want)
		}
	}
}

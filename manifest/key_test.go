package manifest

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	const id = ID(1742306618)
	d := Sum(nil)
	for got, want := range map[string]string{
		RegistryKey:               "asof.json",
		IndexKey("a/b"):           "a/b/checkpoints.json",
		ListKey("a/b"):            "a/b/index.html",
		TreePrefix("a/b", id):     "a/b/20250318T140338Z/",
		TreeKey("a/b", id, "c/d"): "a/b/20250318T140338Z/c/d",
		BlobKey(d):                ".asof/pool/sha256/e3/" + emptySum,
		ManifestKey(d):            ".asof/manifests/sha256/e3/" + emptySum,
		JournalKey("a/b", "all"):  ".asof/repos/a/b/journals/all",
		StagedKey("a/b"):          ".asof/repos/a/b/staged.json",
		TogetherKey("a/b"):        ".asof/repos/a/b/together.json",
		AttemptPrefix("a/b"):      ".asof/repos/a/b/attempts/",
		AttemptKey("a/b", id):     ".asof/repos/a/b/attempts/20250318T140338Z",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestKeyRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		var d Digest
		for i := range d {
			d[i] = byte(rng.Uint32())
		}
		if again, err := ParseBlobKey(BlobKey(d)); err != nil || again != d {
			t.Fatal(again, err)
		}
		if again, err := ParseManifestKey(ManifestKey(d)); err != nil || again != d {
			t.Fatal(again, err)
		}
		id := randomID(rng)
		if again, err := ParseAttemptKey("a/b", AttemptKey("a/b", id)); err != nil || again != id {
			t.Fatal(again, err)
		}
	}
}

func TestParseKeys(t *testing.T) {
	blob, man := BlobKey(Sum(nil)), ManifestKey(Sum(nil))
	for _, key := range []string{
		"", "/", emptySum, "e3/" + emptySum, man, "x/" + blob, "/" + blob, blob + "/", blob + "0", blob[:len(blob)-1],
		strings.Replace(blob, "/e3/", "/e4/", 1), strings.Replace(blob, "/e3/", "/", 1), strings.Replace(blob, "/e3/", "//", 1),
		BlobPrefix + "E3/" + strings.ToUpper(emptySum), BlobPrefix, strings.Replace(blob, "sha256", "sha512", 1),
	} {
		if d, err := ParseBlobKey(key); err == nil || d != (Digest{}) {
			t.Errorf("%q: %s, %v", key, d, err)
		}
	}
	_, err := ParseBlobKey(man)
	checkError(t, man, err, `"`+man+`" is not a key below .asof/pool/sha256/`)
	_, err = ParseManifestKey(blob)
	checkError(t, blob, err, `"`+blob+`" is not a key below .asof/manifests/sha256/`)

	for _, key := range []string{"", "20250318T140338Z", AttemptPrefix("a"), AttemptKey("a/b", 0), AttemptKey("a", 0) + "/", AttemptPrefix("a") + "20250229T000000Z"} {
		if id, err := ParseAttemptKey("a", key); err == nil {
			t.Errorf("%q: %s", key, id)
		}
	}
	_, err = ParseAttemptKey("a", "x")
	checkError(t, "x", err, `"x" is not the key of an attempt of a`)
}

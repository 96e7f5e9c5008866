package manifest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	const id = ID(march18)
	d := Sum(nil)
	for got, want := range map[string]string{
		RegistryKey:               "asof.json",
		IndexKey("a/b"):           "a/b/checkpoints.json",
		ListKey("a/b"):            "a/b/index.html",
		FolderKey("a"):            "a/index.html",
		TreePrefix("a/b", id):     "a/b/20250318T140338Z/",
		TreeKey("a/b", id, "c/d"): "a/b/20250318T140338Z/c/d",
		BlobKey(d):                ".asof/pool/sha256/e3/" + emptySum,
		ManifestKey(d):            ".asof/manifests/sha256/e3/" + emptySum,
		JournalKey("a/b", "all"):  ".asof/repos/a/b/journals/all",
		StagedKey("a/b"):          ".asof/repos/a/b/staged.json",
		GroupKey("a/b"):           ".asof/repos/a/b/together.json",
		NoteKey("a/b"):            ".asof/janitor/a/b/note.json",
		AttemptPrefix("a/b"):      ".asof/repos/a/b/attempts/",
		AttemptKey("a/b", id):     ".asof/repos/a/b/attempts/20250318T140338Z",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Every kind of object is known by its key: a new kind needs its line here and in KindAt.
func TestKindAt(t *testing.T) {
	const id, base = ID(march18), "a/b"
	d := Sum(nil)
	seen := map[Kind]bool{}
	for _, tt := range []struct {
		key  string
		kind Kind
		id   ID
		path string
	}{
		{RegistryKey, KindRegistry, 0, ""},
		{IndexKey(base), KindIndex, 0, ""},
		{FrontKey, KindList, 0, ""},
		{ListKey(base), KindList, 0, ""},
		{SegmentListKey(base, id), KindList, 0, ""},
		{TreeKey(base, id, "c/d"), KindFile, id, "c/d"},
		{TreeKey(base, id, IndexPage), KindFile, id, IndexPage},
		{TreeKey(base, id, "c/"), KindPage, id, "c/"},
		{TreePrefix(base, id), KindPage, id, ""},
		{BlobKey(d), KindBlob, 0, ""},
		{ManifestKey(d), KindManifest, 0, ""},
		{SegmentKey(d), KindSegment, 0, ""},
		{StagedKey(base), KindStaged, 0, ""},
		{JournalKey(base, "all"), KindJournal, 0, ""},
		{AttemptKey(base, id), KindAttempt, 0, ""},
		{GroupKey(base), KindGroup, 0, ""},
		{PinKey(id, "x"), KindPin, 0, ""},
		{NoticeKey(id, "x"), KindNotice, 0, ""},
		{ValidatorsKey(base), KindValidators, 0, ""},
		{RecordKey(base, 7), KindRecord, 0, ""},
		{NoteKey(base), KindNote, 0, ""},
		{RolloutKey, KindRollout, 0, ""},
		{RolloutRecordKey(7), KindRecord, 0, ""},
	} {
		kind, id, path, ok := KindAt(base, tt.key)
		if !ok || kind != tt.kind || id != tt.id || path != tt.path {
			t.Errorf("%s: %d, %s, %q, %t", tt.key, kind, id, path, ok)
		}
		seen[kind] = true
	}
	if len(seen) != Kinds {
		t.Errorf("%d of %d kinds are known by their keys", len(seen), Kinds)
	}
	for _, key := range []string{"", "a/b", "a/b/", "a/bc/checkpoints.json", "a/b/x", "a/b/x/y", "a/b/20250318T140338Z", ".asof/probe/x", ".asof/repos/a/c/staged.json"} {
		if kind, _, _, ok := KindAt(base, key); ok {
			t.Errorf("%q: %d", key, kind)
		}
	}
	// A page has the attributes that a file of its name has.
	for _, name := range []string{IndexPage, "a/" + IndexPage, ChangesPath, UsagePath, ModesPath, GeneratedDir + "keyring.gpg"} {
		if KindPage.ContentType(name) != KindFile.ContentType(name) || KindPage.CacheControl(name) != KindFile.CacheControl(name) {
			t.Errorf("%s: as a page %s, as a file %s", name, KindPage.ContentType(name), KindFile.ContentType(name))
		}
	}
}

func TestFolders(t *testing.T) {
	for path, want := range map[string][]string{"": nil, "a": nil, "a/b": {"a"}, "a/b/c+d": {"a", "a/b"}} {
		if got := Folders(path); !slices.Equal(got, want) {
			t.Errorf("above %q: %q, want %q", path, got, want)
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
		if base, ok := ParseNoteKey(NoteKey("a/b")); !ok || base != "a/b" {
			t.Fatal(base, ok)
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

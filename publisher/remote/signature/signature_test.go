package signature

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// now is when the tests look at signatures; they were made an hour before.
func now() time.Time { return time.Date(2025, time.March, 18, 14, 3, 40, 0, time.UTC) }

func made() time.Time { return now().Add(-time.Hour) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) *openpgp.Entity { return remotetest.Key(t, now().AddDate(-1, 0, 0), 0) }

func errorOf(_ []string, err error) error { return err }

// A good document verifies any number of times, clear-signed or detached; what is
// another text, or by nobody known, does not.
func TestVerify(t *testing.T) {
	mine, other := newKey(t), newKey(t)
	for _, armoured := range []bool{true, false} {
		k, err := Read([]string{remotetest.KeyFile(t, armoured, other), remotetest.KeyFile(t, armoured, mine)}, false)
		must(t, err)
		stranger, err := Read([]string{remotetest.KeyFile(t, armoured, other)}, false)
		must(t, err)
		doc, err := Open([]byte(remotetest.Clearsign(t, "text\n", made(), mine)))
		must(t, err)
		if string(doc.Text) != "text\n" {
			t.Errorf("the text is %q", doc.Text)
		}
		detached := []byte(remotetest.Detach(t, "text\n", made(), mine))
		for range 2 {
			must(t, errorOf(k.VerifyClear(doc, now())))
			must(t, errorOf(k.VerifyDetached([]byte("text\n"), detached, now())))
		}
		altered, err := Open([]byte(strings.Replace(remotetest.Clearsign(t, "text\n", made(), mine), "text", "test", 1)))
		must(t, err)
		for what, tt := range map[string]struct {
			err  error
			want string
		}{
			"another text":           {errorOf(k.VerifyClear(altered, now())), "is bad"},
			"another text, detached": {errorOf(k.VerifyDetached([]byte("test\n"), detached, now())), "is bad"},
			"a stranger's":           {errorOf(stranger.VerifyClear(doc, now())), "is not in signed_by"},
			"a stranger's, detached": {errorOf(stranger.VerifyDetached([]byte("text\n"), detached, now())), "is not in signed_by"},
			"a page":                 {errorOf(k.VerifyDetached([]byte("text\n"), []byte("<html>"), now())), "malformed"},
			"nothing":                {errorOf(k.VerifyDetached([]byte("text\n"), nil, now())), "it has no signature"},
			"before it was made":     {errorOf(k.VerifyClear(doc, made().Add(-time.Hour))), "was not valid yet"},
		} {
			if !errors.Is(tt.err, remote.ErrUnverified) || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("%s: %v, want …%s…", what, tt.err, tt.want)
			}
		}
	}
}

// All blocks are read: one good signature is enough, and what counts for nothing beside
// it is named. What apt refuses is refused.
func TestBlocks(t *testing.T) {
	mine, other := newKey(t), newKey(t)
	k, err := Read([]string{remotetest.KeyFile(t, true, mine)}, false)
	must(t, err)
	both, err := Read([]string{remotetest.KeyFile(t, true, mine, other)}, false)
	must(t, err)
	const text = "Date: x\n"
	by := func(key *openpgp.Entity, text string) string { return remotetest.Detach(t, text, made(), key) + "\n" }
	broken := "-----BEGIN PGP SIGNATURE-----\n\nbroken!!\n-----END PGP SIGNATURE-----\n"
	key := "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\niQ==\n-----END PGP PUBLIC KEY BLOCK-----\n"
	for name, tt := range map[string]struct {
		signatures string
		keys       *Keyring
		want       string // of the error; empty: it is good
		note       string
	}{
		"the known one second":             {by(other, text) + by(mine, text), k, "", "is not in signed_by"},
		"the known one first":              {by(mine, text) + by(other, text), k, "", "is not in signed_by"},
		"both known":                       {by(mine, text) + by(other, text), both, "", ""},
		"with CR LF":                       {strings.ReplaceAll(by(other, text)+by(mine, text), "\n", "\r\n"), k, "", "is not in signed_by"},
		"one of another text, unknown":     {by(mine, text) + by(other, "another"), k, "", "is not in signed_by"},
		"one of another text, known":       {by(mine, text) + by(other, "another"), both, "is bad", ""},
		"one of another text by one's own": {by(mine, text) + by(mine, "another"), k, "is bad", ""},
		"a broken one behind":              {by(mine, text) + broken, k, "", "malformed"},
		"a broken one ahead":               {broken + by(mine, text), k, "malformed", ""},
		"a broken one between":             {by(other, text) + broken + by(mine, text), k, "no good signature", ""},
		"text behind":                      {by(mine, text) + "text\n", k, "malformed", ""},
		"a key behind":                     {by(mine, text) + key, k, "malformed", ""},
		"one without its end":              {by(mine, text) + by(mine, text)[:60], k, "malformed", ""},
		"two unknown ones":                 {by(other, text) + by(other, text), k, "no good signature", ""},
	} {
		notes, err := tt.keys.VerifyDetached([]byte(text), []byte(tt.signatures), now())
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, remote.ErrUnverified) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if said := strings.Join(notes, "; "); tt.note != "" && !strings.Contains(said, tt.note) || tt.note == "" && said != "" {
			t.Errorf("%s: notes %q, want %q", name, said, tt.note)
		}
	}

	clear := func(key *openpgp.Entity) string { return remotetest.Clearsign(t, text, made(), key) }
	second := clear(mine)[strings.Index(clear(mine), "-----BEGIN PGP SIGNATURE"):]
	doc, err := Open([]byte(clear(other) + second))
	must(t, err)
	must(t, errorOf(k.VerifyClear(doc, now())))
	for _, behind := range []string{"SHA256:\n", key, clear(mine)} {
		if _, err := Open([]byte(clear(other) + second + behind)); err == nil || err.Error() != "goes on behind its signature" {
			t.Errorf("%.40q behind it: %v", behind, err)
		}
	}
}

// Files of keys, and what is none.
func TestRead(t *testing.T) {
	a, b := newKey(t), newKey(t)
	files := []string{remotetest.KeyFile(t, true, a, b), remotetest.KeyFile(t, false, a)}
	ring, err := Binary(files)
	must(t, err)
	keys, err := parseKeys(ring)
	if err != nil || len(keys) != 3 || isArmoured(ring) {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	if k, err := Read(nil, false); k != nil || err != nil {
		t.Errorf("%v, %v", k, err)
	}
	for content, want := range map[string]string{
		"":              "holds no OpenPGP public key",
		"no key at all": "holds no OpenPGP public key",
		"-----BEGIN PGP MESSAGE-----\n\niQ==\n-----END PGP MESSAGE-----\n": `holds a "PGP MESSAGE", not public keys`,
		strings.Repeat("x", maxKeyring+1):                                  "has more than 16777216 bytes",
	} {
		name := filepath.Join(t.TempDir(), "x")
		must(t, os.WriteFile(name, []byte(content), 0o644))
		if _, err := Read([]string{name}, false); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%.20q: %v, want %s", content, err, want)
		}
	}
}

// FuzzVerify: what nobody known has signed does not verify.
func FuzzVerify(f *testing.F) {
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nDate: x\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"))
	f.Add([]byte(remotetest.Clearsign(f, "Date: x\n", made(), newKey(f))))
	old, err := os.ReadFile("testdata/version3/binary.sig")
	must(f, err)
	f.Add(old)
	k, err := Read([]string{remotetest.KeyFile(f, false, newKey(f)), "testdata/version3/key.asc"}, true)
	must(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Open(data)
		if err == nil && errorOf(k.VerifyClear(doc, now())) == nil {
			t.Fatalf("a signature by nobody is good:\n%s", data)
		}
		if errorOf(k.VerifyDetached(nil, data, now())) == nil {
			t.Fatalf("a signature by nobody is good:\n%q", data)
		}
	})
}

// FuzzKeys: whatever a file holds, reading it as keys ends, with keys or an error.
func FuzzKeys(f *testing.F) {
	for _, armoured := range []bool{true, false} {
		data, err := os.ReadFile(remotetest.KeyFile(f, armoured, newKey(f), newKey(f)))
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if keys, err := parseKeys(data); err == nil && len(keys) == 0 && isArmoured(data) {
			t.Error("no keys, and no error")
		}
	})
}

// An error says which key is missing or too old, in which file, and what to do.
func TestHint(t *testing.T) {
	mine, old := newKey(t), remotetest.Key(t, now().AddDate(-1, 0, 0), 300*24*time.Hour)
	young, lasting := remotetest.Key(t, now().AddDate(0, 1, 0), 0), newKey(t)
	files := []string{remotetest.KeyFile(t, true, lasting), remotetest.KeyFile(t, true, old), remotetest.KeyFile(t, true, young)}
	k, err := Read(files, false)
	must(t, err)
	const early = "an import takes no state from before its signature and key: check at, and otherwise this machine's clock"
	mineID, oldID := fmt.Sprintf("%X", mine.PrimaryKey.Fingerprint), old.PrimaryKey.KeyIdString()
	for _, tt := range []struct {
		name, signature, text, hint string
	}{
		{"missing", remotetest.Detach(t, "text", made(), mine),
			"verification failed: no good signature: the key " + mineID + " is not in signed_by (" + strings.Join(files, ", ") + ")",
			"if you trust the key " + mineID + ", add a file that holds it to signed_by"},
		{"expired", remotetest.Detach(t, "text", now().AddDate(0, -6, 0), old),
			"verification failed: no good signature: the key " + oldID + " in " + files[1] + " has expired on 2025-01-12",
			"get the keyring anew from whoever runs the remote: the key may have been prolonged; for an archive of old releases, allow_expired_keys: true"},
		{"not yet", remotetest.Detach(t, "text", now().AddDate(0, 2, 0), young),
			"verification failed: no good signature: the key " + young.PrimaryKey.KeyIdString() + " in " + files[2] + " was made on " +
				now().AddDate(0, 1, 0).Format(time.DateOnly) + ", and was not valid yet at " + now().Format(time.RFC3339), early},
		{"signed later", remotetest.Detach(t, "text", now().AddDate(0, 2, 0), lasting),
			"verification failed: no good signature: the signature by " + lasting.PrimaryKey.KeyIdString() + " was made on " +
				now().AddDate(0, 2, 0).Format(time.DateOnly) + ", and was not valid yet at " + now().Format(time.RFC3339), early},
		{"none", "", "verification failed: no good signature: it has no signature",
			"nothing was published; run it again, or tell whoever runs the remote"},
	} {
		_, err := k.VerifyDetached([]byte("text"), []byte(tt.signature), now())
		var hint interface{ Hint() string }
		if err == nil || err.Error() != tt.text || !errors.As(err, &hint) || hint.Hint() != tt.hint {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.text)
		}
	}
}

// Keys are described by fingerprint, end and name: those that signed a document, or all.
func TestKeys(t *testing.T) {
	at := time.Date(2025, time.March, 18, 14, 3, 38, 0, time.UTC)
	lasting, ending := remotetest.Key(t, at, 0), remotetest.Key(t, at, 48*time.Hour)
	k, err := Read([]string{remotetest.KeyFile(t, false, lasting, ending), remotetest.KeyFile(t, true, ending)}, false)
	if err != nil {
		t.Fatal(err)
	}
	line := func(e *openpgp.Entity, end string) string {
		return fmt.Sprintf("%X  %s  test <test@example.org>", e.PrimaryKey.Fingerprint, end)
	}
	all := []string{line(lasting, "does not expire"), line(ending, "expires 2025-03-20")}
	clear, err := Open([]byte(remotetest.Clearsign(t, "text\n", at, ending)))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		by   Issuers
		want []string
	}{
		"nobody": {nil, all}, "a stranger": {Issuers{1: true}, all},
		"in the document": {clear.Issuers(), all[1:]}, "detached": {DetachedIssuers([]byte(remotetest.Detach(t, "text\n", at, lasting))), all[:1]},
		"no signature": {DetachedIssuers([]byte("x")), all}, "no block": {DetachedIssuers([]byte("-----BEGIN x")), all},
	} {
		var got []string
		for _, key := range k.Keys(tt.by) {
			got = append(got, key.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if got := printable("a\nb\u202e\xff" + strings.Repeat("é", 200)); got != "a?b??"+strings.Repeat("é", 95) {
		t.Errorf("%q", got)
	}
}

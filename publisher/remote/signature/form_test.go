package signature

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/asof/asof/publisher/remote/remotetest"
)

func TestRefused(t *testing.T) {
	const armoured = "-----BEGIN PGP SIGNATURE-----\n\nabcd\n" + endOfSignature
	for data, want := range map[string]string{
		armoured:                          "",
		armoured + "\n":                   "",
		armoured + "\r\n":                 "",
		armoured + "\n" + armoured + "\n": "",
		armoured + "\n\n":                 "an empty line follows the signature",
		armoured + "\n \n":                "an empty line follows the signature",
		armoured + "\r\n\r\n":             "an empty line follows the signature",
		"\x89\x01\x33":                    "the signature is binary, not armoured",
		"":                                "the signature is binary, not armoured",
	} {
		if got := Refused([]byte(data)); got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
}

// The form alone tells a signature and keys from a server's page.
func TestForms(t *testing.T) {
	key := newKey(t)
	signature := remotetest.Detach(t, "text", made(), key)
	keys := map[bool]string{}
	for _, armoured := range []bool{true, false} {
		data, err := os.ReadFile(remotetest.KeyFile(t, armoured, key, newKey(t)))
		must(t, err)
		keys[armoured] = string(data)
	}
	block, err := armor.Decode(strings.NewReader(signature))
	must(t, err)
	binary, err := io.ReadAll(block.Body)
	must(t, err)
	for _, tt := range []struct {
		name, data      string
		signature, keys bool
	}{
		{"a signature", signature, true, false}, {"two", signature + signature, true, false}, {"a binary one", string(binary), true, false},
		{"keys", keys[true], false, true}, {"binary keys", keys[false], false, true},
		{"a page", "<!DOCTYPE html><html></html>", false, false}, {"nothing", "", false, false}, {"text", "not found\n", false, false},
		{"a clear-signed text", remotetest.Clearsign(t, "text", made(), key), false, false}, {"a signature that is cut", signature[:len(signature)/2], false, false},
	} {
		if s, k := IsSignature([]byte(tt.data)), IsKeys([]byte(tt.data)); s != tt.signature || k != tt.keys {
			t.Errorf("%s: a signature %v, keys %v", tt.name, s, k)
		}
	}
}

// Armoured keys are in blocks of their own, and are the same keys.
func TestArmoured(t *testing.T) {
	one, two, three := newKey(t), newKey(t), newKey(t)
	files := []string{remotetest.KeyFile(t, true, one, two), remotetest.KeyFile(t, false, three)}
	out, err := Armoured(files)
	must(t, err)
	binary, err := Binary(files)
	must(t, err)
	if n := strings.Count(string(out), "-----BEGIN PGP PUBLIC KEY BLOCK-----"); n != 3 {
		t.Errorf("%d blocks", n)
	}
	name := filepath.Join(t.TempDir(), "keys.asc")
	must(t, os.WriteFile(name, out, 0o644))
	again, err := Binary([]string{name})
	must(t, err)
	if string(again) != string(binary) {
		t.Error("the keys are others")
	}
	if _, err := Armoured([]string{"/nowhere"}); err == nil {
		t.Error("a file that is not there has keys")
	}
}

package signature

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// Signatures of version 3, made by GnuPG 1.4 with --force-v3-sigs over "one\ntwo\n", by a
// key that lasts until 2027-01-28.
func TestVersion3(t *testing.T) {
	file := func(name string) string { return filepath.Join("testdata", "version3", name) }
	signed := func(name string) []byte {
		data, err := os.ReadFile(file(name))
		must(t, err)
		return data
	}
	altered := func(at int, to byte) []byte {
		data := signed("binary.sig")
		data[at] = to
		return data
	}
	read := func(expired bool, names ...string) *Keyring {
		k, err := Read(names, expired)
		must(t, err)
		return k
	}
	known := read(false, file("key.asc"))
	revoked := read(false, file("key.asc"))
	revoked.keys.EntityList[0].Revocations = []*packet.Signature{{CreationTime: time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)}}
	another := remotetest.KeyFile(t, true, newKey(t))
	const text, body = "one\ntwo\n", 3 // body: where the packet's content begins
	now := time.Date(2026, time.December, 24, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		keys      *Keyring
		text      string
		signature []byte
		at        time.Time
		want      string // of the error; empty: it is good
	}{
		"binary":                   {known, text, signed("binary.sig"), now, ""},
		"text mode":                {known, text, signed("textmode.sig"), now, ""},
		"text mode, CR LF":         {known, "one\r\ntwo\r\n", signed("textmode.sig"), now, ""},
		"another text":             {known, "one\r\ntwo\r\n", signed("binary.sig"), now, "the signature by 34317B2F78BBC3BE is bad"},
		"another time":             {known, text, altered(body+6, 0), now, "the signature by 34317B2F78BBC3BE is bad"},
		"of an unknown kind":       {known, text, altered(body+2, 2), now, "is of an unknown form"},
		"of another length":        {known, text, altered(body+1, 6), now, "one of an unknown form"},
		"SHA-1":                    {known, text, signed("sha1.sig"), now, "34317B2F78BBC3BE used the weak hash SHA-1"},
		"by nobody known":          {read(false, another), text, signed("binary.sig"), now, "the key 34317B2F78BBC3BE is not in signed_by (" + another + ")"},
		"cut short":                {known, text, append([]byte{0x88, 18}, signed("binary.sig")[body:][:18]...), now, "one of an unknown form"},
		"its key expired":          {known, text, signed("binary.sig"), now.AddDate(1, 0, 0), "has expired on 2027-01-28"},
		"its key expired, allowed": {read(true, file("key.asc")), text, signed("binary.sig"), now.AddDate(1, 0, 0), ""},
		"its key revoked":          {revoked, text, signed("binary.sig"), now, "the key 34317B2F78BBC3BE is revoked"},
		"before it was made":       {known, text, signed("binary.sig"), time.Date(2026, time.November, 29, 16, 55, 49, 0, time.UTC), "was not valid yet"},
	} {
		_, err := tt.keys.VerifyDetached([]byte(tt.text), tt.signature, tt.at)
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, remote.ErrUnverified) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if by := DetachedIssuers(signed("binary.sig")); len(by) != 1 || !by[0x34317B2F78BBC3BE] {
		t.Errorf("issuers %v", by)
	}
}

package remotetest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Key makes a key, at a time, that lasts for so long; 0: for ever.
func Key(t testing.TB, at time.Time, lifetime time.Duration) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("test", "", "test@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return at }, KeyLifetimeSecs: uint32(lifetime.Seconds()),
	})
	must(t, err)
	return e
}

// KeyFile writes public keys to a file.
func KeyFile(t testing.TB, armoured bool, keys ...*openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	for _, k := range keys {
		if !armoured {
			must(t, k.Serialize(&b))
			continue
		}
		w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
		must(t, err)
		must(t, k.Serialize(w))
		must(t, w.Close())
		b.WriteString("\n")
	}
	name := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(name, b.Bytes(), 0o644))
	return name
}

// Clearsign signs a text within itself, at a time.
func Clearsign(t testing.TB, text string, at time.Time, by ...*openpgp.Entity) string {
	t.Helper()
	var keys []*packet.PrivateKey
	for _, e := range by {
		keys = append(keys, e.PrivateKey)
	}
	var b bytes.Buffer
	w, err := clearsign.EncodeMulti(&b, keys, signing(at))
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	must(t, w.Close())
	return b.String() + "\n"
}

// Detach signs a text, at a time, in a file of its own.
func Detach(t testing.TB, text string, at time.Time, by *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	must(t, openpgp.ArmoredDetachSign(&b, by, strings.NewReader(text), signing(at)))
	return b.String()
}

func signing(at time.Time) *packet.Config {
	return &packet.Config{Time: func() time.Time { return at }}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

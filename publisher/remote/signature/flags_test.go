package signature

import (
	"os"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// A primary key that does not say what it is for may sign, as for GnuPG; old keys are like
// that. One that says that it may not does not count.
func TestKeyFlags(t *testing.T) {
	for _, tt := range []struct{ says, sign, good bool }{{true, true, true}, {false, false, true}, {true, false, false}} {
		e := newKey(t)
		signature := []byte(remotetest.Detach(t, "text", made(), e))
		for _, id := range e.Identities {
			self := id.SelfSignature
			self.FlagsValid, self.FlagSign, self.FlagCertify = tt.says, tt.sign, tt.says
			config := &packet.Config{Time: func() time.Time { return self.CreationTime }}
			must(t, self.SignUserId(id.UserId.Id, e.PrimaryKey, e.PrivateKey, config))
		}
		k, err := Read([]string{remotetest.KeyFile(t, true, e)}, false)
		must(t, err)
		if err := errorOf(k.VerifyDetached([]byte("text"), signature, now())); (err == nil) != tt.good {
			t.Errorf("%+v: %v", tt, err)
		}
	}

	// The same for a signature of version 3.
	k, err := Read([]string{"testdata/version3/key.asc"}, false)
	must(t, err)
	old, err := os.ReadFile("testdata/version3/binary.sig")
	must(t, err)
	self, _ := k.keys.EntityList[0].PrimarySelfSignature()
	self.FlagsValid = false
	must(t, errorOf(k.VerifyDetached([]byte("one\ntwo\n"), old, time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC))))
}

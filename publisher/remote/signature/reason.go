package signature

import (
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/asof/asof/publisher/remote"
)

// reason is why a signature is ignored or refused; the zero value: it is good.
type reason struct {
	text string
	hint string // what the user can do; empty: nothing in particular
}

// noGoodSignature is the error of a document without a good signature.
type noGoodSignature []reason

func (e noGoodSignature) Error() string {
	return fmt.Sprintf("%v: no good signature: %s", remote.ErrUnverified, strings.Join(texts(e), ", "))
}

func (e noGoodSignature) Unwrap() error { return remote.ErrUnverified }

// Hint says what the user can do.
func (e noGoodSignature) Hint() string {
	for _, r := range e {
		if r.hint != "" {
			return r.hint
		}
	}
	return "nothing was published; run it again, or tell whoever runs the remote"
}

func texts(reasons []reason) (all []string) {
	for _, r := range reasons {
		all = append(all, r.text)
	}
	return all
}

// unknown is the reason for a signature by a key that is in no file.
func (k *Keyring) unknown(sig *packet.Signature) reason {
	name := fmt.Sprintf("%016X", *sig.IssuerKeyId)
	if len(sig.IssuerFingerprint) > 0 {
		name = fmt.Sprintf("%X", sig.IssuerFingerprint)
	}
	return reason{
		fmt.Sprintf("the key %s is not in signed_by (%s)", name, strings.Join(k.files, ", ")),
		fmt.Sprintf("if you trust the key %s, add a file that holds it to signed_by", name),
	}
}

// invalidKey is the reason for a signature by a key that is too old for a time, or was made
// later.
func (k *Keyring) invalidKey(id uint64, at time.Time) reason {
	name, expired := fmt.Sprintf("the key %016X", id), ""
	for _, key := range k.keys.KeysById(id) {
		name = fmt.Sprintf("the key %016X in %s", id, k.from[key.Entity])
		if made := latest(key.PublicKey.CreationTime, key.Entity.PrimaryKey.CreationTime); made.After(at) {
			return tooEarly(name, made, at)
		}
		if end := firstExpiry(key); !end.IsZero() {
			expired = " on " + day(end)
		}
	}
	return reason{name + " has expired" + expired, "get the keyring anew from whoever runs the remote: the key may have been prolonged; for an archive of old releases, allow_expired_keys: true"}
}

// tooEarly is the reason for what was made after the time that it is checked for.
func tooEarly(what string, made, at time.Time) reason {
	return reason{
		fmt.Sprintf("%s was made on %s, and was not valid yet at %s", what, day(made), at.UTC().Format(time.RFC3339)),
		"an import takes no state from before its signature and key: check at, and otherwise this machine's clock",
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// firstExpiry is when a key, or the primary key above it, expires; zero: never.
func firstExpiry(key openpgp.Key) time.Time {
	self, _ := key.Entity.PrimarySelfSignature()
	return earlier(expiry(key.PublicKey, key.SelfSignature), expiry(key.Entity.PrimaryKey, self))
}

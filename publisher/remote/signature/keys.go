package signature

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Key describes a key to people.
type Key struct {
	Fingerprint string    // of the primary key: upper-case hexadecimal digits
	Expires     time.Time // of it, or of the part that signs if that ends earlier; zero: never
	Name        string    // its user id: printable, up to 100 characters; maybe empty
}

// String is a line of text.
func (k Key) String() string {
	expires := "does not expire"
	if !k.Expires.IsZero() {
		expires = "expires " + k.Expires.UTC().Format(time.DateOnly)
	}
	return strings.TrimRight(k.Fingerprint+"  "+expires+"  "+k.Name, " ")
}

// Issuers are the ids of keys, as signatures name them. Nothing says that the signatures
// are good.
type Issuers map[uint64]bool

// Issuers returns whose signatures a document has.
func (d *Clearsigned) Issuers() Issuers { return issuersOf(d.blocks) }

// DetachedIssuers returns whose signatures a signature file has.
func DetachedIssuers(signature []byte) Issuers {
	blocks, err := detachedBlocks(signature)
	if err != nil {
		return nil
	}
	return issuersOf(blocks)
}

func issuersOf(blocks []block) Issuers {
	ids := Issuers{}
	for sig := range readable(blocks) {
		ids[*sig.IssuerKeyId] = true
	}
	return ids
}

// readable yields the signatures whose form is known, as far as verify reads.
func readable(blocks []block) iter.Seq[*packet.Signature] {
	return func(yield func(*packet.Signature) bool) {
		for _, b := range blocks {
			packets := packet.NewOpaqueReader(bytes.NewReader(b.signatures))
			for range maxSignatures {
				p, err := packets.Next()
				if err != nil {
					break
				}
				if sig, err := parse(p); err == nil && !yield(sig) {
					return
				}
			}
		}
	}
}

// Keys describes the keys that the issuers name, each once, or all if they name none.
func (k *Keyring) Keys(by Issuers) []Key {
	var all, named []Key
	seen := map[string]bool{}
	for _, e := range k.keys.EntityList {
		key, signs := describeKey(e, by)
		if seen[key.Fingerprint] {
			continue
		}
		seen[key.Fingerprint] = true
		if all = append(all, key); signs {
			named = append(named, key)
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}

// describeKey also reports whether the key, or a part of it, is one of the issuers.
func describeKey(e *openpgp.Entity, by Issuers) (key Key, signs bool) {
	key.Fingerprint = fmt.Sprintf("%X", e.PrimaryKey.Fingerprint)
	self, id := e.PrimarySelfSignature()
	if id != nil {
		key.Name = printable(id.Name)
	}
	key.Expires = expiry(e.PrimaryKey, self)
	signs = by[e.PrimaryKey.KeyId]
	for _, part := range e.Subkeys {
		if !by[part.PublicKey.KeyId] {
			continue
		}
		signs = true
		key.Expires = earlier(key.Expires, expiry(part.PublicKey, part.Sig))
	}
	return key, signs
}

// expiry returns when a key ends, by the signature that binds it; zero: never.
func expiry(key *packet.PublicKey, by *packet.Signature) time.Time {
	if by == nil || by.KeyLifetimeSecs == nil || *by.KeyLifetimeSecs == 0 {
		return time.Time{}
	}
	return key.CreationTime.Add(time.Duration(*by.KeyLifetimeSecs) * time.Second)
}

// earlier returns the earlier end; zero: never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// printable makes a user id fit for one line of text.
func printable(id string) string {
	const most = 100 // characters
	runes := []rune(strings.ToValidUTF8(id, "?"))
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '?'
		}
	}
	return string(runes[:min(len(runes), most)])
}

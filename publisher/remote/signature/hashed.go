package signature

import (
	"crypto"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	openpgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// text is what signatures are over: its bytes or, if it is too long to keep, its hashes.
type text struct {
	bytes  []byte
	hashes map[crypto.Hash]hash.Hash // nil: there are the bytes
}

// BeginDetached is VerifyDetached for a text of any length: write all of it, then verify.
func (k *Keyring) BeginDetached(signature []byte, now time.Time) (signed io.Writer, verify func() (notes []string, err error)) {
	t := text{hashes: map[crypto.Hash]hash.Hash{}}
	var all []io.Writer
	blocks, err := detachedBlocks(signature)
	for sig := range readable(blocks) {
		if t.hashes[sig.Hash] == nil && sig.Hash.Available() {
			t.hashes[sig.Hash] = sig.Hash.New()
			all = append(all, t.hashes[sig.Hash])
		}
	}
	return io.MultiWriter(all...), func() ([]string, error) {
		if err != nil {
			return nil, errMalformed()
		}
		return k.verify(t, blocks, now)
	}
}

// hash returns a hash of the text that is the caller's to go on with.
func (t text) hash(sig *packet.Signature) (hash.Hash, error) {
	if t.hashes == nil {
		h, err := sig.PrepareVerify()
		if err != nil {
			return nil, err
		}
		w := io.Writer(h)
		switch sig.SigType {
		case packet.SigTypeBinary:
		case packet.SigTypeText:
			w = openpgp.NewCanonicalTextHash(h)
		default:
			return nil, openpgperrors.UnsupportedError("signature type")
		}
		_, err = w.Write(t.bytes)
		return h, err
	}
	const salted = 6 // the version of signatures whose hash begins with something else
	h, ok := t.hashes[sig.Hash].(hash.Cloner)
	if !ok || sig.Version >= salted || sig.SigType != packet.SigTypeBinary {
		return nil, openpgperrors.UnsupportedError("signature of a long text")
	}
	return h.Clone()
}

// verifyHashed is openpgp.CheckDetachedSignature for what the library does not take: a
// signature of version 3, or a long text.
func (k *Keyring) verifyHashed(t text, sig *packet.Signature, at time.Time) error {
	err := error(openpgperrors.ErrUnknownIssuer)
	for _, key := range k.keys.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign) {
		var h hash.Hash
		if h, err = t.hash(sig); err != nil {
			return err
		}
		if err = key.PublicKey.VerifySignature(h, sig); err == nil {
			return usable(key, sig, at)
		}
	}
	return err
}

// usable reports why a key does not count at a time, though its signature fits.
func usable(key openpgp.Key, sig *packet.Signature, at time.Time) error {
	self, id := key.Entity.PrimarySelfSignature()
	for _, n := range sig.Notations {
		if n.IsCritical {
			return openpgperrors.SignatureError(fmt.Sprintf("unknown critical notation: %q", n.Name))
		}
	}
	switch {
	case self == nil || key.Entity.Revoked(at) || key.Revoked(at) || id != nil && id.Revoked(at):
		return openpgperrors.ErrKeyRevoked
	case key.Entity.PrimaryKey.KeyExpired(self, at) || key.PublicKey.KeyExpired(key.SelfSignature, at):
		return openpgperrors.ErrKeyExpired
	case sig.SigExpired(at) || self.SigExpired(at) || key.SelfSignature.SigExpired(at):
		return openpgperrors.ErrSignatureExpired
	}
	return nil
}

package signature

import (
	"bytes"
	"errors"
	"hash"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	openpgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Signatures of version 3 (RFC 4880, section 5.2.2) are what most RPM packages carry, those
// of Red Hat among them. The library no longer reads them, but verifies them once they are
// read.

const version3 = 3

// parse reads a signature of any version.
func parse(raw *packet.OpaquePacket) (*packet.Signature, error) {
	const (
		tag    = 2
		header = 19 // bytes before the signature's numbers
		hashed = 5  // bytes that are signed with the text: type and time
	)
	c := raw.Contents
	v3 := raw.Tag == tag && len(c) >= header && c[0] == version3 && c[1] == hashed
	if v3 {
		raw = &packet.OpaquePacket{Tag: tag, Contents: asVersion4(c)}
	}
	parsed, err := raw.Parse()
	if err != nil {
		return nil, err
	}
	sig, ok := parsed.(*packet.Signature)
	if !ok || sig.IssuerKeyId == nil {
		return nil, errors.New("not a signature with an issuer")
	}
	if v3 {
		sig.Version, sig.HashSuffix = version3, c[2:2+hashed]
	}
	return sig, nil
}

// asVersion4 puts the fields of a version 3 where the library finds them.
func asVersion4(c []byte) []byte {
	kind, created, issuer, algorithms, rest := c[2:3], c[3:7], c[7:15], c[15:17], c[17:]
	return slices.Concat([]byte{4}, kind, algorithms,
		[]byte{0, 6, 5, 2}, created, // hashed subpackets: the time
		[]byte{0, 10, 9, 16}, issuer, // others: the issuer
		rest)
}

// verify3 is openpgp.CheckDetachedSignature for signatures of version 3.
func (k *Keyring) verify3(text []byte, sig *packet.Signature, at time.Time) error {
	err := error(openpgperrors.ErrUnknownIssuer)
	for _, key := range k.keys.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign) {
		var h hash.Hash
		if h, err = sig.PrepareVerify(); err != nil {
			return err
		}
		text := bytes.NewReader(text)
		switch sig.SigType {
		case packet.SigTypeBinary:
			_, err = text.WriteTo(h)
		case packet.SigTypeText:
			_, err = text.WriteTo(openpgp.NewCanonicalTextHash(h))
		default:
			return openpgperrors.UnsupportedError("signature type")
		}
		if err != nil {
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

package signature

import (
	"errors"
	"slices"

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

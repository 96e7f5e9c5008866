package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256 digest. Its text form is 64 lower-case hexadecimal digits.
type Digest [sha256.Size]byte

// Sum returns the digest of data.
func Sum(data []byte) Digest { return sha256.Sum256(data) }

// ParseDigest reads the text form. It refuses upper-case digits.
func ParseDigest(s string) (d Digest, err error) {
	if len(s) != 2*len(d) {
		return Digest{}, fmt.Errorf("%.80q is not a SHA-256 digest (64 hexadecimal digits)", s)
	}
	if !d.decode([]byte(s)) {
		return Digest{}, fmt.Errorf("%q is not a SHA-256 digest (64 lower-case hexadecimal digits)", s)
	}
	return d, nil
}

// decode reads the 64 bytes of the text form. If it fails, d is undefined.
func (d *Digest) decode(text []byte) bool {
	for _, c := range text {
		if 'A' <= c && c <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(d[:], text)
	return err == nil
}

func (d Digest) append(b []byte) []byte { return hex.AppendEncode(b, d[:]) }

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}

package signature

import (
	"bytes"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// IsSignature reports whether a file has the form of detached signatures, armoured or not.
// Nothing is verified.
func IsSignature(data []byte) bool {
	if isArmoured(data) {
		blocks, err := readBlocks(data)
		return err == nil && len(blocks) > 0 && blocks[0].malformed == nil
	}
	p, err := packet.NewOpaqueReader(bytes.NewReader(data)).Next()
	return err == nil && p.Tag == tagSignature
}

// tagSignature is the tag of a signature packet (RFC 9580, section 5).
const tagSignature = 2

// IsKeys reports whether a file holds public keys, armoured or not.
func IsKeys(data []byte) bool {
	keys, err := parseKeys(data)
	return (err == nil || err == io.EOF) && len(keys) > 0
}

// Refused says why apt 2.6 refuses the form of a signed document or a signature file
// that is otherwise good. It is empty if apt does not.
func Refused(data []byte) string {
	if !isArmoured(data) {
		return "the signature is binary, not armoured"
	}
	if end := bytes.LastIndex(data, []byte(endOfSignature)); end >= 0 {
		if _, behind, _ := bytes.Cut(data[end:], []byte("\n")); len(behind) > 0 {
			return "an empty line follows the signature"
		}
	}
	return ""
}

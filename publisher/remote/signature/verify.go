package signature

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	openpgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/asof/asof/publisher/remote"
)

const (
	maxSignatures = 64   // per document
	minRSA        = 2048 // bits; apt does not trust shorter keys
)

// Clearsigned is a document with its signatures.
type Clearsigned struct {
	Text   []byte // not verified
	Ahead  int    // lines of the document before the text
	signed []byte // the text as it was signed
	blocks []block
}

// Open splits a clear-signed document into text and signatures. It verifies nothing. Only
// signature blocks may follow the signed text, because nothing else in the document would
// be signed.
func Open(data []byte) (*Clearsigned, error) {
	if !bytes.HasPrefix(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) {
		return nil, errors.New("is not clear-signed")
	}
	signed, rest := clearsign.Decode(data)
	if signed == nil {
		return nil, errors.New("its clear signature is malformed")
	}
	more, err := readBlocks(rest)
	if err != nil {
		return nil, errors.New("goes on behind its signature")
	}
	first := readBlock(signed.ArmoredSignature.Body)
	return &Clearsigned{signed.Plaintext, linesAhead(data), signed.Bytes, append([]block{first}, more...)}, nil
}

// linesAhead counts the lines before the text, up to and including the first empty one.
func linesAhead(data []byte) (n int) {
	for line := range bytes.Lines(data) {
		n++
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	return n
}

// block is a block of signatures, without its armour.
type block struct {
	signatures []byte
	malformed  error
}

func readBlock(r io.Reader) (b block) {
	b.signatures, b.malformed = io.ReadAll(r)
	return b
}

// endOfSignature is the last line of an armoured block.
const endOfSignature = "-----END PGP SIGNATURE-----"

// readBlocks reads any number of armoured blocks. Nothing but blanks may stand between
// them. apt refuses other files, too.
func readBlocks(data []byte) (blocks []block, err error) {
	for len(bytes.TrimSpace(data)) > 0 {
		end := bytes.Index(data, []byte(endOfSignature))
		if !isArmoured(data) || end < 0 || len(blocks) == maxSignatures {
			return nil, errors.New("holds something else than signatures")
		}
		end += len(endOfSignature)
		armoured, err := armor.Decode(bytes.NewReader(data[:end]))
		switch {
		case err != nil:
			blocks = append(blocks, block{malformed: err})
		case armoured.Type != openpgp.SignatureType:
			return nil, errors.New("holds something else than signatures")
		default:
			blocks = append(blocks, readBlock(armoured.Body))
		}
		data = data[end:]
	}
	return blocks, nil
}

// detachedBlocks reads a signature file.
func detachedBlocks(signature []byte) ([]block, error) {
	if isArmoured(signature) {
		return readBlocks(signature)
	}
	return []block{{signatures: signature}}, nil
}

// VerifyClear checks the signatures of a clear-signed document as of now. The error is
// remote.ErrUnverified. If a signature is good, notes says which others were ignored, and
// why.
func (k *Keyring) VerifyClear(doc *Clearsigned, now time.Time) (notes []string, err error) {
	return k.verify(text{bytes: doc.signed}, doc.blocks, now)
}

// VerifyDetached checks a document against a signature file: one or more armoured blocks,
// or binary. Error and notes are the same as for VerifyClear.
func (k *Keyring) VerifyDetached(signed, signature []byte, now time.Time) (notes []string, err error) {
	blocks, err := detachedBlocks(signature)
	if err != nil {
		return nil, errMalformed()
	}
	return k.verify(text{bytes: signed}, blocks, now)
}

// verify needs one good signature. Like apt, it fails if any signature by a known key is
// bad, or if the first block is malformed. Like gpgv, it stops reading at a later
// malformed block.
func (k *Keyring) verify(t text, blocks []block, now time.Time) (notes []string, err error) {
	good := false
	var ignored []reason
	for i, b := range blocks {
		if b.malformed != nil && i == 0 {
			return nil, errMalformed()
		}
		if b.malformed != nil {
			ignored = append(ignored, reason{text: "a block of signatures is malformed; it and those behind it are not read"})
			break
		}
		ok, reasons, err := k.verifyBlock(t, b, now)
		if err != nil {
			return nil, err
		}
		good, ignored = good || ok, append(ignored, reasons...)
	}
	switch {
	case good:
		return texts(ignored), nil
	case len(ignored) == 0:
		ignored = []reason{{text: "it has no signature"}}
	}
	return nil, noGoodSignature(ignored)
}

// verifyBlock reports whether one of a block's signatures is good, and why others are
// ignored.
func (k *Keyring) verifyBlock(t text, b block, now time.Time) (good bool, reasons []reason, err error) {
	packets := packet.NewOpaqueReader(bytes.NewReader(b.signatures))
	for n := 0; ; n++ {
		p, err := packets.Next()
		if err == io.EOF {
			return good, reasons, nil
		}
		if err != nil || n == maxSignatures {
			return false, nil, errMalformed()
		}
		why, bad := k.verifyOne(t, p, now)
		switch {
		case bad:
			return false, nil, fmt.Errorf("%w: %s", remote.ErrUnverified, why.text)
		case why == reason{}:
			good = true
		default:
			reasons = append(reasons, why)
		}
	}
}

func errMalformed() error {
	return fmt.Errorf("%w: its signatures are malformed", remote.ErrUnverified)
}

// verifyOne checks one signature. Unless it is good, why says why it is ignored or, with
// bad, why the document must be refused.
func (k *Keyring) verifyOne(t text, raw *packet.OpaquePacket, now time.Time) (why reason, bad bool) {
	sig, err := parse(raw)
	if err != nil {
		return reason{text: "one of an unknown form"}, false
	}
	id := fmt.Sprintf("%016X", *sig.IssuerKeyId)
	switch sig.Hash {
	case crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
	default:
		return reason{text: fmt.Sprintf("%s used the weak hash %s", id, sig.Hash)}, false
	}
	for _, key := range k.keys.KeysById(*sig.IssuerKeyId) {
		if bits, err := key.PublicKey.BitLength(); err == nil && isRSA(key.PublicKey.PubKeyAlgo) && bits < minRSA {
			return reason{text: fmt.Sprintf("the key %s is short, %d bits", id, bits)}, false
		}
	}
	err = k.verifyAt(t, raw, sig, now)
	if k.expired && errors.Is(err, openpgperrors.ErrKeyExpired) {
		err = k.verifyAt(t, raw, sig, sig.CreationTime)
	}
	switch {
	case err == nil:
		return reason{}, false
	case errors.Is(err, openpgperrors.ErrUnknownIssuer):
		return k.unknown(sig), false
	case errors.Is(err, openpgperrors.ErrKeyExpired):
		return k.invalidKey(*sig.IssuerKeyId, now), false
	case errors.Is(err, openpgperrors.ErrSignatureExpired) && sig.CreationTime.After(now):
		return tooEarly(fmt.Sprintf("the signature by %s", id), sig.CreationTime, now), false
	case errors.Is(err, openpgperrors.ErrSignatureExpired):
		return reason{text: fmt.Sprintf("the signature by %s has expired, or is not valid yet", id)}, false
	case errors.Is(err, openpgperrors.ErrKeyRevoked):
		return reason{text: fmt.Sprintf("the key %s is revoked", id)}, false
	}
	if _, ok := errors.AsType[openpgperrors.UnsupportedError](err); ok {
		return reason{text: fmt.Sprintf("the signature by %s is of an unknown form", id)}, false
	}
	return reason{text: fmt.Sprintf("the signature by %s is bad", id)}, true
}

func (k *Keyring) verifyAt(t text, raw *packet.OpaquePacket, sig *packet.Signature, at time.Time) error {
	if sig.Version == version3 || t.hashes != nil {
		return k.verifyHashed(t, sig, at)
	}
	var signature bytes.Buffer
	if err := raw.Serialize(&signature); err != nil {
		return err
	}
	config := &packet.Config{Time: func() time.Time { return at }}
	_, err := openpgp.CheckDetachedSignature(k.keys, bytes.NewReader(t.bytes), &signature, config)
	return err
}

func isRSA(a packet.PublicKeyAlgorithm) bool {
	return a == packet.PubKeyAlgoRSA || a == packet.PubKeyAlgoRSASignOnly
}

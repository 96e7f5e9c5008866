package apt

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	openpgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/asof/asof/publisher/remote"
)

const (
	maxKeyring    = 16 << 20 // bytes of a keyring's file
	maxSignatures = 64       // of one document
	minRSA        = 2048     // bits; apt trusts no shorter key
)

// keyring is the keys that a suite may be signed by.
type keyring struct {
	keys    openpgp.EntityList
	expired bool // a signature may outlive its key
}

// readKeyrings reads files of public keys; nil for none.
func readKeyrings(names []string, expired bool) (*keyring, error) {
	if len(names) == 0 {
		return nil, nil
	}
	k := &keyring{expired: expired}
	for _, name := range names {
		keys, err := readKeyring(name)
		if err != nil {
			return nil, fmt.Errorf("signed_by: %w", err)
		}
		k.keys = append(k.keys, keys...)
	}
	return k, nil
}

func readKeyring(name string) (openpgp.EntityList, error) {
	data, err := readKeyFile(name)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(data)
	if err == nil && len(keys) == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("%s: holds no OpenPGP public key: %w", name, err)
	}
	return keys, nil
}

func readKeyFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyring+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxKeyring {
		return nil, fmt.Errorf("%s: has more than %d bytes", name, maxKeyring)
	}
	return data, nil
}

// endOfKeys ends an armoured keyring.
const endOfKeys = "-----END PGP PUBLIC KEY BLOCK-----"

func isArmoured(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("-----BEGIN"))
}

// parseKeys reads a keyring, binary, or any number of armoured ones.
func parseKeys(data []byte) (openpgp.EntityList, error) {
	if !isArmoured(data) {
		return openpgp.ReadKeyRing(bytes.NewReader(data))
	}
	var all openpgp.EntityList
	for r := bytes.NewReader(data); ; {
		block, err := armor.Decode(r)
		if err == io.EOF && len(all) > 0 {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if block.Type != openpgp.PublicKeyType {
			return nil, fmt.Errorf("holds a %.40q, not public keys", block.Type)
		}
		keys, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
		// The decoder buffers: what follows is found by its end.
		_, rest, _ := bytes.Cut(data, []byte(endOfKeys))
		data = rest
		r.Reset(data)
	}
}

// openClearsigned takes an InRelease file apart. What is outside of the signed
// text is not trusted and must not be there.
func openClearsigned(data []byte) (*clearsign.Block, error) {
	if !bytes.HasPrefix(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) {
		return nil, errors.New("is not clear-signed")
	}
	block, rest := clearsign.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("its clear signature is malformed")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("goes on behind its signature")
	}
	return block, nil
}

// verifyClear checks the signatures of a clear-signed document.
func (k *keyring) verifyClear(block *clearsign.Block, now time.Time) error {
	return k.verify(block.Bytes, block.ArmoredSignature.Body, now)
}

// verifyDetached checks a document by a file of signatures, armoured or binary.
func (k *keyring) verifyDetached(text, signature []byte, now time.Time) error {
	body := io.Reader(bytes.NewReader(signature))
	if bytes.HasPrefix(bytes.TrimLeft(signature, " \t\r\n"), []byte("-----BEGIN")) {
		block, err := armor.Decode(body)
		if err != nil || block.Type != openpgp.SignatureType {
			return fmt.Errorf("%w: the signature is malformed", remote.ErrUnverified)
		}
		body = block.Body
	}
	return k.verify(text, body, now)
}

// verify does as apt and gpgv do: of several signatures one good one suffices,
// and a bad one, by a key that is known, is never forgiven.
func (k *keyring) verify(text []byte, signatures io.Reader, now time.Time) error {
	good := false
	var reasons []string
	packets := packet.NewOpaqueReader(signatures)
	for n := 0; ; n++ {
		p, err := packets.Next()
		if err == io.EOF {
			break
		}
		if err != nil || n == maxSignatures {
			return fmt.Errorf("%w: its signatures are malformed", remote.ErrUnverified)
		}
		reason, bad := k.verifyOne(text, p, now)
		switch {
		case bad:
			return fmt.Errorf("%w: %s", remote.ErrUnverified, reason)
		case reason == "":
			good = true
		default:
			reasons = append(reasons, reason)
		}
	}
	if good {
		return nil
	}
	if len(reasons) == 0 {
		reasons = []string{"it has no signature"}
	}
	return fmt.Errorf("%w: no good signature: %s", remote.ErrUnverified, strings.Join(reasons, ", "))
}

// verifyOne checks one signature. A reason says why it counts for nothing, and
// bad, that it is a wrong one.
func (k *keyring) verifyOne(text []byte, raw *packet.OpaquePacket, now time.Time) (reason string, bad bool) {
	parsed, err := raw.Parse()
	if err != nil {
		return "one of an unknown form", false
	}
	sig, ok := parsed.(*packet.Signature)
	if !ok || sig.IssuerKeyId == nil {
		return "one of an unknown form", false
	}
	id := fmt.Sprintf("%016X", *sig.IssuerKeyId)
	switch sig.Hash {
	case crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
	default:
		return fmt.Sprintf("%s used the weak hash %s", id, sig.Hash), false
	}
	for _, key := range k.keys.KeysById(*sig.IssuerKeyId) {
		if bits, err := key.PublicKey.BitLength(); err == nil && isRSA(key.PublicKey.PubKeyAlgo) && bits < minRSA {
			return fmt.Sprintf("the key %s is short, %d bits", id, bits), false
		}
	}
	err = k.verifyAt(text, raw, now)
	if k.expired && errors.Is(err, openpgperrors.ErrKeyExpired) {
		err = k.verifyAt(text, raw, sig.CreationTime)
	}
	switch {
	case err == nil:
		return "", false
	case errors.Is(err, openpgperrors.ErrUnknownIssuer):
		return fmt.Sprintf("the key %s is not in signed_by", id), false
	case errors.Is(err, openpgperrors.ErrKeyExpired):
		return fmt.Sprintf("the key %s has expired", id), false
	case errors.Is(err, openpgperrors.ErrSignatureExpired):
		return fmt.Sprintf("the signature by %s has expired, or is not valid yet", id), false
	case errors.Is(err, openpgperrors.ErrKeyRevoked):
		return fmt.Sprintf("the key %s is revoked", id), false
	}
	if _, ok := errors.AsType[openpgperrors.UnsupportedError](err); ok {
		return fmt.Sprintf("the signature by %s is of an unknown form", id), false
	}
	return fmt.Sprintf("the signature by %s is bad", id), true
}

func (k *keyring) verifyAt(text []byte, raw *packet.OpaquePacket, at time.Time) error {
	var signature bytes.Buffer
	if err := raw.Serialize(&signature); err != nil {
		return err
	}
	config := &packet.Config{Time: func() time.Time { return at }}
	_, err := openpgp.CheckDetachedSignature(k.keys, bytes.NewReader(text), &signature, config)
	return err
}

func isRSA(a packet.PublicKeyAlgorithm) bool {
	return a == packet.PubKeyAlgoRSA || a == packet.PubKeyAlgoRSASignOnly
}

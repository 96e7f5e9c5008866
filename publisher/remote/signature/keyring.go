// Package signature verifies OpenPGP signatures of root documents, clear-signed or
// detached, with keys from files. It follows the rules of apt and gpgv: a document needs
// at least one good signature and must have no bad one. Signatures by unknown or expired
// keys, or with weak algorithms, are ignored.
package signature

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const maxKeyring = 16 << 20 // bytes in a keyring file

// Keyring is a set of trusted keys. It is safe for concurrent use.
type Keyring struct {
	keys    ring
	files   []string
	from    map[*openpgp.Entity]string // file
	expired bool                       // accept a signature if its key expired later
}

// ring is a set of keys for the library.
type ring struct{ openpgp.EntityList }

// KeysByIdUsage also returns a primary key that does not say what it is for. GnuPG takes such
// a key for all that its algorithm can do, and old keys are like that.
//
//lint:ignore ST1003 the name is the library's
func (r ring) KeysByIdUsage(id uint64, usage byte) []openpgp.Key {
	keys := r.EntityList.KeysByIdUsage(id, usage)
	for _, key := range r.KeysById(id) {
		if self := key.SelfSignature; self != nil && !self.FlagsValid && key.PublicKey == key.Entity.PrimaryKey {
			keys = append(keys, key)
		}
	}
	return keys
}

// Read reads files of OpenPGP public keys, armoured or binary. It returns nil if there
// are no files. With expired, a signature stays good after its key expires. Errors name
// the file.
func Read(files []string, expired bool) (*Keyring, error) {
	if len(files) == 0 {
		return nil, nil
	}
	k := &Keyring{expired: expired, files: files, from: map[*openpgp.Entity]string{}}
	for _, name := range files {
		keys, err := readKeyring(name)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			k.from[key] = name
		}
		k.keys.EntityList = append(k.keys.EntityList, keys...)
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

// endOfKeys is the last line of an armoured keyring.
const endOfKeys = "-----END PGP PUBLIC KEY BLOCK-----"

func isArmoured(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("-----BEGIN"))
}

// parseKeys reads a binary keyring, or any number of armoured ones.
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
		// The decoder reads ahead, so we find the next block ourselves.
		_, rest, _ := bytes.Cut(data, []byte(endOfKeys))
		data = rest
		r.Reset(data)
	}
}

// tagPublicKey is the tag of the packet that begins a key (RFC 9580, section 5).
const tagPublicKey = 6

// Armoured joins the keys of all files into one armoured file, each key in a block of its
// own, as rpm reads them.
func Armoured(files []string) ([]byte, error) {
	ring, err := Binary(files)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var block io.WriteCloser
	end := func() error {
		if block == nil {
			return nil
		}
		if err := block.Close(); err != nil {
			return err
		}
		return out.WriteByte('\n')
	}
	for packets := packet.NewOpaqueReader(bytes.NewReader(ring)); ; {
		p, err := packets.Next()
		if err == io.EOF {
			err := end()
			return out.Bytes(), err
		}
		if err != nil {
			return nil, err
		}
		if p.Tag == tagPublicKey {
			if err := end(); err != nil {
				return nil, err
			}
			if block, err = armor.Encode(&out, openpgp.PublicKeyType, nil); err != nil {
				return nil, err
			}
		}
		if block == nil {
			continue // nothing that belongs to a key
		}
		if err := p.Serialize(block); err != nil {
			return nil, err
		}
	}
}

// Binary joins the keys of all files, armoured or not, into one binary keyring. The keys
// stay as they are.
func Binary(files []string) ([]byte, error) {
	var ring []byte
	for _, name := range files {
		data, err := readKeyFile(name)
		if err != nil {
			return nil, err
		}
		for isArmoured(data) {
			block, err := armor.Decode(bytes.NewReader(data))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			keys, err := io.ReadAll(block.Body)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			ring = append(ring, keys...)
			if _, data, _ = bytes.Cut(data, []byte(endOfKeys)); !isArmoured(data) {
				data = nil
			}
		}
		ring = append(ring, data...)
	}
	return ring, nil
}

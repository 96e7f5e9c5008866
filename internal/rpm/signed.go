package rpm

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // of payloads
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// Header is what an .rpm file says of its package ahead of the payload: what rpm calls the
// main header, and the signatures over it.
type Header struct {
	Name string
	EVR  EVR
	Arch string // "src" for sources; metadata may say "nosrc" there

	signed     []byte // the main header
	signatures []byte // OpenPGP packets
	payload    digest
}

// digest is what the main header says of the payload, as it is compressed; zero: nothing.
type digest struct {
	hash crypto.Hash
	hex  string
}

// Keys verify a detached OpenPGP signature of a text: one must be good, and none bad.
type Keys interface {
	VerifyDetached(text, signature []byte, now time.Time) (notes []string, err error)
}

// Tags of a signature header. Those that sign the payload, too, as rpm 3 did, are not read:
// no rpm of today looks at them alone.
const (
	tagDSA     = 267 // EdDSA, too
	tagRSA     = 268
	tagOpenPGP = 278 // from rpm 6 on: any number, in base64
)

// Tags of a main header.
const (
	tagName        = 1000
	tagVersion     = 1001
	tagRelease     = 1002
	tagEpoch       = 1003
	tagArch        = 1022
	tagSource      = 1044 // packages of sources lack it
	tagPayload     = 5092 // from rpm 4.14 on
	tagPayloadHash = 5093 // from rpm 6 on SHA-256 without saying so
)

var (
	signatureTags = map[uint32]uint32{tagDSA: typeBinary, tagRSA: typeBinary, tagOpenPGP: typeStrings}
	mainTags      = map[uint32]uint32{
		tagName: typeString, tagVersion: typeString, tagRelease: typeString, tagEpoch: typeInt32, tagArch: typeString,
		tagSource: typeString, tagPayload: typeStrings, tagPayloadHash: typeInt32,
	}
)

// ReadHeader reads an .rpm file up to its payload (rpm-format(5)), and no further. Nothing
// of it is verified. It takes as much memory as the main header, at most 64 MiB.
func ReadHeader(r io.Reader) (*Header, error) {
	var lead [96]byte
	if _, err := io.ReadFull(r, lead[:]); err != nil {
		return nil, short(err)
	}
	if !bytes.HasPrefix(lead[:], []byte{0xed, 0xab, 0xee, 0xdb}) {
		return nil, errors.New("is no RPM package")
	}
	counted := &counter{r: r}
	signatures, err := readTags(counted, signatureTags)
	if err != nil {
		return nil, fmt.Errorf("its signature header: %w", err)
	}
	if err := discard(r, uint32(-counted.n&7)); err != nil {
		return nil, err
	}
	h, text := &Header{}, bytes.Buffer{}
	main, err := readTags(io.TeeReader(r, &text), mainTags)
	if err != nil {
		return nil, fmt.Errorf("its main header: %w", err)
	}
	h.signed = text.Bytes()
	if err := h.identify(main); err != nil {
		return nil, err
	}
	return h, h.sign(signatures)
}

// identify says which package it is.
func (h *Header) identify(main tags) error {
	h.Name, h.Arch = string(main[tagName]), string(main[tagArch])
	h.EVR = EVR{Version: string(main[tagVersion]), Release: string(main[tagRelease])}
	if epoch := main[tagEpoch]; epoch != nil {
		h.EVR.Epoch = fmt.Sprint(binary.BigEndian.Uint32(epoch))
	}
	if main[tagSource] == nil {
		h.Arch = "src"
	}
	for _, s := range []string{h.Name, h.EVR.Version, h.EVR.Release, h.Arch} {
		if s == "" || len(s) > 255 || bytes.ContainsFunc([]byte(s), func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			return fmt.Errorf("its main header: %.80q is no name, version, release or architecture", s)
		}
	}
	if value := main[tagPayload]; value != nil {
		h.payload = digest{crypto.SHA256, string(value)}
	}
	if n := main[tagPayloadHash]; n != nil {
		h.payload.hash = hashes[binary.BigEndian.Uint32(n)]
	}
	return nil
}

// hashes has the numbers of RFC 9580, section 9.5.
var hashes = map[uint32]crypto.Hash{8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512}

// sign collects the signatures.
func (h *Header) sign(signatures tags) error {
	h.signatures = append(h.signatures, signatures[tagDSA]...)
	h.signatures = append(h.signatures, signatures[tagRSA]...)
	for text := range bytes.SplitSeq(signatures[tagOpenPGP], []byte{0}) {
		packets, err := base64.StdEncoding.AppendDecode(h.signatures, text)
		if err != nil {
			return fmt.Errorf("its signature header: %w", err)
		}
		h.signatures = packets
	}
	return nil
}

// String is the package's name, version and architecture.
func (h *Header) String() string { return h.Name + "-" + h.EVR.String() + "." + h.Arch }

// Verify checks the signatures over the main header as of now. They cover the payload's
// digest (CheckPayload). Error and notes are those of the keys.
func (h *Header) Verify(keys Keys, now time.Time) (notes []string, err error) {
	notes, err = keys.VerifyDetached(h.signed, h.signatures, now)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", h, err)
	}
	return notes, nil
}

// HasPayloadDigest reports whether CheckPayload can check anything. Packages that rpm before
// 4.14 built, such as those of CentOS 7, have no digest of their payload.
func (h *Header) HasPayloadDigest() bool { return h.payload != digest{} }

// CheckPayload reads the rest of the file that ReadHeader began, and compares it with the
// main header's digest of it.
func (h *Header) CheckPayload(r io.Reader) error {
	p, err := h.Payload()
	if err != nil {
		return err
	}
	if _, err := io.Copy(p, r); err != nil {
		return err
	}
	return p.Check()
}

// Payload is the rest of a file that ReadHeader began, as it is written to it.
type Payload struct {
	hash.Hash
	of *Header
}

// Payload begins to compare the rest of the file with the main header's digest of it.
func (h *Header) Payload() (*Payload, error) {
	if !h.payload.hash.Available() {
		return nil, fmt.Errorf("package %s: has no known digest of its payload", h)
	}
	return &Payload{h.payload.hash.New(), h}, nil
}

// Check compares, once all is written.
func (p *Payload) Check() error {
	want := p.of.payload
	if got := hex.EncodeToString(p.Sum(nil)); got != want.hex {
		return fmt.Errorf("package %s: its payload has the %v %s, the header says %.128q", p.of, want.hash, got, want.hex)
	}
	return nil
}

// counter counts the bytes that are read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

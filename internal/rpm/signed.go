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
	"io"
	"slices"
	"time"
)

// Header is what an .rpm file says of its package ahead of the payload: what rpm calls the
// main header, and the signatures over it.
type Header struct {
	Name string
	EVR  EVR
	Arch string // "src" for sources; metadata may say "nosrc" there

	signed     []byte // the main header
	signatures []byte // of it: OpenPGP packets
	whole      []byte // the same of the main header and the payload, for packages without digest
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
	// BeginDetached is the same for a text of any length: write all of it, then verify.
	BeginDetached(signature []byte, now time.Time) (text io.Writer, verify func() (notes []string, err error))
}

// Tags of a signature header.
const (
	tagDSA      = 267 // EdDSA, too
	tagRSA      = 268
	tagOpenPGP  = 278  // from rpm 6 on: any number, in base64
	tagWholeRSA = 1002 // of main header and payload
	tagWholeDSA = 1005
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
	signatureTags = map[uint32]uint32{
		tagDSA: typeBinary, tagRSA: typeBinary, tagOpenPGP: typeStrings, tagWholeRSA: typeBinary, tagWholeDSA: typeBinary,
	}
	mainTags = map[uint32]uint32{
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
	h.signatures = slices.Concat(signatures[tagDSA], signatures[tagRSA])
	h.whole = slices.Concat(signatures[tagWholeDSA], signatures[tagWholeRSA])
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

// Verify checks the signatures over the main header as of now. Payload checks the rest of the
// file. Error and notes are those of the keys.
func (h *Header) Verify(keys Keys, now time.Time) (notes []string, err error) {
	notes, err = keys.VerifyDetached(h.signed, h.signatures, now)
	return notes, h.wrap(err)
}

func (h *Header) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("package %s: %w", h, err)
	}
	return nil
}

// Payload is the rest of a file that ReadHeader began, as it is written to it.
type Payload struct {
	io.Writer
	check func() (notes []string, err error)
}

// Check checks the payload, once all of it is written. Notes are those of the keys.
func (p *Payload) Check() (notes []string, err error) { return p.check() }

// Payload begins to check the rest of the file: against the digest of it in the main header
// or, as rpm before 4.14 wrote none there, by the signatures over header and payload as of now.
func (h *Header) Payload(keys Keys, now time.Time) (*Payload, error) {
	want := h.payload
	switch {
	case want == digest{} && len(h.whole) == 0:
		return nil, h.wrap(errors.New("neither a digest in its header nor a signature covers its payload"))
	case want == digest{}:
		text, verify := keys.BeginDetached(h.whole, now)
		if _, err := text.Write(h.signed); err != nil {
			return nil, h.wrap(err)
		}
		return &Payload{text, func() ([]string, error) {
			notes, err := verify()
			return notes, h.wrap(err)
		}}, nil
	case !want.hash.Available():
		return nil, h.wrap(errors.New("has no known digest of its payload"))
	}
	sum := want.hash.New()
	return &Payload{sum, func() ([]string, error) {
		if got := hex.EncodeToString(sum.Sum(nil)); got != want.hex {
			return nil, fmt.Errorf("package %s: its payload has the %v %s, the header says %.128q", h, want.hash, got, want.hex)
		}
		return nil, nil
	}}, nil
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

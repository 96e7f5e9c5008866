package mirror

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/asof/asof/manifest"
)

// Algorithm is a digest algorithm, strongest first.
type Algorithm uint8

const (
	SHA512 Algorithm = iota
	SHA384
	SHA256
	SHA224
	SHA1
	MD5
	algorithms
)

func (a Algorithm) String() string { return a.table().name }

// weak reports whether anybody can make two files with the same digest.
func (a Algorithm) weak() bool { return a >= SHA1 }

func (a Algorithm) table() algorithm {
	return [algorithms]algorithm{
		SHA512: {"SHA512", sha512.New, sha512.Size},
		SHA384: {"SHA384", sha512.New384, sha512.Size384},
		SHA256: {"SHA256", sha256.New, sha256.Size},
		SHA224: {"SHA224", sha256.New224, sha256.Size224},
		SHA1:   {"SHA1", sha1.New, sha1.Size},
		MD5:    {"MD5", md5.New, md5.Size},
	}[a]
}

type algorithm struct {
	name string
	new  func() hash.Hash
	size int // bytes in a digest
}

// Sums are the digests that upstream gives for a file, by Algorithm, in lower-case
// hexadecimal digits. Empty: not given.
type Sums [algorithms]string

// Set adds a digest. It fails if the digest is malformed or contradicts a known one.
func (s *Sums) Set(a Algorithm, digest string) error {
	if len(digest) != 2*a.table().size || strings.Trim(digest, "0123456789abcdef") != "" {
		return fmt.Errorf("%.140q is not a digest of %s", digest, a)
	}
	if have := s[a]; have != "" && have != digest {
		return fmt.Errorf("has two digests of %s, %s and %s", a, have, digest)
	}
	s[a] = digest
	return nil
}

// Contradiction returns an algorithm for which the two have different digests. The result
// is false if there is none.
func (s *Sums) Contradiction(other *Sums) (Algorithm, bool) {
	for a := range algorithms {
		if s[a] != "" && other[a] != "" && s[a] != other[a] {
			return a, true
		}
	}
	return 0, false
}

// Check refuses a file without a digest and, unless allowWeak is set, without a strong
// one.
func (s *Sums) Check(allowWeak bool) error {
	known := false
	for a := range algorithms {
		if s[a] == "" {
			continue
		}
		if allowWeak || !a.weak() {
			return nil
		}
		known = true
	}
	if known {
		return &weakError{}
	}
	return errors.New("has no digest")
}

// weakError is a file with only weak digests.
type weakError struct{}

func (*weakError) Error() string { return "only its MD5 or SHA-1 is known, which prove nothing" }
func (*weakError) Hint() string  { return "allow_weak: true accepts it, if you trust the way it came" }

// Listed is what upstream's documents say about a file.
type Listed struct {
	Size int64 // bytes; -1: unknown
	Sums Sums
}

// Verifier hashes what is written to it and compares it with what is listed. It checks
// every strong digest. It checks a weak digest, the strongest one, only if there is no
// strong one. It always computes the SHA-256.
type Verifier struct {
	want   Listed
	size   int64
	sha256 hash.Hash
	hashes [algorithms]hash.Hash // nil: not checked
	all    io.Writer
}

// NewVerifier makes a Verifier for one file.
func NewVerifier(want Listed) *Verifier {
	v := &Verifier{want: want, sha256: sha256.New()}
	writers := []io.Writer{v.sha256}
	compared := false
	for a := range algorithms {
		if want.Sums[a] == "" || (a.weak() && compared) {
			continue
		}
		compared = true
		if a == SHA256 {
			v.hashes[a] = v.sha256
			continue
		}
		v.hashes[a] = a.table().new()
		writers = append(writers, v.hashes[a])
	}
	v.all = io.MultiWriter(writers...)
	return v
}

// Write never fails.
func (v *Verifier) Write(p []byte) (int, error) {
	v.size += int64(len(p))
	return v.all.Write(p)
}

// Done checks size and digests, and returns the SHA-256. If they do not match, the error
// is both remote.ErrMoved and remote.ErrUnverified.
func (v *Verifier) Done() (manifest.Digest, error) {
	if v.want.Size >= 0 && v.size != v.want.Size {
		return manifest.Digest{}, other("has %s bytes, expected %d", countOf(v.size, v.want.Size), v.want.Size)
	}
	for a, h := range v.hashes {
		if h == nil {
			continue
		}
		if got, want := hex.EncodeToString(h.Sum(nil)), v.want.Sums[a]; got != want {
			return manifest.Digest{}, other("its %s is %s, expected %s", Algorithm(a), got, want)
		}
	}
	return manifest.Digest(v.sha256.Sum(nil)), nil
}

// countOf formats a number of bytes. Reading stops after want, so we don't know the real
// size of a longer file.
func countOf(got, want int64) string {
	if got > want {
		return fmt.Sprintf("more than %d", want)
	}
	return fmt.Sprint(got)
}

package simple

import (
	"fmt"
	"slices"
	"strings"
)

// Digest is one digest of a file.
type Digest struct {
	Algorithm string // as Python's hashlib names it
	Hex       string // in lower case
}

func (d Digest) String() string { return d.Algorithm + "=" + d.Hex }

// Digests are those of one file, each of another algorithm, the most trustworthy first. pip
// checks only the first one, and fails if it does not know the algorithm.
type Digests []Digest

// Strength says how far a digest can be trusted.
type Strength uint8

// None is that of no digest, or of ones by unknown algorithms. Anybody can make two files with
// the same Weak digest.
const (
	None Strength = iota
	Weak
	Strong
)

type algorithm struct {
	name     string
	digits   int
	strength Strength
	linked   bool // uv refuses a whole page for a link with another one
}

// algorithms begin with the one to prefer. blake2b is what uv takes for it; hashlib's is
// longer, and uv refuses a whole page for it.
var algorithms = [...]algorithm{
	{"sha256", 64, Strong, true},
	{"sha512", 128, Strong, true},
	{"sha384", 96, Strong, true},
	{"sha224", 56, Strong, false},
	{"sha1", 40, Weak, false},
	{"md5", 32, Weak, true},
	{"blake2b", 64, None, false},
}

// rank is an algorithm's place in algorithms. Unknown ones come last.
func rank(name string) int {
	for i := range algorithms {
		if algorithms[i].name == name {
			return i
		}
	}
	return len(algorithms)
}

func order(a, b Digest) int {
	if d := rank(a.Algorithm) - rank(b.Algorithm); d != 0 {
		return d
	}
	return strings.Compare(a.Algorithm, b.Algorithm)
}

// Of returns the digest by an algorithm, or an empty text.
func (d Digests) Of(algorithm string) string {
	for _, digest := range d {
		if digest.Algorithm == algorithm {
			return digest.Hex
		}
	}
	return ""
}

// Strongest returns the digest to check a file by: SHA-256, SHA-512, SHA-384 or SHA-224, else
// a weak one, SHA-1 or MD5.
func (d Digests) Strongest() (Digest, Strength) {
	if len(d) > 0 {
		if i := rank(d[0].Algorithm); i < len(algorithms) && algorithms[i].strength > None {
			return d[0], algorithms[i].strength
		}
	}
	return Digest{}, None
}

// With returns the digests with one more, or with another one of its algorithm.
func (d Digests) With(digest Digest) Digests {
	i, found := slices.BinarySearchFunc(d, digest, order)
	if found {
		d = slices.Clone(d)
		d[i] = digest
		return d
	}
	return slices.Insert(slices.Clip(d), i, digest)
}

// linked returns the digest for a link, if there is one that all installers know.
func (d Digests) linked() (Digest, bool) {
	for _, digest := range d {
		if i := rank(digest.Algorithm); i < len(algorithms) && algorithms[i].linked {
			return digest, true
		}
	}
	return Digest{}, false
}

// contradiction is an algorithm by which the two differ.
func (d Digests) contradiction(other Digests) (a, b Digest, ok bool) {
	for _, a := range d {
		if hex := other.Of(a.Algorithm); hex != "" && hex != a.Hex {
			return a, Digest{a.Algorithm, hex}, true
		}
	}
	return Digest{}, Digest{}, false
}

// agree reports whether both have the same digest by one algorithm.
func (d Digests) agree(other Digests) bool {
	return slices.ContainsFunc(d, func(a Digest) bool { return other.Of(a.Algorithm) == a.Hex })
}

// Bounds of a digest by an unknown algorithm.
const (
	minDigits    = 32
	maxDigits    = 256
	maxAlgorithm = 32
)

// newDigest reads a digest in either case.
func newDigest(name, digits string) (Digest, error) {
	d := Digest{strings.ToLower(name), strings.ToLower(digits)}
	i := rank(d.Algorithm)
	switch {
	case i < len(algorithms):
		d.Algorithm = algorithms[i].name // no copy for each file
		if len(d.Hex) != algorithms[i].digits {
			return Digest{}, fmt.Errorf("%.80q has not the %d digits of %s", digits, algorithms[i].digits, d.Algorithm)
		}
	case name == "" || len(name) > maxAlgorithm || strings.Trim(d.Algorithm, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "":
		return Digest{}, fmt.Errorf("%.80q is no algorithm", name)
	case len(digits) < minDigits || len(digits) > maxDigits:
		return Digest{}, fmt.Errorf("%.80q is no digest", digits)
	}
	if strings.Trim(d.Hex, "0123456789abcdef") != "" {
		return Digest{}, fmt.Errorf("%.80q is no hexadecimal number", digits)
	}
	return d, nil
}

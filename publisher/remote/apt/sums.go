package apt

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

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// sums are the digests that upstream gives of a file, in lower-case hexadecimal
// digits; empty: it does not.
type sums struct{ sha512, sha256, sha1, md5 string }

// set adds a digest of an algorithm; it must not contradict one that is known.
func (s *sums) set(a algorithm, digest string) error {
	if len(digest) != a.digits {
		return fmt.Errorf("%.140q is not a digest of %s", digest, a.name)
	}
	have := a.of(s)
	if *have != "" && *have != digest {
		return fmt.Errorf("has two digests of %s, %s and %s", a.name, *have, digest)
	}
	*have = digest
	return nil
}

// check refuses a file of which only broken digests, or none, are known.
func (s *sums) check(allowWeak bool) error {
	switch {
	case s.sha512 != "" || s.sha256 != "":
		return nil
	case s.sha1 == "" && s.md5 == "":
		return errors.New("has no digest")
	case !allowWeak:
		return &weakError{}
	}
	return nil
}

// weakError is a file of which only MD5 or SHA-1 are known.
type weakError struct{}

func (*weakError) Error() string { return "only its MD5 or SHA-1 is known, which prove nothing" }
func (*weakError) Hint() string  { return "allow_weak: true accepts it, if you trust the way it came" }

// algorithm is a kind of digest.
type algorithm struct {
	name   string // in Release, and in by-hash paths
	digits int
	of     func(*sums) *string
	new    func() hash.Hash
}

// algorithms are all kinds, the strongest first.
func algorithms() []algorithm {
	return []algorithm{
		{"SHA512", 2 * sha512.Size, func(s *sums) *string { return &s.sha512 }, sha512.New},
		{"SHA256", 2 * sha256.Size, func(s *sums) *string { return &s.sha256 }, sha256.New},
		{"SHA1", 2 * sha1.Size, func(s *sums) *string { return &s.sha1 }, sha1.New},
		{"MD5Sum", 2 * md5.Size, func(s *sums) *string { return &s.md5 }, md5.New},
	}
}

// listed is what upstream says of a file.
type listed struct {
	size int64 // bytes; -1: unknown
	sums sums
}

// verifier hashes what is written to it. It is done by every strong digest that
// is known, by the weak ones only where there is no other, and by SHA-256 in
// any case.
type verifier struct {
	want   listed
	size   int64
	hashes []check
	sha256 hash.Hash
	all    io.Writer
}

type check struct {
	algorithm
	hash.Hash
}

func newVerifier(want listed) *verifier {
	v := &verifier{want: want, sha256: sha256.New()}
	writers := []io.Writer{v.sha256}
	for _, a := range algorithms() {
		weak := a.name == "SHA1" || a.name == "MD5Sum"
		if *a.of(&want.sums) == "" || (weak && len(v.hashes) > 0) {
			continue
		}
		c := check{a, v.sha256}
		if a.name != "SHA256" {
			c.Hash = a.new()
			writers = append(writers, c.Hash)
		}
		v.hashes = append(v.hashes, c)
	}
	v.all = io.MultiWriter(writers...)
	return v
}

func (v *verifier) Write(p []byte) (int, error) {
	v.size += int64(len(p))
	return v.all.Write(p)
}

// done compares, and returns the SHA-256.
func (v *verifier) done() (manifest.Digest, error) {
	if v.want.size >= 0 && v.size != v.want.size {
		return manifest.Digest{}, mismatch("has %s bytes, expected %d", countOf(v.size, v.want.size), v.want.size)
	}
	for _, c := range v.hashes {
		if got, want := hex.EncodeToString(c.Sum(nil)), *c.of(&v.want.sums); got != want {
			return manifest.Digest{}, mismatch("its %s is %s, expected %s", c.name, got, want)
		}
	}
	return manifest.Digest(v.sha256.Sum(nil)), nil
}

// countOf is a number of bytes; a file that is too long was cut off.
func countOf(got, want int64) string {
	if got > want {
		return fmt.Sprintf("more than %d", want)
	}
	return fmt.Sprint(got)
}

// mismatchError is a file that is not what upstream said: it may have moved on,
// or it lies.
type mismatchError struct{ text string }

func mismatch(format string, args ...any) error {
	return &mismatchError{fmt.Sprintf(format, args...)}
}

func (e *mismatchError) Error() string { return e.text }

// Is makes it both a reason to capture again and, in the end, a failure to verify.
func (e *mismatchError) Is(target error) bool {
	return target == remote.ErrMoved || target == remote.ErrUnverified
}

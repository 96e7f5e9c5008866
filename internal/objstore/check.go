package objstore

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckKey checks a key against the rules of the package comment. The error is an
// ErrBadKey that names the broken rule. slashKeys allows a "/" at the end. Every
// driver calls it first, for every key: a valid key names one place below the
// store's root, whatever the kind of store.
func CheckKey(key string, slashKeys bool) error {
	if key == "" {
		return fmt.Errorf("%w: it is empty", ErrBadKey)
	}
	if len(key) > MaxKey {
		return fmt.Errorf("%w: %d bytes long, the limit is %d: %.64q", ErrBadKey, len(key), MaxKey, key)
	}
	path := key
	if strings.HasSuffix(key, "/") {
		if !slashKeys {
			return fmt.Errorf("%w: %q ends in a slash", ErrBadKey, key)
		}
		path = key[:len(key)-1]
	}
	for segment := range strings.SplitSeq(path, "/") {
		if err := checkSegment(key, segment); err != nil {
			return err
		}
	}
	return checkText(key)
}

// CheckPrefix checks a List prefix against the same rules, but it may be empty or
// end in a slash. (A prefix that ends in "/." could begin a key, but MinIO
// refuses it.)
func CheckPrefix(prefix string) error {
	if len(prefix) > MaxKey {
		return fmt.Errorf("%w: a prefix of %d bytes, the limit is %d: %.64q", ErrBadKey, len(prefix), MaxKey, prefix)
	}
	if path := strings.TrimSuffix(prefix, "/"); prefix != "" {
		for segment := range strings.SplitSeq(path, "/") {
			if err := checkSegment(prefix, segment); err != nil {
				return err
			}
		}
	}
	return checkText(prefix)
}

func checkSegment(key, segment string) error {
	switch segment {
	case "":
		return fmt.Errorf("%w: %q has an empty segment", ErrBadKey, key)
	case ".", "..":
		return fmt.Errorf("%w: %q has a segment %q", ErrBadKey, key, segment)
	}
	return nil
}

// checkText refuses characters that XML listings and terminals can't carry.
func checkText(key string) error {
	if !utf8.ValidString(key) {
		return fmt.Errorf("%w: %q is not UTF-8", ErrBadKey, key)
	}
	for _, r := range key {
		if unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF {
			return fmt.Errorf("%w: %q has a control character", ErrBadKey, key)
		}
	}
	return nil
}

// Bounds adjusts the arguments of List. It returns the after to use, which is
// empty or begins with prefix, and whether any key can match at all. Some stores
// (MinIO) return nothing for an after outside the prefix.
func Bounds(prefix, after string) (string, bool) {
	switch {
	case after == "" || strings.HasPrefix(after, prefix):
		return after, true
	case after < prefix:
		return "", true
	}
	return "", false
}

// CheckRange reports whether a range given to Open is inside an object of this
// size. All drivers use it, so that they refuse the same ranges.
func CheckRange(offset, length, size int64) error {
	switch {
	case offset < 0, length < Whole:
		return fmt.Errorf("bad range: offset %d, length %d", offset, length)
	case offset > size:
		return fmt.Errorf("offset %d is past the end at %d", offset, size)
	}
	return nil
}

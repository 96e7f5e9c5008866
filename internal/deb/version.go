package deb

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// CompareVersions orders two versions as dpkg does (deb-version(7)): -1 if a is older
// than b, 0 if they are equal, 1 if a is newer. "1.0", "1.0-0" and "0:1.0" are equal. It
// accepts any string; use CheckVersion to reject strings that are not versions.
func CompareVersions(a, b string) int {
	epochA, upstreamA, revisionA := split(a)
	epochB, upstreamB, revisionB := split(b)
	return cmp.Or(
		compare(epochA, epochB),
		compare(upstreamA, upstreamB),
		compare(revisionA, revisionB),
	)
}

// CheckVersion reports why dpkg would not accept a string as a version.
func CheckVersion(v string) error {
	err := checkVersion(v)
	if err != nil {
		return fmt.Errorf("version %.80q: %w", v, err)
	}
	return nil
}

func checkVersion(v string) error {
	epoch, upstream, revision := split(v)
	switch {
	case strings.Contains(v, ":") && (epoch == "" || strings.Trim(epoch, "0123456789") != ""):
		return errors.New("its epoch is no number")
	case compare(epoch, "2147483647") > 0:
		return errors.New("its epoch is too large")
	case upstream == "":
		return errors.New("it is empty")
	case !digit(upstream[0]):
		return errors.New("it does not begin with a digit")
	case strings.HasSuffix(v, "-"):
		return errors.New("its revision is empty")
	}
	for _, part := range []struct{ text, others string }{{upstream, ".+~-:"}, {revision, ".+~"}} {
		for _, c := range []byte(part.text) {
			if !digit(c) && !letter(c) && strings.IndexByte(part.others, c) < 0 {
				return fmt.Errorf("it must not hold %q", c)
			}
		}
	}
	return nil
}

// split splits a version into its parts, [epoch:]upstream[-revision].
func split(v string) (epoch, upstream, revision string) {
	if i := strings.IndexByte(v, ':'); i >= 0 {
		epoch, v = v[:i], v[i+1:]
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v, revision = v[:i], v[i+1:]
	}
	return epoch, v, revision
}

// compare compares one part of two versions. It alternates between text, compared
// character by character by weight, and numbers of any length.
func compare(a, b string) int {
	for a != "" || b != "" {
		for a != "" && !digit(a[0]) || b != "" && !digit(b[0]) {
			if c := cmp.Compare(weight(a), weight(b)); c != 0 {
				return c
			}
			a, b = a[1:], b[1:] // neither is empty: equal weights mean equal characters
		}
		var m, n string
		m, a = number(a)
		n, b = number(b)
		if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
			return c
		}
	}
	return 0
}

// weight returns the weight of the first character. A tilde sorts before the end of the
// text, the end before letters, and letters before everything else. A digit ends the
// text.
func weight(s string) int {
	switch {
	case s == "" || digit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case letter(s[0]):
		return int(s[0])
	}
	return int(s[0]) + 256
}

// number cuts the leading number off s, without its leading zeros.
func number(s string) (n, rest string) {
	s = strings.TrimLeft(s, "0")
	end := 0
	for end < len(s) && digit(s[end]) {
		end++
	}
	return s[:end], s[end:]
}

func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }

package rpm

import (
	"cmp"
	"strings"
)

// EVR is the version of a package: epoch, version and release. An empty Epoch is 0. An
// empty Release is no release.
type EVR struct {
	Epoch, Version, Release string
}

// ParseEVR splits [epoch:]version[-release] as rpm does: the epoch is the number before
// the first colon, the release is what follows the last hyphen. It accepts any string.
func ParseEVR(s string) (v EVR) {
	if epoch, rest, ok := strings.Cut(s, ":"); ok && strings.Trim(epoch, "0123456789") == "" {
		v.Epoch, s = epoch, rest
	}
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		s, v.Release = s[:i], s[i+1:]
	}
	v.Version = s
	return v
}

// String is the form that ParseEVR reads. It leaves out an epoch of 0.
func (v EVR) String() string {
	s := v.Version
	if strings.Trim(v.Epoch, "0") != "" {
		s = v.Epoch + ":" + s
	}
	if v.Release != "" {
		s += "-" + v.Release
	}
	return s
}

// Compare orders two versions as rpm orders packages (rpm-version(7)): -1 if v is older
// than w, 0 if they are equal, 1 if v is newer. A version without a release is older than
// the same with any. (In dependencies it stands for all releases; that is not decided here.)
func (v EVR) Compare(w EVR) int {
	return cmp.Or(
		compare(cmp.Or(v.Epoch, "0"), cmp.Or(w.Epoch, "0")),
		compare(v.Version, w.Version),
		cmp.Compare(min(len(v.Release), 1), min(len(w.Release), 1)),
		compare(v.Release, w.Release),
	)
}

// compare compares one part of two versions, as rpm's function rpmvercmp does. A part is
// numbers of any length, words, tildes and carets; what else stands between them only
// separates. A tilde sorts before the end of the part, a caret after it, then words, then
// numbers.
func compare(a, b string) int {
	for {
		var kindA, kindB kind
		var m, n string
		kindA, m, a = next(a)
		kindB, n, b = next(b)
		c := cmp.Compare(kindA, kindB)
		if c == 0 && kindA == digits {
			c = cmp.Compare(len(m), len(n))
		}
		if c = cmp.Or(c, cmp.Compare(m, n)); c != 0 || kindA == end {
			return c
		}
	}
}

// kind is what stands next in a part of a version, in the order in which they sort.
type kind int

const (
	tilde kind = iota
	end
	caret
	letters
	digits
)

// next cuts what stands next off s: a number without its leading zeros, a word, a tilde or
// a caret. The latter two have no text.
func next(s string) (k kind, text, rest string) {
	s = strings.TrimLeftFunc(s, separator)
	switch {
	case s == "":
		return end, "", ""
	case s[0] == '~':
		return tilde, "", s[1:]
	case s[0] == '^':
		return caret, "", s[1:]
	case digit(s[0]):
		s = strings.TrimLeft(s, "0")
		k, rest = digits, strings.TrimLeft(s, "0123456789")
	default:
		k, rest = letters, strings.TrimLeftFunc(s, letter)
	}
	return k, s[:len(s)-len(rest)], rest
}

// A separator is everything that is no letter or digit of ASCII, no tilde and no caret.
func separator(c rune) bool {
	return c >= 0x80 || !digit(byte(c)) && !letter(c) && c != '~' && c != '^'
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func letter(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

package python

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Version is a version (PEP 440): [epoch!]release[pre][.postN][.devN][+local]. Its numbers
// may have any number of digits. The zero Version is none.
type Version struct {
	epoch     number
	release   []number
	phase     phase // of a pre-release
	pre       number
	post, dev number   // empty: it is no such release
	local     []string // in lower case; numbers without leading zeros
}

// number is a whole number as text, without leading zeros.
type number string

func (n number) compare(o number) int {
	return cmp.Or(cmp.Compare(len(n), len(o)), cmp.Compare(n, o))
}

// phase says how far a pre-release is from its release.
type phase byte

const (
	final phase = iota
	alpha
	beta
	candidate
)

// ParseVersion reads a version in any of the spellings that PEP 440 allows: "v1.0-ALPHA.2" is
// 1.0a2, "1.0-1" is 1.0.post1.
func ParseVersion(text string) (Version, error) {
	v, rest, ok := scanVersion(strings.TrimFunc(text, isSpace))
	if ok {
		v.local, rest, ok = scanLocal(rest)
	}
	if !ok || rest != "" {
		return Version{}, fmt.Errorf("%.80q is no version", text)
	}
	return v, nil
}

// String returns the canonical form: "1!2.0a3.post4.dev5+local.6". Zeros at the end of the
// release stay, so equal versions may differ in it.
func (v Version) String() string {
	var b strings.Builder
	if v.epoch != "" && v.epoch != "0" {
		b.WriteString(string(v.epoch) + "!")
	}
	for i, n := range v.release {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(string(n))
	}
	if v.phase != final {
		b.WriteString([]string{alpha: "a", beta: "b", candidate: "rc"}[v.phase] + string(v.pre))
	}
	if v.post != "" {
		b.WriteString(".post" + string(v.post))
	}
	if v.dev != "" {
		b.WriteString(".dev" + string(v.dev))
	}
	if len(v.local) > 0 {
		b.WriteString("+" + strings.Join(v.local, "."))
	}
	return b.String()
}

// IsPrerelease reports whether it is an alpha, beta, release candidate or development
// release.
func (v Version) IsPrerelease() bool { return v.phase != final || v.dev != "" }

// Compare orders versions: -1 if v is older than o, 0 if they are equal (1.0 and 1.0.0 are),
// 1 if v is newer.
func (v Version) Compare(o Version) int {
	return cmp.Or(v.comparePublic(o), compareLocal(v.local, o.local))
}

// comparePublic compares all but the local parts.
func (v Version) comparePublic(o Version) int {
	return cmp.Or(
		v.compareRelease(o),
		cmp.Compare(v.rank(), o.rank()),
		v.pre.compare(o.pre),
		v.post.compare(o.post), // none is before 0
		compareDev(v.dev, o.dev),
	)
}

// compareRelease compares epochs and releases. Missing parts of a release are zeros.
func (v Version) compareRelease(o Version) int {
	if c := v.epoch.compare(o.epoch); c != 0 {
		return c
	}
	for i := range max(len(v.release), len(o.release)) {
		if c := v.part(i).compare(o.part(i)); c != 0 {
			return c
		}
	}
	return 0
}

func (v Version) part(i int) number {
	if i < len(v.release) {
		return v.release[i]
	}
	return "0"
}

// rank orders what is left of a version behind the release: 1.0.dev1, 1.0a1, 1.0b1, 1.0rc1,
// 1.0.
func (v Version) rank() int {
	switch {
	case v.phase != final:
		return int(v.phase)
	case v.post == "" && v.dev != "":
		return 0
	}
	return int(candidate) + 1
}

// compareDev puts development releases before what they develop.
func compareDev(a, b number) int {
	if a == "" || b == "" {
		return -cmp.Compare(len(a), len(b))
	}
	return a.compare(b)
}

// compareLocal compares part by part: words before numbers, a shorter one before what it
// begins.
func compareLocal(a, b []string) int {
	return slices.CompareFunc(a, b, func(a, b string) int {
		switch x, y := isNumber(a), isNumber(b); {
		case x && y:
			return number(a).compare(number(b))
		case x:
			return 1
		case y:
			return -1
		}
		return cmp.Compare(a, b)
	})
}

// Compare orders the texts of versions for display. What is no version is older than every
// version, and in the order of its bytes.
func Compare(a, b string) int {
	v, errV := ParseVersion(a)
	o, errO := ParseVersion(b)
	switch {
	case errV != nil && errO != nil:
		return cmp.Compare(a, b)
	case errV != nil:
		return -1
	case errO != nil:
		return 1
	}
	return v.Compare(o)
}

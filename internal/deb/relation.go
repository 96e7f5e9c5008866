package deb

import (
	"errors"
	"fmt"
	"strings"
)

// Dependency is one part of a field like Depends. Any one of its alternatives satisfies
// it.
type Dependency []Relation

// Relation names a package and the versions of it that are acceptable.
type Relation struct {
	Name    string
	Arch    string   // after the name: "any", "native" or an architecture; empty: none
	Op      Op       // empty: any version
	Version string   // the version that Op compares with
	Archs   []string // architectures it applies to, or doesn't ("!amd64"); only in sources
	Profile string   // build profiles, as written, without the outer <>; only in sources
}

// Op compares versions.
type Op string

const (
	Any     Op = ""
	Earlier Op = "<<"
	AtMost  Op = "<="
	Equal   Op = "="
	AtLeast Op = ">="
	Later   Op = ">>"
)

// SatisfiedBy reports whether the relation accepts a version. A virtual package has an
// empty version, which satisfies only a relation without a version.
func (r Relation) SatisfiedBy(version string) bool {
	if r.Op == Any {
		return true
	}
	if version == "" {
		return false
	}
	c := CompareVersions(version, r.Version)
	switch r.Op {
	case Earlier:
		return c < 0
	case AtMost:
		return c <= 0
	case Equal:
		return c == 0
	case AtLeast:
		return c >= 0
	}
	return c > 0
}

// ParseDependencies reads a field like Depends, Provides or Build-Depends:
//
//	libc6 (>= 2.36), python3:any | python3.11, dh-python [!hurd-any] <!nocheck>
func ParseDependencies(field string) ([]Dependency, error) {
	var list []Dependency
	for part := range strings.SplitSeq(field, ",") {
		if part = strings.Trim(part, blanks); part == "" {
			continue // dpkg accepts a trailing comma, too
		}
		var d Dependency
		for alternative := range strings.SplitSeq(part, "|") {
			r, err := parseRelation(strings.Trim(alternative, blanks))
			if err != nil {
				return nil, fmt.Errorf("dependency %.120q: %w", part, err)
			}
			d = append(d, r)
		}
		list = append(list, d)
	}
	return list, nil
}

const blanks = " \t\r\n"

func parseRelation(s string) (r Relation, err error) {
	end := strings.IndexAny(s, blanks+"([<")
	if end < 0 {
		end = len(s)
	}
	r.Name, r.Arch, _ = strings.Cut(s[:end], ":")
	if err := CheckName(r.Name); err != nil {
		return r, err
	}
	if strings.HasSuffix(s[:end], ":") || strings.Contains(r.Arch, ":") {
		return r, fmt.Errorf("%q is no architecture", r.Arch)
	}
	s = strings.Trim(s[end:], blanks)
	if strings.HasPrefix(s, "(") {
		version, rest, ok := strings.Cut(s[1:], ")")
		if !ok {
			return r, errors.New("a parenthesis is not closed")
		}
		if r.Op, r.Version, err = parseConstraint(version); err != nil {
			return r, err
		}
		s = strings.Trim(rest, blanks)
	}
	if strings.HasPrefix(s, "[") {
		list, rest, ok := strings.Cut(s[1:], "]")
		if r.Archs = strings.Fields(list); !ok || len(r.Archs) == 0 {
			return r, errors.New("a list of architectures is empty or not closed")
		}
		s = strings.Trim(rest, blanks)
	}
	if strings.HasPrefix(s, "<") {
		if len(s) < 3 || !strings.HasSuffix(s, ">") {
			return r, errors.New("a list of profiles is empty or not closed")
		}
		r.Profile, s = s[1:len(s)-1], ""
	}
	if s != "" {
		return r, fmt.Errorf("%q can't stand there", s)
	}
	return r, nil
}

// parseConstraint reads the text between the parentheses.
func parseConstraint(s string) (Op, string, error) {
	s = strings.Trim(s, blanks)
	end := len(s) - len(strings.TrimLeft(s, "<>="))
	op, version := Op(s[:end]), strings.Trim(s[end:], blanks)
	switch op {
	case "<", ">": // old spellings: they have always meant this
		op += "="
	case Any:
		op = Equal
	case Earlier, AtMost, Equal, AtLeast, Later:
	default:
		return op, version, fmt.Errorf("%q compares nothing", op)
	}
	if version == "" || strings.ContainsAny(version, blanks) {
		return op, version, fmt.Errorf("%q is no version", version)
	}
	return op, version, nil // apt compares any string, so we must, too
}

// CheckName reports why a string can't be a package name. The rules are those of Debian
// Policy, section 5.6.7, but upper case and underscores are allowed, because archives
// other than Debian's use them.
func CheckName(name string) error {
	for i, c := range []byte(name) {
		if !letter(c) && !digit(c) && (i == 0 || strings.IndexByte("+-._", c) < 0) {
			return fmt.Errorf("%.80q is no name of a package", name)
		}
	}
	if name == "" {
		return errors.New("a name of a package is missing")
	}
	return nil
}

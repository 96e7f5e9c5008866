package python

import (
	"fmt"
	"strings"
)

// Tags says where a wheel runs (PEP 425): wherever one of its Pythons, one of its ABIs and one
// of its platforms is at home. All are in lower case.
type Tags struct {
	Pythons, ABIs, Platforms []string
}

// parseTags reads the last three parts of a wheel's name. Each is a list with dots.
func parseTags(parts []string) (Tags, error) {
	var lists [3][]string
	for i, part := range parts {
		lists[i] = strings.Split(lower(part), ".")
		for _, tag := range lists[i] {
			if tag == "" || i == 0 && !isIdentifier(tag) {
				return Tags{}, fmt.Errorf("%q is no list of tags", part)
			}
		}
	}
	return Tags{lists[0], lists[1], lists[2]}, nil
}

func isIdentifier(tag string) bool {
	for i := range len(tag) {
		if !isLetter(tag[i]) && tag[i] != '_' && (i == 0 || !isDigit(tag[i])) {
			return false
		}
	}
	return true
}

// String returns the tags as in a wheel's name.
func (t Tags) String() string {
	return strings.Join(t.Pythons, ".") + "-" + strings.Join(t.ABIs, ".") + "-" + strings.Join(t.Platforms, ".")
}

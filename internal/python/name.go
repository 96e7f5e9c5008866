package python

import (
	"fmt"
	"strings"
)

// NormalizeName returns the one spelling of a project's or extra's name that indexes and
// comparisons use (PEP 503, PEP 685): "Foo._Bar" is foo-bar.
func NormalizeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch {
		case !isSeparator(name[i]):
			b.WriteByte(name[i])
		case i == 0 || !isSeparator(name[i-1]):
			b.WriteByte('-')
		}
	}
	return strings.ToLower(b.String())
}

// CheckName reports why a text can't be the name of a project or an extra. A name is made of
// ASCII letters, digits, ".", "_" and "-", and begins and ends with a letter or digit.
func CheckName(name string) error {
	for i := range len(name) {
		inside := 0 < i && i < len(name)-1 && isSeparator(name[i])
		if !isLetter(name[i]) && !isDigit(name[i]) && !inside {
			return fmt.Errorf("%.80q is no name of a project", name)
		}
	}
	if name == "" {
		return fmt.Errorf("%q is no name of a project", name)
	}
	return nil
}

package simple

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

func normalizeName(name string) string {
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

func isSeparator(c byte) bool { return c == '-' || c == '_' || c == '.' }

func checkName(name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	if name == "" || isSeparator(name[0]) || isSeparator(name[len(name)-1]) ||
		strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(letters+"-_.", r) }) {
		return fmt.Errorf("%.80q is no name of a project", name)
	}
	return nil
}

func checkFileName(name string) error {
	switch {
	case name == "" || strings.Trim(name, ".") == "":
		return fmt.Errorf("file name %.80q: it names no file", name)
	case len(name) > 255:
		return fmt.Errorf("file name %.80q: it has more than 255 bytes", name)
	case strings.ContainsAny(name, `/\`):
		return fmt.Errorf("file name %.80q: it leads into another folder", name)
	case strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name):
		return fmt.Errorf("file name %.80q: it holds control characters or is no UTF-8", name)
	}
	return nil
}

var errNoDistribution = errors.New("its ending is none of a wheel, an sdist or anything old")

func checkFile(name, project string) error {
	stem := ""
	for _, ending := range [...]string{
		".whl", ".tar.gz", ".zip", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz", ".tar.lzma",
		".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg",
	} {
		if s, found := strings.CutSuffix(name, ending); found {
			stem = s
			break
		}
	}
	if stem == "" {
		return errNoDistribution
	}
	if rest := trimProject(stem, project); len(rest) < 2 || rest[0] != '-' {
		return fmt.Errorf("it is not %q with a version", project)
	}
	return nil
}

func trimProject(stem, project string) (rest string) {
	for i := range len(project) {
		switch {
		case project[i] == '-':
			trimmed := strings.TrimLeft(stem, "-_.")
			if len(trimmed) == len(stem) {
				return ""
			}
			stem = trimmed
		case stem != "" && strings.ToLower(stem[:1]) == project[i:i+1]:
			stem = stem[1:]
		default:
			return ""
		}
	}
	return stem
}

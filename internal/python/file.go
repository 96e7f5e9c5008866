package python

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// File is what the name of a project's file says.
type File struct {
	Kind    Kind
	Version string // as in the name; ParseVersion may refuse it, and then pip skips the file
	Build   string // of a wheel: "1", "2abc"; mostly empty
	Tags    Tags   // of a wheel
}

// Kind is what installers do with a file.
type Kind int

const (
	Wheel Kind = iota + 1
	Sdist
	Other // eggs, installers and packages of systems: nobody installs them any more
)

// MaxFileName is how many bytes the name of a file may have.
const MaxFileName = 255

// CheckFileName reports why a text can't be a file's name in an index, whatever it is: it
// would lead elsewhere or could not be stored.
func CheckFileName(name string) error {
	if err := checkFileName(name); err != nil {
		return fmt.Errorf("file name %.80q: %w", name, err)
	}
	return nil
}

func checkFileName(name string) error {
	switch {
	case name == "" || strings.Trim(name, ".") == "":
		return errors.New("it names no file")
	case len(name) > MaxFileName:
		return fmt.Errorf("it has more than %d bytes", MaxFileName)
	case strings.ContainsAny(name, `/\`):
		return errors.New("it leads into another folder")
	case strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name):
		return errors.New("it holds control characters or is no UTF-8")
	}
	return nil
}

// sdistEndings are those that pip takes.
var sdistEndings = [...]string{".tar.gz", ".zip", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz", ".tar.lzma"}

var otherEndings = [...]string{".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg"}

// ParseFile reads the name of a file on a project's page, the name already decoded from its
// URL. As pip does, it takes for the version of an sdist what follows the project's name, in
// any of the name's spellings.
func ParseFile(name, project string) (File, error) {
	f, err := parseFile(name, NormalizeName(project))
	if err != nil {
		return File{}, fmt.Errorf("file %.80q: %w", name, err)
	}
	return f, nil
}

func parseFile(name, project string) (File, error) {
	if err := checkFileName(name); err != nil {
		return File{}, err
	}
	if stem, found := strings.CutSuffix(name, ".whl"); found {
		return parseWheel(stem, project)
	}
	for _, ending := range sdistEndings {
		if stem, found := strings.CutSuffix(name, ending); found {
			version, err := versionBehind(stem, project)
			return File{Kind: Sdist, Version: trimPython(version)}, err
		}
	}
	for _, ending := range otherEndings {
		if stem, found := strings.CutSuffix(name, ending); found {
			version, err := versionBehind(stem, project)
			return File{Kind: Other, Version: trimPlatform(version)}, err
		}
	}
	return File{}, errors.New("its ending is none of a wheel, an sdist or anything old")
}

// versionBehind returns what follows the project's name.
func versionBehind(stem, project string) (string, error) {
	for i := range len(stem) {
		if stem[i] == '-' && NormalizeName(stem[:i]) == project {
			if i == len(stem)-1 {
				break
			}
			return stem[i+1:], nil
		}
	}
	return "", fmt.Errorf("it is not %q with a version", project)
}

// trimPython cuts off the Python version of an sdist that is for one only: "1.0-py2.7".
func trimPython(version string) string {
	i := strings.LastIndex(version, "-py")
	if i <= 0 {
		return version
	}
	if n := strings.Replace(version[i+len("-py"):], ".", "", 1); len(n) > 2 || !isNumber(n) || n[0] < '1' || n[0] > '3' {
		return version
	}
	return version[:i]
}

// trimPlatform cuts off what old kinds of files say of platforms: "1.0.win32-py2.7".
func trimPlatform(version string) string {
	version, _, _ = strings.Cut(version, "-")
	for _, platform := range []string{".win", ".linux", ".macosx"} {
		version, _, _ = strings.Cut(version, platform)
	}
	return version
}

// parseWheel reads name-version[-build]-python-abi-platform (PEP 427).
func parseWheel(stem, project string) (f File, err error) {
	parts := strings.Split(stem, "-")
	if len(parts) != 5 && len(parts) != 6 {
		return f, errors.New("a wheel's name has five or six parts with \"-\" between them")
	}
	if NormalizeName(parts[0]) != project {
		return f, fmt.Errorf("it is a wheel of %q, not of %q", NormalizeName(parts[0]), project)
	}
	f = File{Kind: Wheel, Version: parts[1]}
	if f.Version == "" {
		return f, errors.New("its version is empty")
	}
	if len(parts) == 6 {
		if f.Build = parts[2]; f.Build == "" || !isDigit(f.Build[0]) {
			return f, fmt.Errorf("its build %q does not begin with a digit", f.Build)
		}
	}
	f.Tags, err = parseTags(parts[len(parts)-3:])
	return f, err
}

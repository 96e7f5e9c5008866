package python

import (
	"strconv"
	"strings"
)

// Environment is where a requirement is asked for: the values of a marker's variables. An
// empty one is not known.
type Environment struct {
	PythonVersion                string // "3.11"
	PythonFullVersion            string // "3.11.4"; not known: any that begins with PythonVersion
	OSName                       string // "posix", "nt"
	SysPlatform                  string // "linux", "darwin", "win32"
	PlatformMachine              string // "x86_64", "aarch64", "arm64", "AMD64"
	PlatformSystem               string // "Linux", "Darwin", "Windows"
	PlatformRelease              string
	PlatformVersion              string
	PlatformPythonImplementation string // "CPython", "PyPy"
	ImplementationName           string // "cpython", "pypy"
	ImplementationVersion        string
}

// Truth is what a marker is in an environment.
type Truth int

// They stand in this order: a group with "and" is its least part, one with "or" its greatest.
// As there is no "not", an unknown part never turns what holds into what does not.
const (
	No Truth = iota
	Unknown
	Yes
)

func truth(yes bool) Truth {
	if yes {
		return Yes
	}
	return No
}

// Holds reports whether a requirement counts in an environment for one of the extras that were
// asked for, as pip decides; without extras for none. What is not known counts.
func (m Marker) Holds(e Environment, extras ...string) bool {
	if len(extras) == 0 {
		return m.Evaluate(e, "") != No
	}
	for _, extra := range extras {
		if m.Evaluate(e, extra) != No {
			return true
		}
	}
	return false
}

// Evaluate says what a marker is for one extra; an empty one is none. Unknown are comparisons
// of values that are not known and those that PEP 508 leaves undefined.
func (m Marker) Evaluate(e Environment, extra string) Truth {
	return m.evaluate(e, NormalizeName(extra))
}

func (m Marker) evaluate(e Environment, extra string) Truth {
	result := truth(m.alternatives == nil)
	for _, all := range m.alternatives {
		least := Yes
		for _, part := range all {
			least = min(least, part.evaluate(e, extra))
		}
		result = max(result, least)
	}
	return result
}

func (p markerPart) evaluate(e Environment, extra string) Truth {
	if p.op == "" {
		return p.marker.evaluate(e, extra)
	}
	variable := p.right.text
	if p.left.variable {
		variable = p.left.text
	}
	result := Unknown
	for i, value := range e.values(variable, extra) {
		one := p.compare(variable, value)
		if i > 0 && one != result {
			return Unknown
		}
		result = one
	}
	return result
}

// maxPatch is the last patch release of a Python version that is thought of.
const maxPatch = 31

// values returns what a variable may be. None: nothing is known of it.
func (e Environment) values(variable, extra string) []string {
	if variable == "extra" {
		return []string{extra}
	}
	value := map[string]string{
		"python_version":                 e.PythonVersion,
		"python_full_version":            e.PythonFullVersion,
		"os_name":                        e.OSName,
		"sys_platform":                   e.SysPlatform,
		"platform_machine":               e.PlatformMachine,
		"platform_system":                e.PlatformSystem,
		"platform_release":               e.PlatformRelease,
		"platform_version":               e.PlatformVersion,
		"platform_python_implementation": e.PlatformPythonImplementation,
		"implementation_name":            e.ImplementationName,
		"implementation_version":         e.ImplementationVersion,
	}[variable]
	switch {
	case value != "":
		return []string{value}
	case variable == "python_full_version" && e.PythonVersion != "":
		return fullVersions(e.PythonVersion)
	}
	return nil
}

// fullVersions returns the patch releases that a Python version may have.
func fullVersions(python string) []string {
	var list []string
	for patch := range maxPatch + 1 {
		list = append(list, python+"."+strconv.Itoa(patch))
	}
	return list
}

// compare compares the two sides, with a value in place of the variable.
func (p markerPart) compare(variable, value string) Truth {
	left, right := value, p.right.text
	if !p.left.variable {
		left, right = p.left.text, value
	}
	switch variable {
	case "python_version", "python_full_version", "implementation_version", "platform_release":
		if s, err := parseSpecifier(strings.TrimFunc(p.op+right, isSpace), false); err == nil {
			return s.holds(left)
		}
	}
	switch p.op {
	case "in":
		return truth(strings.Contains(right, left))
	case "not in":
		return truth(!strings.Contains(right, left))
	case "==", "<=", ">=":
		return truth(left == right)
	case "!=":
		return truth(left != right)
	case "<", ">":
		return No
	}
	return Unknown
}

// holds compares with what may be no version.
func (s Specifier) holds(text string) Truth {
	if s.op == "===" {
		return truth(lower(text) == lower(s.text))
	}
	v, err := ParseVersion(text)
	return truth(err == nil && s.fits(v))
}

package python

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Target is a Python on a platform, for which files are selected.
type Target struct {
	implementation string // cp or pp
	major, minor   int
	freeThreaded   bool
	platform       platform
	python         string    // "3.11"
	full           string    // "3.11.4"; empty: any patch release
	versions       []Version // all that full may be
}

// anyPlatform is for those who want only what runs everywhere.
const anyPlatform = "any"

var targetPython = regexp.MustCompile(`^(pp)?([23])\.(0|[1-9][0-9]?)(\.(?:0|[1-9][0-9]?))?(t)?$`)

var platformTag = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)

// ParseTarget reads a Python version and a platform's tag. The version is like "3.11",
// "3.11.4", "3.13t" (free-threaded) or "pp3.10" (PyPy). The platform is like
// manylinux_2_28_x86_64, which takes what is made for older glibc, musllinux_1_2_aarch64,
// macosx_14_0_arm64, win_amd64, or "any" for what runs everywhere. As with pip,
// linux_x86_64 takes only wheels with this very tag.
func ParseTarget(python, platform string) (Target, error) {
	m := targetPython.FindStringSubmatch(python)
	if m == nil || m[1] != "" && m[5] != "" {
		return Target{}, fmt.Errorf("%.80q is no version of Python, like 3.11, 3.11.4, 3.13t or pp3.10", python)
	}
	if !platformTag.MatchString(platform) {
		return Target{}, fmt.Errorf("%.80q is no tag of a platform, like manylinux_2_28_x86_64 or win_amd64", platform)
	}
	t := Target{
		implementation: m[1],
		freeThreaded:   m[5] != "",
		platform:       parsePlatform(platform),
		python:         m[2] + "." + m[3],
	}
	if t.implementation == "" {
		t.implementation = "cp"
	}
	t.major, _ = strconv.Atoi(m[2]) // the expression lets only numbers pass
	t.minor, _ = strconv.Atoi(m[3])
	fulls := fullVersions(t.python)
	if m[4] != "" {
		t.full = t.python + m[4]
		fulls = []string{t.full}
	}
	for _, full := range fulls {
		v, err := ParseVersion(full)
		if err != nil {
			return Target{}, err
		}
		t.versions = append(t.versions, v)
	}
	return t, nil
}

// Fits reports whether a wheel can be installed there, by its tags.
func (t Target) Fits(tags Tags) bool {
	everywhere := slices.Contains(tags.Platforms, anyPlatform)
	here := t.platform.text != anyPlatform && slices.ContainsFunc(tags.Platforms, t.platform.takes)
	for _, python := range tags.Pythons {
		for _, abi := range tags.ABIs {
			if here && t.takes(python, abi) || everywhere && abi == "none" && t.takesPure(python) {
				return true
			}
		}
	}
	return false
}

// takes reports whether Python and ABI of a wheel for its platform fit.
func (t Target) takes(python, abi string) bool {
	own := t.implementation + strconv.Itoa(t.major) + strconv.Itoa(t.minor)
	switch {
	case abi == "none":
		return python == own || t.takesGeneric(python)
	case t.implementation == "pp":
		return python == own && strings.HasPrefix(abi, "pypy"+own[len("pp"):]+"_")
	case abi == t.stableABI():
		minor := minorOf(python, "cp3")
		return t.major == 3 && 2 <= minor && minor <= t.minor
	}
	return python == own && slices.Contains(t.abis(own), abi)
}

// takesPure reports whether the Python of a wheel for any platform fits.
func (t Target) takesPure(python string) bool {
	if t.implementation == "pp" {
		return python == "pp3" || t.takesGeneric(python)
	}
	return t.takes(python, "none")
}

// takesGeneric reports whether a tag for all implementations fits: py3, py311 or an older one.
func (t Target) takesGeneric(python string) bool {
	generic := "py" + strconv.Itoa(t.major)
	minor := minorOf(python, generic)
	return python == generic || 0 <= minor && minor <= t.minor
}

func (t Target) stableABI() string {
	if t.freeThreaded {
		return "abi3t" // PEP 803
	}
	return "abi3"
}

// abis returns the ABIs of a CPython's own.
func (t Target) abis(own string) []string {
	switch {
	case t.freeThreaded:
		return []string{own + "t"}
	case t.major == 2 || t.minor < 3:
		return []string{own + "m", own + "mu"}
	case t.minor < 8:
		return []string{own + "m"}
	}
	return []string{own}
}

// minorOf returns the minor version of a tag that begins like this; -1: it is none.
func minorOf(tag, begin string) int {
	digits, found := strings.CutPrefix(tag, begin)
	minor, err := strconv.Atoi(digits)
	if !found || err != nil || strconv.Itoa(minor) != digits {
		return -1
	}
	return minor
}

// Runs reports whether a Requires-Python allows it. A patch release that is not known may be
// any.
func (t Target) Runs(requiresPython Specifiers) bool {
	return slices.ContainsFunc(t.versions, func(v Version) bool { return requiresPython.Contains(v, true) })
}

// Environment returns what is known there of a marker's variables.
func (t Target) Environment() Environment {
	e := Environment{PythonVersion: t.python, PythonFullVersion: t.full}
	if t.implementation == "pp" {
		e.PlatformPythonImplementation, e.ImplementationName = "PyPy", "pypy"
	} else {
		e.PlatformPythonImplementation, e.ImplementationName, e.ImplementationVersion = "CPython", "cpython", t.full
	}
	switch t.platform.family {
	case "linux", "manylinux", "musllinux":
		e.OSName, e.SysPlatform, e.PlatformSystem, e.PlatformMachine = "posix", "linux", "Linux", t.platform.arch
		if t.major == 2 {
			e.SysPlatform = "linux2"
		}
	case "macosx":
		e.OSName, e.SysPlatform, e.PlatformSystem = "posix", "darwin", "Darwin"
		if t.platform.arch == "arm64" || t.platform.arch == "x86_64" {
			e.PlatformMachine = t.platform.arch
		}
	}
	switch t.platform.text {
	case "win32", "win_amd64", "win_arm64": // a win32 Python may run on any machine
		e.OSName, e.SysPlatform, e.PlatformSystem = "nt", "win32", "Windows"
		e.PlatformMachine = map[string]string{"win_amd64": "AMD64", "win_arm64": "ARM64"}[t.platform.text]
	}
	return e
}

// String names the Python and the platform.
func (t Target) String() string {
	text := t.python
	if t.full != "" {
		text = t.full
	}
	if t.implementation == "pp" {
		text = "pp" + text
	}
	if t.freeThreaded {
		text += "t"
	}
	return text + " on " + t.platform.text
}

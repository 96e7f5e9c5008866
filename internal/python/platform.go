package python

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// platform is what a tag says of the system: manylinux_2_28_x86_64.
type platform struct {
	text         string
	family       string // manylinux, musllinux, macosx or linux; empty: one that is only like itself
	major, minor int    // of glibc, musl or macOS
	arch         string
}

// glibc of the names that came before PEP 600.
var oldManylinux = map[string]int{"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}

func parsePlatform(text string) platform {
	family, rest, _ := strings.Cut(text, "_")
	if minor := oldManylinux[family]; minor > 0 {
		return platform{text, "manylinux", 2, minor, rest}
	}
	switch family {
	case "linux":
		return platform{text: text, family: family, arch: rest}
	case "manylinux", "musllinux", "macosx":
		parts := strings.SplitN(rest, "_", 3)
		if len(parts) < 3 {
			break
		}
		major, errMajor := strconv.ParseUint(parts[0], 10, 16)
		minor, errMinor := strconv.ParseUint(parts[1], 10, 16)
		if errMajor == nil && errMinor == nil {
			return platform{text, family, int(major), int(minor), parts[2]}
		}
	}
	return platform{text: text}
}

// takes reports whether what is made for the other platform runs on p.
func (p platform) takes(text string) bool {
	o := parsePlatform(text)
	switch {
	case p.family == "macosx":
		return p.takesMac(o)
	case p.text == o.text:
		return true
	case p.arch != o.arch:
		return false
	case o.family == "linux":
		return p.family == "manylinux" || p.family == "musllinux"
	case p.family == "manylinux" && o.family == "manylinux": // PEP 600
		return o.compare(p.major, p.minor) <= 0 && o.compare(2, p.oldest()) >= 0
	case p.family == "musllinux" && o.family == "musllinux": // PEP 656
		return o.major == p.major && o.minor <= p.minor
	}
	return false
}

func (p platform) compare(major, minor int) int {
	return cmp.Or(cmp.Compare(p.major, major), cmp.Compare(p.minor, minor))
}

// oldest is the minor version of the oldest glibc that wheels are made for.
func (p platform) oldest() int {
	if p.arch == "x86_64" || p.arch == "i686" {
		return 5
	}
	return 17
}

// takesMac reports what runs on a macOS. Since version 11 only major versions count. All run
// universal2 binaries that are made for 10 and hold code for them.
func (p platform) takesMac(o platform) bool {
	if o.family != "macosx" {
		return false
	}
	formats := p.formats()
	switch {
	case p.major == 10:
		return o.major == 10 && o.minor <= p.minor && (o.minor >= 4 || len(formats) == 1) && slices.Contains(formats, o.arch)
	case o.major == 10:
		if p.arch != "x86_64" {
			formats = []string{"universal2"}
		}
		return 4 <= o.minor && o.minor <= 16 && slices.Contains(formats, o.arch)
	}
	return 11 <= o.major && o.major <= p.major && o.minor == 0 && slices.Contains(formats, o.arch)
}

// formats returns the kinds of binaries that hold code for a Mac.
func (p platform) formats() []string {
	switch p.arch {
	case "arm64":
		return []string{"arm64", "universal2"}
	case "x86_64":
		return []string{"x86_64", "intel", "fat64", "fat3", "universal2", "universal"}
	case "i386":
		return []string{"i386", "intel", "fat3", "fat", "universal"}
	}
	return []string{p.arch}
}

package rpm

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Limits of a list of mirrors.
const (
	MaxMirrorList = 4 << 20 // bytes
	maxMirrors    = 10_000
	maxVersions   = 1000
	maxHashes     = 16 // of one version
)

// ParseMirrorlist reads a mirrorlist: the URL of a repository in each line. It passes over
// comments, other protocols and URLs with variables, as librepo does. A list without a
// single one is an error, and so is a page.
func ParseMirrorlist(data []byte) (mirrors []string, err error) {
	if text := bytes.TrimSpace(data); bytes.HasPrefix(text, []byte("<")) {
		return nil, errors.New("is no list of URLs; if it is a metalink, name it as one")
	}
	for line := range bytes.Lines(data) {
		u := strings.TrimSpace(string(line))
		if isMirror(u) && !slices.Contains(mirrors, folder(u)) {
			mirrors = append(mirrors, folder(u))
		}
		if len(mirrors) > maxMirrors {
			return nil, fmt.Errorf("lists more than %d mirrors", maxMirrors)
		}
	}
	if len(mirrors) == 0 {
		return nil, errors.New("lists no mirror that is reached by HTTP or HTTPS")
	}
	return mirrors, nil
}

func folder(u string) string { return strings.TrimRight(u, "/") + "/" }

// isMirror reports whether a text is the URL of a mirror that can be asked.
func isMirror(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= MaxValue && !strings.Contains(text, "$") && (u.Scheme == "http" || u.Scheme == "https") &&
		u.Hostname() != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && !strings.Contains(text, "#")
}

// Metalink is a list of mirrors that says which repomd.xml is right, and which earlier ones
// still are.
type Metalink struct {
	Mirrors  []string  // URLs of the repository, with a slash at the end; the best first
	Versions []Version // of repomd.xml: the newest, then the alternates
}

// Version is one version of repomd.xml.
type Version struct {
	Timestamp int64 // seconds since 1970; -1: not given
	Size      int64 // bytes; -1: not given
	Hashes    []Checksum
}

// ParseMetalink reads a metalink of MirrorManager: version 3.0 of Metalink with alternates.
// The caller must check the hashes. There may be none, or none of a known type.
func ParseMetalink(data []byte) (*Metalink, error) {
	x, err := newDocument(bytes.NewReader(data), "metalink")
	if err != nil {
		return nil, err
	}
	out := &Metalink{}
	var found []ratedMirror
	there := false
	err = x.within("files", func() error {
		return x.children(func(e xml.StartElement) error {
			if e.Name.Local != "file" || attr(e, "name") != "repomd.xml" {
				return x.skip()
			}
			if there {
				return x.fail(errors.New("lists repomd.xml twice"))
			}
			there = true
			return x.metalinkFile(out, &found)
		})
	})
	if err == nil {
		err = x.end()
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b ratedMirror) int { return cmp.Compare(b.preference, a.preference) })
	for _, m := range found {
		if !slices.Contains(out.Mirrors, m.url) {
			out.Mirrors = append(out.Mirrors, m.url)
		}
	}
	switch {
	case !there:
		return nil, errors.New("does not list repomd.xml")
	case len(out.Mirrors) == 0:
		return nil, errors.New("lists no mirror that is reached by HTTP or HTTPS")
	}
	return out, nil
}

type ratedMirror struct {
	url        string
	preference int64 // higher is better
}

// within calls f in each child of the open element that has a name.
func (x *document) within(name string, f func() error) error {
	return x.children(func(e xml.StartElement) error {
		if e.Name.Local != name {
			return x.skip()
		}
		return f()
	})
}

// metalinkFile reads the element file of repomd.xml. The first version is the newest.
func (x *document) metalinkFile(out *Metalink, mirrors *[]ratedMirror) error {
	newest := Version{Timestamp: -1, Size: -1}
	var alternates []Version
	err := x.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "alternates":
			return x.within("alternate", func() error {
				v := Version{Timestamp: -1, Size: -1}
				err := x.children(func(e xml.StartElement) error { return x.versionPart(e, &v) })
				if len(alternates) == maxVersions {
					return x.fail(fmt.Errorf("lists more than %d versions", maxVersions))
				}
				alternates = append(alternates, v)
				return err
			})
		case "resources":
			return x.children(func(e xml.StartElement) error {
				if e.Name.Local != "url" {
					return x.skip()
				}
				text, err := x.text()
				if err != nil {
					return err
				}
				if len(*mirrors) == maxMirrors {
					return x.fail(fmt.Errorf("lists more than %d mirrors", maxMirrors))
				}
				preference, _ := strconv.ParseInt(attr(e, "preference"), 10, 32) // none: the least
				text = strings.TrimSpace(text)
				root, ok := strings.CutSuffix(text, "repodata/repomd.xml")
				if (ok || strings.HasSuffix(text, "/")) && isMirror(root) && strings.HasSuffix(root, "/") {
					*mirrors = append(*mirrors, ratedMirror{root, preference})
				}
				return nil
			})
		}
		return x.versionPart(e, &newest)
	})
	out.Versions = append([]Version{newest}, alternates...)
	return err
}

// versionPart reads an element that describes a version.
func (x *document) versionPart(e xml.StartElement, v *Version) error {
	switch e.Name.Local {
	case "timestamp", "size":
		text, err := x.text()
		if e.Name.Local == "size" {
			v.Size = number(text)
		} else {
			v.Timestamp = number(text)
		}
		return err
	case "verification":
		return x.children(func(e xml.StartElement) error {
			if e.Name.Local != "hash" {
				return x.skip()
			}
			text, err := x.text()
			if len(v.Hashes) == maxHashes {
				return x.fail(errors.New("has too many hashes"))
			}
			v.Hashes = append(v.Hashes, Checksum{attr(e, "type"), strings.TrimSpace(text)})
			return err
		})
	}
	return x.skip()
}

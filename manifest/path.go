package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a path in a tree. The longest base path, an id and the longest path
// make a key of 986 bytes; S3 allows 1,024. A segment fits into a file system's
// 255.
const (
	MaxPath    = 768 // bytes, for a file's path and for the page of its directory
	MaxSegment = 255 // bytes
	MaxBase    = 200 // bytes
)

// IndexPage is the file name of a directory's page, upstream's or asof's.
const IndexPage = "index.html"

// VariantPage is the file name of a directory's page in a second form, of the media type
// VariantType (PEP 691). Where upstream's files have one, who asks for the directory and prefers
// that type gets it.
const (
	VariantPage = "index.v1_json"
	VariantType = "application/vnd.pypi.simple.v1+json"
)

// IsPage reports whether a path is that of a directory's page, in either form, by its name alone.
// Where pages have the keys of their directories, such a path is empty or ends in a slash.
func IsPage(p string) bool {
	name := p[strings.LastIndexByte(p, '/')+1:]
	return name == "" || name == IndexPage || name == VariantPage
}

// CheckPath reports why p can't be the path of a file in a tree. Names from
// upstream are hostile (invariant 8). A path is relative, slash-separated UTF-8
// without empty, "." or ".." segments, backslashes or control characters. No
// directory may be called index.html, since every directory must have room for
// its page.
func CheckPath(p string) error {
	switch {
	case p == "":
		return errors.New("empty path")
	case len(p) > MaxPath, strings.LastIndexByte(p, '/')+1+len(IndexPage) > MaxPath:
		return fmt.Errorf("path %.40q… or its directory's page is longer than %d bytes", p, MaxPath)
	case !utf8.ValidString(p):
		return fmt.Errorf("path %q is not valid UTF-8", p)
	case p[0] == '/':
		return fmt.Errorf("path %q is absolute", p)
	}
	for _, r := range p {
		if r < 0x20 || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("path %q holds a control character", p)
		}
		if r == '\\' {
			return fmt.Errorf("path %q holds a backslash", p)
		}
	}
	for i := 0; i < len(p)+1; {
		seg := p[i:]
		end := strings.IndexByte(seg, '/')
		isDir := end >= 0
		if isDir {
			seg = seg[:end]
		}
		i += len(seg) + 1
		switch {
		case seg == "":
			return fmt.Errorf("path %q holds an empty segment", p)
		case seg == "." || seg == "..":
			return fmt.Errorf("path %q holds the segment %q", p, seg)
		case len(seg) > MaxSegment:
			return fmt.Errorf("path %q holds a segment longer than %d bytes", p, MaxSegment)
		case isDir && seg == IndexPage:
			return fmt.Errorf("path %q has a directory where the page %s stands", p, IndexPage)
		}
	}
	return nil
}

// PathChecker checks the paths of a whole tree, given in ascending byte order.
// Each must satisfy CheckPath, none may repeat, and none may be both a file and a
// directory. The zero value is ready to use.
type PathChecker struct {
	last string
	// files holds the earlier paths that later ones may still extend: others such
	// as "a+" sort between "a" and "a/b".
	files []string
}

// Next checks one more path.
func (c *PathChecker) Next(p string) error {
	if err := CheckPath(p); err != nil {
		return err
	}
	if c.last != "" && p <= c.last {
		if p == c.last {
			return fmt.Errorf("path %q is listed twice", p)
		}
		return fmt.Errorf("path %q is out of order", p)
	}
	for len(c.files) > 0 && !strings.HasPrefix(p, c.files[len(c.files)-1]) {
		c.files = c.files[:len(c.files)-1]
	}
	for _, f := range c.files {
		if p[len(f)] == '/' {
			return fmt.Errorf("path %q stands below %q, which is a file", p, f)
		}
	}
	c.last = p
	c.files = append(c.files, p)
	return nil
}

// CheckBase reports why base can't be a repo's base path. It is one or more
// segments of letters, digits and ._-+~. No segment may start with "." or "-",
// read as a time, or be a name that the resolver reserves.
func CheckBase(base string) error {
	if base == "" {
		return errors.New("empty base path")
	}
	if len(base) > MaxBase {
		return fmt.Errorf("base path %.40q… is longer than %d bytes", base, MaxBase)
	}
	for seg := range strings.SplitSeq(base, "/") {
		if err := checkName(seg); err != nil {
			return fmt.Errorf("base path %q: %w", base, err)
		}
	}
	return nil
}

// CheckChannel reports why name can't be a channel. It must be valid as one
// segment of a base path, and must not begin like a date.
func CheckChannel(name string) error {
	if len(name) > MaxBase {
		return fmt.Errorf("channel %.40q… is longer than %d bytes", name, MaxBase)
	}
	if err := checkName(name); err != nil {
		return fmt.Errorf("channel %q: %w", name, err)
	}
	if likeDate(name) {
		return fmt.Errorf("channel %q begins like a date", name)
	}
	return nil
}

func checkName(seg string) error {
	switch {
	case seg == "":
		return errors.New("empty segment")
	case seg[0] == '.' || seg[0] == '-':
		return fmt.Errorf("segment %q starts with %q", seg, seg[:1])
	case slices.Contains([]string{Latest, "mr", IndexPage, checkpointsName, RegistryKey}, seg):
		return fmt.Errorf("segment %q is reserved", seg)
	}
	if _, ok := ParseSegmentListName(seg); ok {
		return fmt.Errorf("segment %q is reserved", seg)
	}
	for _, r := range seg {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._-+~", r):
		default:
			return fmt.Errorf("segment %q holds %q; letters, digits and ._-+~ are allowed", seg, r)
		}
	}
	if _, err := parseInstant(seg); err == nil {
		return fmt.Errorf("segment %q reads as a time", seg)
	}
	return nil
}

// Overlap reports whether two base paths are equal, or one is inside the other.
func Overlap(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.HasPrefix(b, a) && (len(a) == len(b) || b[len(a)] == '/')
}

package packages

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/manifest"
)

// Bounds of an index that is compared.
const (
	maxUnpacked = 4 << 30   // bytes
	maxPackages = 4_000_000 // of which some 120 bytes each are kept in memory
)

// Kind is what happened to a package.
type Kind string

const (
	Added      Kind = "added"
	Removed    Kind = "removed"
	Upgraded   Kind = "upgraded"
	Downgraded Kind = "downgraded"
	Rebuilt    Kind = "rebuilt" // the same version, with another content
)

// Change is what happened to a package in one index. A version that is added or
// removed beside others of the same package is Added or Removed.
type Change struct {
	Package string
	Arch    string // of the package: "amd64", "all", "source"
	Kind    Kind
	Old     string // version; empty where it is Added
	New     string // version; empty where it is Removed
}

// Open opens a file of a tree, verified.
type Open func(ctx context.Context, e manifest.Entry) (io.ReadCloser, error)

// Diff compares an index in two trees. The changes come in the order of packages,
// architectures and versions. An index that breaks the rules is a *FormatError.
func (i Index) Diff(ctx context.Context, old, now Open) ([]Change, error) {
	was, err := read(ctx, i.Old, old)
	if err != nil {
		return nil, err
	}
	is, err := read(ctx, i.New, now)
	if err != nil {
		return nil, err
	}
	return compare(was, is), nil
}

// FormatError is an index that can't be made sense of.
type FormatError struct {
	Path string
	Err  error
}

func (e *FormatError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }
func (e *FormatError) Unwrap() error { return e.Err }

// listed is a package as an index lists it.
type listed struct {
	name, arch, version string
	sum                 [16]byte // of its content, as far as the index tells
}

func (l listed) key(m listed) int {
	return cmp.Or(cmp.Compare(l.name, m.name), cmp.Compare(l.arch, m.arch))
}

func (l listed) compare(m listed) int {
	return cmp.Or(l.key(m), deb.CompareVersions(l.version, m.version), cmp.Compare(l.version, m.version), bytes.Compare(l.sum[:], m.sum[:]))
}

// read lists the packages of an index, in order.
func read(ctx context.Context, f File, open Open) ([]listed, error) {
	if !f.There() {
		return nil, nil
	}
	body, err := open(ctx, f.Entry)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	src := &failing{r: body}
	r, err := unpack.Reader(src, f.Ext, maxUnpacked, false)
	if err != nil {
		return nil, cmp.Or(src.err, error(&FormatError{f.Path, err}))
	}
	defer r.Close()
	list, err := parse(r)
	if err == nil {
		_, err = io.Copy(io.Discard, src) // to its end, where it is verified
	}
	if err != nil {
		return nil, cmp.Or(src.err, error(&FormatError{f.Path, err}))
	}
	slices.SortFunc(list, listed.compare)
	return list, nil
}

// failing remembers how reading failed, to tell it from what was read.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

func parse(r io.Reader) ([]listed, error) {
	const (
		name = iota
		version
		arch
		sha256
		sha512
		md5
		sources // SHA-256 of the files of a source package
		files
	)
	var list []listed
	known := map[string]string{} // architectures, one string each
	for s, err := range deb.Stanzas(r, "Package", "Version", "Architecture", "SHA256", "SHA512", "MD5sum", "Checksums-Sha256", "Files") {
		if err != nil {
			return nil, err
		}
		if len(s.Value(name)) == 0 {
			return nil, fmt.Errorf("line %d: a package without a name", s.Line)
		}
		if len(list) == maxPackages {
			return nil, fmt.Errorf("line %d: more than %d packages", s.Line, maxPackages)
		}
		of := s.Value(arch)
		if s.Has(sources) || s.Has(files) {
			of = []byte("source") // the field lists what is built from it
		}
		architecture, ok := known[string(of)]
		if !ok {
			architecture = string(of)
			known[architecture] = architecture
		}
		var content []byte
		for _, field := range []int{sha256, sources, sha512, md5, files} {
			if content = s.Value(field); len(content) > 0 {
				break
			}
		}
		sum := manifest.Sum(content)
		list = append(list, listed{s.Text(name), architecture, s.Text(version), [16]byte(sum[:16])})
	}
	return list, nil
}

// compare merges two lists.
func compare(was, is []listed) []Change {
	var changes []Change
	for len(was) > 0 || len(is) > 0 {
		next := cmp.Or(first(was), first(is))
		if len(was) > 0 && len(is) > 0 && is[0].key(was[0]) < 0 {
			next = &is[0]
		}
		var olds, news []listed
		olds, was = group(was, next)
		news, is = group(is, next)
		changes = append(changes, versions(olds, news)...)
	}
	return changes
}

func first(list []listed) *listed {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// group cuts off what is of the same package and architecture.
func group(list []listed, as *listed) (same, rest []listed) {
	n := 0
	for n < len(list) && list[n].key(*as) == 0 {
		n++
	}
	return list[:n], list[n:]
}

// versions compares the versions of one package. Of those that only one side has
// the newest are set against each other first.
func versions(olds, news []listed) (changes []Change) {
	olds, news = without(olds, news), without(news, olds)
	for i, j := len(olds)-1, len(news)-1; i >= 0 || j >= 0; i, j = i-1, j-1 {
		switch {
		case j < 0:
			changes = append(changes, Change{olds[i].name, olds[i].arch, Removed, olds[i].version, ""})
		case i < 0:
			changes = append(changes, Change{news[j].name, news[j].arch, Added, "", news[j].version})
		default:
			kind := Rebuilt
			if c := deb.CompareVersions(olds[i].version, news[j].version); c < 0 {
				kind = Upgraded
			} else if c > 0 {
				kind = Downgraded
			}
			changes = append(changes, Change{news[j].name, news[j].arch, kind, olds[i].version, news[j].version})
		}
	}
	slices.Reverse(changes)
	return changes
}

// without is what of one side the other has not. Both are in order.
func without(list, other []listed) (rest []listed) {
	for _, l := range list {
		if _, ok := slices.BinarySearchFunc(other, l, listed.compare); !ok {
			rest = append(rest, l)
		}
	}
	return rest
}

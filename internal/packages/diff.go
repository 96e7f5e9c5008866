package packages

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/manifest"
)

// Bounds of an index that is compared.
const (
	maxUnpacked = 4 << 30   // bytes
	maxPackages = 4_000_000 // each takes some 120 bytes of memory
)

// Kind is what happened to a package.
type Kind string

const (
	Added      Kind = "added"
	Removed    Kind = "removed"
	Upgraded   Kind = "upgraded"
	Downgraded Kind = "downgraded"
	Rebuilt    Kind = "rebuilt" // the same version, different content
)

// Event is what happened to a package in one index. If a version is added or
// removed beside others of the same package, the event is Added or Removed. A version that an
// index lists more than once has one event; it is Rebuilt if any of its contents came. If one of
// them went and others stay, nothing happened to the package.
type Event struct {
	Package string
	Arch    string // the package's: "amd64", "all", "source"; "x86_64", "noarch", "src"
	Kind    Kind
	Old     string // version; empty for Added
	New     string // version; empty for Removed
}

// Tree is a tree whose indexes are compared.
type Tree struct {
	// Open opens and verifies a file.
	Open func(ctx context.Context, e manifest.Entry) (io.ReadCloser, error)
	// Find looks a path up; false if the tree has no such file.
	Find func(ctx context.Context, path string) (manifest.Entry, bool, error)
}

// Diff compares an index in two trees. The events are sorted by package,
// architecture and version. The error for a malformed index is a *FormatError.
func (i Index) Diff(ctx context.Context, old, now Tree) ([]Event, error) {
	format := debFormat
	if i.RPM {
		var err error
		if i.Old, i.New, err = i.primaries(ctx, old, now); err != nil || i.Old.There() && i.New.There() && i.Old.SHA256 == i.New.SHA256 {
			return nil, err
		}
		format = rpmFormat
	}
	was, err := format.read(ctx, i.Old, old)
	if err != nil {
		return nil, err
	}
	is, err := format.read(ctx, i.New, now)
	if err != nil {
		return nil, err
	}
	return format.diff(was, is), nil
}

// FormatError is an index that can't be parsed.
type FormatError struct {
	Path string
	Err  error
}

func (e *FormatError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }
func (e *FormatError) Unwrap() error { return e.Err }

// format is how indexes list packages.
type format struct {
	parse    func(io.Reader) ([]listed, error)
	versions func(a, b string) int // which is newer
	unpack   func(r io.Reader, ext string, size int64) (*unpack.Stream, error)
}

// listed is a package in an index.
type listed struct {
	name, arch, version string
	sum                 [16]byte // of its content, as far as the index tells
}

func (l listed) key(m listed) int {
	return cmp.Or(cmp.Compare(l.name, m.name), cmp.Compare(l.arch, m.arch))
}

func (f format) compare(l, m listed) int {
	return cmp.Or(l.key(m), f.compareVersions(l, m), bytes.Compare(l.sum[:], m.sum[:]))
}

func (f format) compareVersions(l, m listed) int {
	return cmp.Or(f.versions(l.version, m.version), cmp.Compare(l.version, m.version))
}

// read lists the packages of an index, in order.
func (f format) read(ctx context.Context, file File, t Tree) ([]listed, error) {
	if !file.There() {
		return nil, nil
	}
	body, err := t.Open(ctx, file.Entry)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	src := &failing{r: body}
	r, err := f.unpack(src, file.Ext, maxUnpacked)
	if err != nil {
		return nil, src.or(&FormatError{file.Path, err})
	}
	defer r.Close()
	list, err := f.parse(r)
	if err == nil {
		_, err = io.Copy(io.Discard, src) // to the end, so that it is verified
	}
	if err != nil {
		return nil, src.or(&FormatError{file.Path, err})
	}
	slices.SortFunc(list, f.compare)
	return list, nil
}

// failing remembers a read error, to tell it from a parse error.
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

// or returns the read error, or else another one.
func (f *failing) or(err error) error { return cmp.Or(f.err, err) }

// diff merges two lists.
func (f format) diff(was, is []listed) []Event {
	var changes []Event
	for len(was) > 0 || len(is) > 0 {
		next := cmp.Or(first(was), first(is))
		if len(was) > 0 && len(is) > 0 && is[0].key(was[0]) < 0 {
			next = &is[0]
		}
		var olds, news []listed
		olds, was = group(was, next)
		news, is = group(is, next)
		changes = append(changes, f.changes(olds, news)...)
	}
	return changes
}

func first(list []listed) *listed {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// group cuts off the packages with the same name and architecture.
func group(list []listed, as *listed) (same, rest []listed) {
	n := 0
	for n < len(list) && list[n].key(*as) == 0 {
		n++
	}
	return list[:n], list[n:]
}

// changes compares the versions of one package. Versions that only one side has
// are paired, the newest first.
func (f format) changes(olds, news []listed) (changes []Event) {
	gone, come := f.without(olds, news), f.without(news, olds)
	stays := func(l listed) bool { return f.lists(olds, l) && f.lists(news, l) }
	rebuilt := slices.DeleteFunc(slices.Clone(come), func(l listed) bool { return !stays(l) })
	for _, l := range once(rebuilt) {
		changes = append(changes, Event{l.name, l.arch, Rebuilt, l.version, l.version})
	}
	gone, come = once(slices.DeleteFunc(gone, stays)), once(slices.DeleteFunc(come, stays))
	for i, j := len(gone)-1, len(come)-1; i >= 0 || j >= 0; i, j = i-1, j-1 {
		switch {
		case j < 0:
			changes = append(changes, Event{gone[i].name, gone[i].arch, Removed, gone[i].version, ""})
		case i < 0:
			changes = append(changes, Event{come[j].name, come[j].arch, Added, "", come[j].version})
		default:
			kind := Rebuilt
			if c := f.versions(gone[i].version, come[j].version); c < 0 {
				kind = Upgraded
			} else if c > 0 {
				kind = Downgraded
			}
			changes = append(changes, Event{come[j].name, come[j].arch, kind, gone[i].version, come[j].version})
		}
	}
	slices.SortStableFunc(changes, func(a, b Event) int { return f.versions(cmp.Or(a.New, a.Old), cmp.Or(b.New, b.Old)) })
	return changes
}

// once leaves each version of a package once in a list, which is in order.
func once(list []listed) []listed {
	return slices.CompactFunc(list, func(l, m listed) bool { return l.version == m.version })
}

// without returns what list has and other does not. Both are in order.
func (f format) without(list, other []listed) (rest []listed) {
	for _, l := range list {
		if _, ok := slices.BinarySearchFunc(other, l, f.compare); !ok {
			rest = append(rest, l)
		}
	}
	return rest
}

// lists reports whether a list, which is in order, has a version, whatever its content.
func (f format) lists(list []listed, l listed) bool {
	_, ok := slices.BinarySearchFunc(list, l, f.compareVersions)
	return ok
}

package apt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// Limits of a Release file.
const (
	MaxRelease  = 32 << 20 // bytes, including the signature
	maxListings = 8        // contradicting ones for one file
	maxHostile  = 1000     // remembered names that lead out of the folder
)

// release is the content of a Release file.
type release struct {
	label, origin string
	date          time.Time // zero: missing or unreadable
	validUntil    time.Time // zero: no limit, or see unreadable
	unreadable    error     // why Valid-Until can't be read
	byHash        bool
	noAll         bool // each architecture's index includes "all"
	components    []string
	architectures []string
	files         map[string][]listing // by name, relative to the suite's folder
	hostile       []hostileName
}

// listing is what a Release file says about a file. A file has several listings if
// Release contradicts itself.
type listing struct {
	mirror.Listed
	place string // document and line
}

// hostileName is a name that leads out of the suite's folder or is not a valid path.
type hostileName struct {
	name string
	err  error // includes the place
}

// algorithms are the digests in Debian's documents. Every list of fields here has them in
// this order.
func algorithms() []mirror.Algorithm {
	return []mirror.Algorithm{mirror.SHA512, mirror.SHA256, mirror.SHA1, mirror.MD5}
}

// sumsFields are the fields of a Release file that list files.
func sumsFields() []string { return []string{"SHA512", "SHA256", "SHA1", "MD5Sum"} }

// releaseText is the text of a Release file and where it came from.
type releaseText struct {
	text  []byte
	where string // the document
	ahead int    // lines of the document before the text
}

func (t releaseText) place(line int) string { return fmt.Sprintf("%s:%d", t.where, t.ahead+line) }

// parseRelease reads the first stanza of a Release file, as apt does. It warns about what
// it can't read and goes on. It fails if the file lists no files, or if a line or the
// stanza is longer than package deb allows.
func parseRelease(t releaseText, warn mirror.Warner) (*release, error) {
	fields := append([]string{"Date", "Valid-Until", "Acquire-By-Hash", "No-Support-for-Architecture-all", "Components", "Architectures", "Label", "Origin"}, sumsFields()...)
	var rel *release
	for s, err := range deb.Stanzas(bytes.NewReader(t.text), fields...) {
		if err != nil {
			return nil, syntax(t.where, err)
		}
		if rel != nil {
			warn(t.place(s.Line), "a second stanza is not read")
			break
		}
		if s.Stray > 0 {
			warn(t.place(s.Stray), "the line is no field and is passed over")
		}
		if rel, err = readRelease(t, s, warn); err != nil {
			return nil, err
		}
	}
	if rel == nil {
		return nil, &remote.InputError{Where: t.where, Err: errors.New("is empty")}
	}
	return rel, nil
}

func readRelease(t releaseText, s *deb.Stanza, warn mirror.Warner) (rel *release, err error) {
	rel = &release{
		byHash:        s.Text(2) == "yes",
		noAll:         slices.Contains(strings.Fields(s.Text(3)), "Packages"),
		components:    strings.Fields(s.Text(4)),
		architectures: strings.Fields(s.Text(5)),
		label:         s.Text(6),
		origin:        s.Text(7),
		files:         map[string][]listing{},
	}
	if rel.date, err = parseDate(s.Text(0)); err != nil {
		warn(t.place(max(s.LineOf(0), s.Line)), "field Date: "+err.Error()+"; nothing tells whether the archive went back in time")
	}
	if s.Has(1) {
		if rel.validUntil, err = parseDate(s.Text(1)); err != nil {
			rel.unreadable = fmt.Errorf("field Valid-Until: %w", err)
		}
	}
	lists := false
	for i, a := range algorithms() {
		const first = 8
		if s.Has(first+i) && rel.addSums(t, a, s.Value(first+i), s.LineOf(first+i), warn) {
			lists = true
		}
	}
	if !lists {
		return nil, &remote.InputError{Where: t.where, Err: errors.New("lists no files: it has no entry in any of the fields SHA512, SHA256, SHA1 and MD5Sum")}
	}
	return rel, nil
}

// addSums reads the list of one algorithm. It reports whether it could read an entry.
func (rel *release) addSums(t releaseText, a mirror.Algorithm, value []byte, first int, warn mirror.Warner) (lists bool) {
	for sum, err := range deb.Sums(value) {
		place := t.place(first + sum.Line)
		l := listing{mirror.Listed{Size: sum.Size}, place}
		if err == nil {
			err = l.Sums.Set(a, sum.Hash)
		}
		if err != nil {
			warn(place, "the line is passed over: "+err.Error())
			continue
		}
		lists = true
		name := clean(sum.Name)
		if err := manifest.CheckPath(name); err != nil {
			if len(rel.hostile) < maxHostile { // names are reported, never followed
				rel.hostile = append(rel.hostile, hostileName{name, &remote.InputError{Where: place, Err: err}})
			}
			continue
		}
		if !rel.add(name, a, l) {
			warn(place, fmt.Sprintf("%s is listed with more than %d sizes and digests; this one is passed over", name, maxListings))
		}
	}
	return lists
}

// add adds a digest to a listing that it does not contradict, or starts a new listing. It
// returns false if there are too many.
func (rel *release) add(name string, a mirror.Algorithm, l listing) bool {
	list := rel.files[name]
	for i := range list {
		if have := &list[i]; have.Size == l.Size && (have.Sums[a] == "" || have.Sums[a] == l.Sums[a]) {
			have.Sums[a] = l.Sums[a]
			return true
		}
	}
	if len(list) == maxListings {
		return false
	}
	rel.files[name] = append(list, l)
	return true
}

// clean normalizes a name as apt and web servers do: it removes leading slashes, double
// slashes and "." segments.
func clean(name string) string {
	if !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "./") && !strings.Contains(name, "//") && !strings.Contains(name, "/./") {
		return name
	}
	segments := slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
	cleaned := strings.Join(segments, "/")
	if strings.HasSuffix(name, "/") {
		cleaned += "/" // keep it: a folder is not a file
	}
	return cleaned
}

// syntax turns a parser's error into a remote.InputError.
func syntax(where string, err error) error {
	if e, ok := errors.AsType[*deb.SyntaxError](err); ok {
		return &remote.InputError{Where: where, Line: e.Line, Err: e.Err}
	}
	return &remote.InputError{Where: where, Err: err}
}

package file

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Bounds of a manifest.
const (
	MaxDocument = 256 << 20 // bytes
	MaxLines    = 5_000_000
	MaxLine     = 8 << 10 // bytes, with its end
)

type bounds struct{ document, lines int }

// document is a manifest that was read: its bytes as they came, and what it
// lists along with itself, sorted by path.
type document struct {
	name  string
	text  []byte
	files []remote.File
}

// root is the index of the manifest itself.
func (d *document) root() int {
	i, _ := slices.BinarySearchFunc(d.files, d.name, func(f remote.File, name string) int {
		return strings.Compare(f.Path, name)
	})
	return i
}

// parse reads a manifest whose name in the tree is name. A document that breaks
// the rules is a *remote.InputError; an error of r is returned as it is, and
// before one of a line that it may have cut.
func parse(r io.Reader, where, name string) (*document, error) {
	return parseWithin(bounds{MaxDocument, MaxLines}, r, where, name)
}

func parseWithin(max bounds, r io.Reader, where, name string) (*document, error) {
	var text bytes.Buffer
	lines := bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, int64(max.document)+1), &text), MaxLine)
	doc := &document{name: name}
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return nil, err
		}
		f, ok, bad := parseLine(line, name)
		switch {
		case text.Len() > max.document:
			return nil, &remote.InputError{Where: where, Err: fmt.Errorf("has more than %d bytes", max.document)}
		case err == bufio.ErrBufferFull:
			bad = fmt.Errorf("line is longer than %d bytes", MaxLine)
		case n > max.lines && len(line) > 0:
			bad = fmt.Errorf("has more than %d lines", max.lines)
		case n == 1 && bytes.HasPrefix(line, []byte("\ufeff")):
			bad = errors.New("begins with a byte order mark")
		}
		if bad != nil {
			return nil, &remote.InputError{Where: where, Line: n, Err: bad}
		}
		if ok {
			doc.files = append(doc.files, f)
		}
		if err == io.EOF {
			break
		}
	}
	doc.text = text.Bytes()
	doc.files = append(doc.files, remote.File{
		Path: name, Size: int64(len(doc.text)), SHA256: manifest.Sum(doc.text), Phase: remote.Root,
	})
	return doc, doc.sort(where)
}

// sort puts the files in order and checks that they can stand side by side.
func (d *document) sort(where string) error {
	slices.SortFunc(d.files, func(a, b remote.File) int { return strings.Compare(a.Path, b.Path) })
	var paths manifest.PathChecker
	for _, f := range d.files {
		if err := paths.Next(f.Path); err != nil {
			return &remote.InputError{Where: where, Line: d.lastLine(f.Path), Err: err}
		}
	}
	return nil
}

// lastLine finds the last line that lists a path. Only an error needs it, so no
// memory goes into remembering the lines.
func (d *document) lastLine(path string) (last int) {
	n := 0
	for line := range bytes.Lines(d.text) {
		n++
		if f, ok, err := parseLine(line, d.name); ok && err == nil && f.Path == path {
			last = n
		}
	}
	return last
}

// parseLine reads one line; ok is false if it lists nothing.
func parseLine(line []byte, name string) (f remote.File, ok bool, err error) {
	line = bytes.Trim(line, " \t\r\n\v\f")
	if len(line) == 0 || line[0] == '#' {
		return remote.File{}, false, nil
	}
	second := bytes.LastIndexByte(line, ',')
	first := bytes.LastIndexByte(line[:max(second, 0)], ',')
	if first < 0 {
		return remote.File{}, false, fmt.Errorf("%.80q is not of the form path,sha256,size", line)
	}
	f.Path = string(line[:first])
	if err := manifest.CheckPath(f.Path); err != nil {
		return remote.File{}, false, err
	}
	if f.Path == name {
		return remote.File{}, false, fmt.Errorf("path %q is the manifest's own", name)
	}
	digest := line[first+1 : second]
	if len(digest) != 2*sha256.Size {
		return remote.File{}, false, badDigest(digest)
	}
	if _, err := hex.Decode(f.SHA256[:], digest); err != nil {
		return remote.File{}, false, badDigest(digest)
	}
	if f.Size, err = parseSize(string(line[second+1:])); err != nil {
		return remote.File{}, false, err
	}
	return f, true, nil
}

func badDigest(digest []byte) error {
	return fmt.Errorf("%.80q is not a SHA-256 digest (64 hexadecimal digits)", digest)
}

func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.80q is not a size in bytes", s)
	}
	if n > manifest.MaxSize {
		return 0, fmt.Errorf("size %d is more than %d bytes", n, int64(manifest.MaxSize))
	}
	return n, nil
}

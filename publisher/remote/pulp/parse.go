package pulp

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

type bounds struct{ document, lines int }

// Parse reads a manifest that stands under a name in its tree. where is its place in
// messages. The first bad line fails the whole, as a *remote.InputError. An error of
// r is returned as it is, and before one of a line that it may have cut.
func Parse(r io.Reader, where, name string) (*Document, error) {
	return parseWithin(bounds{MaxDocument, MaxLines}, r, where, name)
}

func parseWithin(max bounds, r io.Reader, where, name string) (*Document, error) {
	var text bytes.Buffer
	lines := bufio.NewReaderSize(io.TeeReader(io.LimitReader(r, int64(max.document)+1), &text), MaxLine)
	doc := &Document{name: name}
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return nil, err
		}
		f, quoted, ok, bad := parseLine(unmarked(line, n))
		switch {
		case text.Len() > max.document:
			return nil, &remote.InputError{Where: where, Err: fmt.Errorf("has more than %d bytes", max.document)}
		case err == bufio.ErrBufferFull:
			bad = fmt.Errorf("line is longer than %d bytes", MaxLine)
		case n > max.lines && len(line) > 0:
			bad = fmt.Errorf("has more than %d lines", max.lines)
		case ok && f.Path == name:
			bad = fmt.Errorf("path %q is the manifest's own", name)
		}
		if bad != nil {
			return nil, &remote.InputError{Where: where, Line: n, Err: bad}
		}
		if ok {
			doc.Files = append(doc.Files, f)
		}
		if quoted && doc.Quoted == 0 {
			doc.Quoted = n
		}
		if err == io.EOF {
			break
		}
	}
	doc.Text = text.Bytes()
	doc.Files = append(doc.Files, remote.File{
		Path: name, Size: int64(len(doc.Text)), SHA256: manifest.Sum(doc.Text), Phase: remote.Root,
	})
	return doc, doc.sort(where)
}

// unmarked is a line without the byte order mark that a document may begin with.
func unmarked(line []byte, n int) []byte {
	if n == 1 {
		return bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return line
}

// sort puts the files in order and checks that they can stand side by side.
func (d *Document) sort(where string) error {
	slices.SortStableFunc(d.Files, func(a, b remote.File) int { return strings.Compare(a.Path, b.Path) })
	d.Files = slices.Compact(d.Files)
	var paths manifest.PathChecker
	for i, f := range d.Files {
		err := paths.Next(f.Path)
		if err == nil {
			continue
		}
		lines := d.linesOf(f.Path)
		last := len(lines) - 1
		if i > 0 && f.Path == d.Files[i-1].Path {
			err = fmt.Errorf("%w, in line %d with another digest or size", err, lines[0])
		}
		return &remote.InputError{Where: where, Line: lines[last], Err: err}
	}
	return nil
}

// linesOf finds the lines that list a path. Only errors need it, so no memory goes
// into remembering the lines.
func (d *Document) linesOf(path string) (lines []int) {
	n := 0
	for line := range bytes.Lines(d.Text) {
		n++
		if f, _, ok, _ := parseLine(unmarked(line, n)); ok && f.Path == path {
			lines = append(lines, n)
		}
	}
	return lines
}

// Root is the manifest's own place among the files.
func (d *Document) Root() *remote.File {
	i, _ := slices.BinarySearchFunc(d.Files, d.name, func(f remote.File, name string) int {
		return strings.Compare(f.Path, name)
	})
	return &d.Files[i]
}

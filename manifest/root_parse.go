package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// RootHead is the number of bytes of a manifest's object that RootSize may need.
const RootHead = len(rootFormat + "\nroot 268435456\n")

// RootSize returns the size of the root at the start of a manifest's object. head
// holds its first RootHead bytes, or all of a shorter object.
func RootSize(head []byte) (int64, error) {
	text := string(head[:min(len(head), RootHead)])
	rest, ok := strings.CutPrefix(text, rootFormat+"\nroot ")
	if !ok {
		line, _, _ := strings.Cut(text, "\n")
		if err := checkFormat(line, rootFormat); errors.Is(err, ErrNewer) {
			return 0, fmt.Errorf("manifest root: %w", err)
		}
		return 0, fmt.Errorf("manifest root: it begins with %.40q, want %s and its size", line, rootFormat)
	}
	digits, _, ok := strings.Cut(rest, "\n")
	size, err := parseCount(digits, MaxRoot)
	if err != nil || !ok {
		return 0, fmt.Errorf("manifest root: size: %.40q is not a number from 0 to %d", digits, MaxRoot)
	}
	return size, nil
}

// ParseRoot reads the canonical form only. data is the first RootSize bytes of a
// manifest's object.
func ParseRoot(data []byte) (Root, error) {
	if len(data) > MaxRoot {
		return Root{}, fmt.Errorf("manifest root: larger than %d bytes", MaxRoot)
	}
	p := rootParser{size: int64(len(data))}
	if n := bytes.Count(data, []byte("\n")); n > 5 {
		p.root.Leaves = make([]LeafRef, 0, n-5)
	}
	n := 0
	for line, err := range lines(string(data)) {
		if n++; err == nil {
			err = p.line(n, line)
		}
		if err != nil {
			return Root{}, fmt.Errorf("manifest root, line %d: %w", n, err)
		}
	}
	if n < 5 {
		return Root{}, errors.New("manifest root: incomplete")
	}
	if err := p.check(); err != nil {
		return Root{}, fmt.Errorf("manifest root: %w", err)
	}
	p.root.Name = Sum(data)
	return p.root, nil
}

// rootParser checks the rules that span the lines of a root.
type rootParser struct {
	root  Root
	size  int64 // of the text
	files int64 // in the leaves so far
	own   int64 // bytes of the leaves so far that are stored after the root
	used  int   // sources of the leaves so far
	ends  [MaxSources]int64
}

func (p *rootParser) line(n int, line string) (err error) {
	switch r := &p.root; n {
	case 1:
		if line != rootFormat {
			return fmt.Errorf("format is %.40q, want %s", line, rootFormat)
		}
	case 2:
		size, err := number(line, "root")
		if err == nil && (size != p.size || int64(textSize(int(size)-len(strconv.FormatInt(size, 10)))) != size) {
			err = fmt.Errorf("the root has %d bytes, not %d", p.size, size)
		}
		return err
	case 3:
		r.Files, err = number(line, "files")
	case 4:
		r.Bytes, err = number(line, "bytes")
	case 5:
		r.Content, err = digest(line, "content")
	default:
		if len(r.Leaves) == 0 && strings.HasPrefix(line, "source ") {
			return p.source(line)
		}
		return p.leaf(line)
	}
	return err
}

func field(line, name string) (string, error) {
	value, ok := strings.CutPrefix(line, name)
	if ok {
		value, ok = strings.CutPrefix(value, " ")
	}
	if !ok {
		return "", fmt.Errorf("want %q", name)
	}
	return value, nil
}

func number(line, name string) (int64, error) {
	value, err := field(line, name)
	if err != nil {
		return 0, err
	}
	return parseCount(value, maxNumber)
}

func digest(line, name string) (Digest, error) {
	value, err := field(line, name)
	if err != nil {
		return Digest{}, err
	}
	return ParseDigest(value)
}

func (p *rootParser) source(line string) error {
	d, err := digest(line, "source")
	if err != nil {
		return err
	}
	if len(p.root.Sources) == MaxSources {
		return fmt.Errorf("more than %d sources", MaxSources)
	}
	for _, other := range p.root.Sources {
		if d == other {
			return fmt.Errorf("source %s is listed twice", d)
		}
	}
	p.root.Sources = append(p.root.Sources, d)
	return nil
}

func (p *rootParser) leaf(line string) error {
	if n := len(p.root.Leaves); n > 0 {
		if before := &p.root.Leaves[n-1]; !endsLeaf(before.Last, int(before.Files)) {
			return fmt.Errorf("leaf %s ends too early", before.Digest)
		}
	}
	l, err := parseLeafRef(line)
	switch {
	case err != nil:
		return err
	case len(p.root.Leaves) > 0 && p.root.Leaves[len(p.root.Leaves)-1].Last >= l.Last:
		return fmt.Errorf("leaf %s is out of order", l.Digest)
	case l.Source == 0:
		l.Offset = p.size + p.own
		if p.own += l.Size; p.size+p.own > MaxObject {
			return fmt.Errorf("leaf %s: with it the object is larger than %d bytes", l.Digest, int64(MaxObject))
		}
	case l.Source > len(p.root.Sources) || l.Source > p.used+1:
		return fmt.Errorf("leaf %s: source %d is not listed, or out of order", l.Digest, l.Source)
	case l.Offset < p.ends[l.Source-1]:
		return fmt.Errorf("leaf %s: its place in source %d is out of order", l.Digest, l.Source)
	default:
		p.used = max(p.used, l.Source)
		p.ends[l.Source-1] = l.Offset + l.Size
	}
	p.files += l.Files
	p.root.Leaves = append(p.root.Leaves, l)
	return nil
}

func (p *rootParser) check() error {
	switch r := &p.root; {
	case p.files != r.Files:
		return fmt.Errorf("its leaves hold %d files, not %d", p.files, r.Files)
	case p.used != len(r.Sources):
		return fmt.Errorf("no leaf stands in source %s", r.Sources[p.used])
	case r.Files == 0 && (r.Bytes != 0 || r.Content != Sum(nil)):
		return errors.New("content without files")
	}
	return nil
}

func parseLeafRef(line string) (l LeafRef, err error) {
	fields, last, ok1 := strings.Cut(line, "  ")
	digest, rest, ok2 := strings.Cut(fields, " ")
	files, rest, ok3 := strings.Cut(rest, " ")
	size, place, placed := strings.Cut(rest, " ")
	if !ok1 || !ok2 || !ok3 {
		return l, errors.New("not of the form: digest files size [source offset]  last-path")
	}
	if l.Digest, err = ParseDigest(digest); err != nil {
		return l, err
	}
	if l.Files, err = parseCount(files, leafMax); err != nil || l.Files == 0 {
		return l, fmt.Errorf("files: %.40q is not a number from 1 to %d", files, leafMax)
	}
	if l.Size, err = parseCount(size, MaxLeaf); err != nil || l.Size == 0 {
		return l, fmt.Errorf("size: %.40q is not a number from 1 to %d", size, MaxLeaf)
	}
	if placed {
		source, offset, _ := strings.Cut(place, " ")
		n, err := parseCount(source, MaxSources)
		if err != nil || n == 0 {
			return l, fmt.Errorf("source: %.40q is not a number from 1 to %d", source, MaxSources)
		}
		l.Source = int(n)
		if l.Offset, err = parseCount(offset, MaxObject-l.Size); err != nil {
			return l, fmt.Errorf("offset: %w", err)
		}
	}
	l.Last = last
	return l, CheckPath(l.Last)
}

package apt

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/asof/asof/internal/deb"
)

// The fields of a stanza in a Packages index, by their places.
const (
	fieldPackage = iota
	fieldFilename
	fieldSize
	fieldSHA512
	fieldSHA256
	fieldSHA1
	fieldMD5
	fieldVersion // from here on for filters only
	fieldArchitecture
	fieldSection
	fieldPriority
	fieldSource
	fieldDepends
	fieldPreDepends
	fieldProvides
)

func packageFields() []string {
	return []string{
		"Package", "Filename", "Size", "SHA512", "SHA256", "SHA1", "MD5sum",
		"Version", "Architecture", "Section", "Priority", "Source", "Depends", "Pre-Depends", "Provides",
	}
}

// parsePackages reads a Packages index.
func (c *capture) parsePackages(ix *obtained, r io.Reader, out *parsed) error {
	fields := packageFields()
	if c.filter == nil {
		fields = fields[:fieldVersion]
	}
	for s, err := range deb.Stanzas(r, fields...) {
		if err != nil {
			return err
		}
		f, err := c.packageFile(ix, s)
		if err != nil {
			return &deb.SyntaxError{Line: s.Line, Err: fmt.Errorf("package %.80q: %w", s.Value(fieldPackage), err)}
		}
		if c.filter != nil {
			f.pkg = len(out.pkgs)
			out.pkgs = append(out.pkgs, newPkg(s))
		}
		out.files = append(out.files, f)
	}
	return nil
}

func (c *capture) packageFile(ix *obtained, s *deb.Stanza) (f poolFile, err error) {
	if !s.Has(fieldFilename) {
		return f, errors.New("has no Filename")
	}
	var l listed
	if l.size, err = parseSize(s.Value(fieldSize)); err != nil {
		return f, err
	}
	for i, a := range algorithms() {
		if digest := s.Value(fieldSHA512 + i); len(digest) > 0 {
			if err := setHex(&l.sums, a, string(bytes.ToLower(digest))); err != nil {
				return f, err
			}
		}
	}
	return c.newPoolFile(ix, s.Text(fieldFilename), l)
}

func parseSize(value []byte) (int64, error) {
	n, err := strconv.ParseUint(string(value), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a size in bytes", value)
	}
	return int64(n), nil
}

func setHex(s *sums, a algorithm, digest string) error {
	if strings.Trim(digest, "0123456789abcdef") != "" {
		return fmt.Errorf("%.140q is not a digest of %s", digest, a.name)
	}
	return s.set(a, digest)
}

// parseSources reads a Sources index: each source is several files.
func (c *capture) parseSources(ix *obtained, r io.Reader, out *parsed) error {
	for s, err := range deb.Stanzas(r, "Package", "Directory", "Checksums-Sha512", "Checksums-Sha256", "Checksums-Sha1", "Files", "Version", "Section", "Priority") {
		if err != nil {
			return err
		}
		if err := c.sourceFiles(ix, s, out); err != nil {
			return &deb.SyntaxError{Line: s.Line, Err: fmt.Errorf("source %.80q: %w", s.Value(0), err)}
		}
	}
	return nil
}

func (c *capture) sourceFiles(ix *obtained, s *deb.Stanza, out *parsed) error {
	files := map[string]listed{}
	var names []string
	for i, a := range algorithms() {
		for sum, err := range deb.Sums(s.Value(2 + i)) {
			if err != nil {
				return err
			}
			l, ok := files[sum.Name]
			if !ok {
				l.size = sum.Size
				names = append(names, sum.Name)
			}
			if l.size != sum.Size {
				return fmt.Errorf("%s: has two sizes, %d and %d", sum.Name, l.size, sum.Size)
			}
			if err := l.sums.set(a, sum.Hash); err != nil {
				return fmt.Errorf("%s: %w", sum.Name, err)
			}
			files[sum.Name] = l
		}
	}
	if len(names) == 0 {
		return errors.New("lists no files")
	}
	p := -1
	if c.filter != nil {
		p = len(out.pkgs)
		out.pkgs = append(out.pkgs, pkg{name: s.Text(0), version: s.Text(6), section: s.Text(7), priority: s.Text(8), isSource: true})
	}
	dir := strings.TrimSuffix(clean(s.Text(1)), "/")
	for _, name := range names {
		if strings.Contains(name, "/") {
			return fmt.Errorf("%q is no name of a file in a folder", name)
		}
		full := name
		if dir != "" && dir != "." {
			full = dir + "/" + name
		}
		f, err := c.newPoolFile(ix, full, files[name])
		if err != nil {
			return err
		}
		f.pkg = p
		out.files = append(out.files, f)
	}
	return nil
}

// parseSHA256SUMS reads the list of an installer's images, which stand beside it:
//
//	<sha256>  ./netboot/mini.iso
func (c *capture) parseSHA256SUMS(ix *obtained, r io.Reader, out *parsed) error {
	dir := ix.suite.dir + path.Dir(ix.stem)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxSumsLine)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		digest, name, ok := strings.Cut(lines.Text(), " ")
		l := listed{size: -1}
		err := setHex(&l.sums, algorithms()[1], digest)
		if !ok || err != nil || len(name) < 2 {
			return &deb.SyntaxError{Line: n, Err: fmt.Errorf("%.80q is no SHA-256 and name", lines.Text())}
		}
		f, err := c.newPoolFile(ix, dir+"/"+clean(name[1:]), l)
		if err != nil {
			return &deb.SyntaxError{Line: n, Err: err}
		}
		out.files = append(out.files, f)
	}
	return lines.Err()
}

// parsePDiffs reads the index of an index's differences, which stand beside it,
// compressed.
func (c *capture) parsePDiffs(ix *obtained, r io.Reader, out *parsed) error {
	dir := ix.suite.dir + path.Dir(ix.stem)
	for s, err := range deb.Stanzas(r, "SHA256-Download") {
		if err != nil {
			return err
		}
		for sum, err := range deb.Sums(s.Value(0)) {
			if err != nil {
				return err
			}
			l := listed{size: sum.Size}
			if err := l.sums.set(algorithms()[1], sum.Hash); err != nil {
				return err
			}
			f, err := c.newPoolFile(ix, dir+"/"+sum.Name, l)
			if err != nil {
				return err
			}
			out.files = append(out.files, f)
		}
	}
	return nil
}

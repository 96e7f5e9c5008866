package apt

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/publisher/remote/mirror"
)

// The fields of a Packages stanza, in the order of packageFields.
const (
	fieldPackage = iota
	fieldFilename
	fieldSize
	fieldSHA512
	fieldSHA256
	fieldSHA1
	fieldMD5
	fieldVersion // this and all below are only for filters
	fieldArchitecture
	fieldSection
	fieldPriority
	fieldSource
	fieldDepends
	fieldPreDepends
	fieldProvides
	fieldRecommends
)

func packageFields() []string {
	return []string{
		"Package", "Filename", "Size", "SHA512", "SHA256", "SHA1", "MD5sum",
		"Version", "Architecture", "Section", "Priority", "Source", "Depends", "Pre-Depends", "Provides", "Recommends",
	}
}

// parsePackages reads a Packages index. Bad stanzas become refusals, which matter only if
// the filter wants them.
func (c *capture) parsePackages(ix *obtained, r io.Reader, out *parsed) error {
	fields := packageFields()
	if c.filter == nil {
		fields = fields[:fieldVersion]
	}
	for s, err := range deb.Stanzas(r, fields...) {
		if err != nil {
			return err
		}
		if err := c.checkStanza(ix, s, fieldPackage); err != nil {
			return err
		}
		if len(s.Value(fieldFilename)) == 0 {
			c.warnings.Add(ix.place(s.Line), fmt.Sprintf("package %.80q has no Filename: nobody can get it", s.Value(fieldPackage)))
			continue
		}
		n := int32(-1)
		if c.filter != nil {
			n = out.addPkg(newPkg(s))
		}
		f, err := c.packageFile(ix, s, n)
		if err != nil {
			err = fmt.Errorf("package %.80q: %w", s.Value(fieldPackage), err)
		}
		out.add(f, err)
	}
	return nil
}

// checkStanza warns about lines that are not fields. A stanza without a name is an error,
// because apt then refuses the whole index.
func (c *capture) checkStanza(ix *obtained, s *deb.Stanza, name int) error {
	if len(s.Value(name)) == 0 {
		return &deb.SyntaxError{Line: s.Line, Err: errors.New("a package without a name")}
	}
	if s.Stray > 0 {
		c.warnings.Add(ix.place(s.Stray), "the line is no field and is passed over")
	}
	return nil
}

func (c *capture) packageFile(ix *obtained, s *deb.Stanza, pkg int32) (poolFile, error) {
	l := mirror.Listed{Size: -1}
	if n, err := strconv.ParseUint(string(s.Value(fieldSize)), 10, 63); err == nil {
		l.Size = int64(n)
	} else {
		c.warnings.Add(ix.place(s.Line), fmt.Sprintf("package %.80q: %.40q is no size in bytes; its digest counts", s.Value(fieldPackage), s.Value(fieldSize)))
	}
	var unreadable error
	for i, a := range algorithms() {
		digest := s.Value(fieldSHA512 + i)
		if len(digest) == 0 {
			continue
		}
		if err := l.Sums.Set(a, string(bytes.ToLower(digest))); err != nil {
			unreadable = err
			c.warnings.Add(ix.place(s.LineOf(fieldSHA512+i)), fmt.Sprintf("package %.80q: the digest does not count: %v", s.Value(fieldPackage), err))
		}
	}
	f, err := c.newPoolFile(ix, s.Line, pkg, string(bytes.TrimSpace(s.Value(fieldFilename))), l)
	if err != nil && l.Sums == (mirror.Sums{}) {
		err = cmp.Or(unreadable, err)
	}
	return f, err
}

// The fields of a Sources stanza. The lists of files are last.
const (
	sourcePackage = iota
	sourceDirectory
	sourceLists // one field for each of algorithms()
)

// parseSources reads a Sources index. Each source package has several files.
func (c *capture) parseSources(ix *obtained, r io.Reader, out *parsed) error {
	const version, section, priority = 6, 7, 8
	for s, err := range deb.Stanzas(r, "Package", "Directory", "Checksums-Sha512", "Checksums-Sha256", "Checksums-Sha1", "Files", "Version", "Section", "Priority") {
		if err != nil {
			return err
		}
		if err := c.checkStanza(ix, s, sourcePackage); err != nil {
			return err
		}
		n := int32(-1)
		if c.filter != nil {
			n = out.addPkg(pkg{name: s.Text(sourcePackage), version: s.Text(version), section: s.Text(section), priority: s.Text(priority), isSource: true})
		}
		c.sourceFiles(ix, s, n, out)
	}
	return nil
}

func (c *capture) sourceFiles(ix *obtained, s *deb.Stanza, pkg int32, out *parsed) {
	named := func(err error) error { return fmt.Errorf("source %.80q: %w", s.Value(sourcePackage), err) }
	files := map[string]mirror.Listed{}
	lines := map[string]int{}
	var names []string
	refuse := func(line int, err error) {
		out.add(poolFile{from: ix, line: int32(min(line, math.MaxInt32)), pkg: pkg}, named(err))
	}
	for i, a := range algorithms() {
		for sum, err := range deb.Sums(s.Value(sourceLists + i)) {
			line := s.LineOf(sourceLists+i) + sum.Line
			if err != nil {
				c.warnings.Add(ix.place(line), "the line is passed over: "+named(err).Error())
				continue
			}
			l, ok := files[sum.Name]
			if !ok {
				l.Size, lines[sum.Name] = sum.Size, line
				names = append(names, sum.Name)
			}
			if needless := l.Sums.Check(false) == nil && a >= mirror.SHA1; needless && (l.Size != sum.Size || l.Sums.Set(a, sum.Hash) != nil) {
				c.warnings.Add(ix.place(line), named(fmt.Errorf("%s: the %s is passed over, as it contradicts a stronger digest", sum.Name, a)).Error())
				continue
			}
			if l.Size != sum.Size {
				refuse(line, fmt.Errorf("%s: has two sizes, %d and %d", sum.Name, l.Size, sum.Size))
				continue
			}
			if err := l.Sums.Set(a, sum.Hash); err != nil {
				refuse(line, fmt.Errorf("%s: %w", sum.Name, err))
				continue
			}
			files[sum.Name] = l
		}
	}
	if len(names) == 0 {
		c.warnings.Add(ix.place(s.Line), named(errors.New("lists no files")).Error())
	}
	dir := s.Text(sourceDirectory)
	for _, name := range names {
		if strings.Contains(name, "/") {
			refuse(lines[name], fmt.Errorf("%q is no name of a file in a folder", name))
			continue
		}
		f, err := c.newPoolFile(ix, lines[name], pkg, dir+"/"+name, files[name])
		if err != nil {
			err = named(err)
		}
		out.add(f, err)
	}
}

// parseSHA256SUMS reads the list of an installer's images. The paths are relative to the
// list:
//
//	<sha256>  ./netboot/mini.iso
//
// It warns about malformed lines. A list with only malformed lines is an error.
func (c *capture) parseSHA256SUMS(ix *obtained, r io.Reader, out *parsed) error {
	dir := ix.suite.dir + path.Dir(ix.stem)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxSumsLine)
	good, stray := 0, error(nil)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		digest, name, ok := strings.Cut(lines.Text(), " ")
		l := mirror.Listed{Size: -1}
		err := l.Sums.Set(mirror.SHA256, strings.ToLower(digest))
		if !ok || err != nil || len(name) < 2 {
			stray = cmp.Or(stray, error(&deb.SyntaxError{Line: n, Err: fmt.Errorf("%.80q is no SHA-256 and name", lines.Text())}))
			c.warnings.Add(ix.place(n), fmt.Sprintf("%.80q is no SHA-256 and name, and is passed over", lines.Text()))
			continue
		}
		good++
		f, err := c.newPoolFile(ix, n, -1, dir+"/"+clean(name[1:]), l)
		out.add(f, err)
	}
	if good == 0 && stray != nil {
		return stray
	}
	return lines.Err()
}

// parsePDiffs reads the list of an index's differences. The differences are compressed
// files next to the list.
func (c *capture) parsePDiffs(ix *obtained, r io.Reader, out *parsed) error {
	dir := ix.suite.dir + path.Dir(ix.stem)
	for s, err := range deb.Stanzas(r, "SHA256-Download") {
		if err != nil {
			return err
		}
		for sum, err := range deb.Sums(s.Value(0)) {
			line := s.LineOf(0) + sum.Line
			l := mirror.Listed{Size: sum.Size}
			if err == nil {
				err = l.Sums.Set(mirror.SHA256, sum.Hash)
			}
			if err != nil {
				c.warnings.Add(ix.place(line), "the line is passed over: "+err.Error())
				continue
			}
			f, err := c.newPoolFile(ix, line, -1, dir+"/"+sum.Name, l)
			out.add(f, err)
		}
	}
	return nil
}

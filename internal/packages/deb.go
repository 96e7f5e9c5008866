package packages

import (
	"fmt"
	"io"

	"github.com/asof/asof/internal/deb"
	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/manifest"
)

// debFormat is that of Packages and Sources.
var debFormat = format{parseStanzas, deb.CompareVersions, func(r io.Reader, ext string, size int64) (*unpack.Stream, error) {
	return unpack.Reader(r, ext, size, false)
}}

func parseStanzas(r io.Reader) ([]listed, error) {
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
	known := map[string]string{} // one string for each architecture
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

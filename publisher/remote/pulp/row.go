package pulp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// row is a line's three fields.
type row struct {
	path, digest, size string
	quoted             bool // the path stood in quotes
}

// parseLine reads one line. ok is false if it lists nothing.
func parseLine(text []byte) (f remote.File, quoted, ok bool, err error) {
	line := strings.TrimSpace(string(text))
	if line == "" || line[0] == '#' {
		return remote.File{}, false, false, nil
	}
	r, ok := splitCSV(line)
	if !ok {
		r, ok = split(line)
	}
	if !ok {
		return remote.File{}, false, false, fmt.Errorf("%.80q is not of the form path,sha256,size", line)
	}
	f, err = r.file()
	return f, r.quoted, err == nil, err
}

// split cuts a line at its last two commas.
func split(line string) (row, bool) {
	second := strings.LastIndexByte(line, ',')
	first := strings.LastIndexByte(line[:max(second, 0)], ',')
	if first < 0 {
		return row{}, false
	}
	return row{path: strings.TrimSpace(line[:first]), digest: field(line[first+1 : second]), size: field(line[second+1:])}, true
}

// splitCSV reads a line that begins with a quoted path and has three fields.
func splitCSV(line string) (row, bool) {
	path, rest, ok := unquote(line)
	if !ok {
		return row{}, false
	}
	fields := strings.Split(rest, ",")
	if len(fields) != 3 || strings.TrimSpace(fields[0]) != "" {
		return row{}, false
	}
	return row{path: path, digest: field(fields[1]), size: field(fields[2]), quoted: true}, true
}

// field is a digest or a size without blanks and quotes around it.
func field(s string) string {
	s = strings.TrimSpace(s)
	if value, rest, ok := unquote(s); ok && rest == "" {
		return strings.TrimSpace(value)
	}
	return s
}

// unquote reads the quoted field that s begins with.
func unquote(s string) (value, rest string, ok bool) {
	rest, ok = strings.CutPrefix(s, `"`)
	for ok {
		var part string
		part, rest, ok = strings.Cut(rest, `"`)
		value += part
		if !ok || !strings.HasPrefix(rest, `"`) {
			break
		}
		value, rest = value+`"`, rest[1:]
	}
	return value, rest, ok
}

// file checks the fields.
func (r row) file() (f remote.File, err error) {
	f.Path = clean(r.path)
	if err := manifest.CheckPath(f.Path); err != nil {
		return remote.File{}, err
	}
	digest, err := hex.DecodeString(r.digest)
	if err != nil || len(digest) != sha256.Size {
		return remote.File{}, fmt.Errorf("%.80q is not a SHA-256 digest (64 hexadecimal digits)", r.digest)
	}
	f.SHA256 = manifest.Digest(digest)
	f.Size, err = parseSize(r.size)
	return f, err
}

// clean drops "." segments.
func clean(path string) string {
	for strings.HasPrefix(path, "./") {
		path = path[2:]
	}
	for strings.Contains(path, "/./") {
		path = strings.ReplaceAll(path, "/./", "/")
	}
	return path
}

func parseSize(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63) // digits only
	if err != nil {
		return 0, fmt.Errorf("%.80q is not a size in bytes", s)
	}
	if n > manifest.MaxSize {
		return 0, fmt.Errorf("size %d is more than %d bytes", n, int64(manifest.MaxSize))
	}
	return int64(n), nil
}

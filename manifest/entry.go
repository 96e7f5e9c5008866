package manifest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Entry is one file of a revision: one line of a leaf.
type Entry struct {
	Path     string
	Size     int64 // bytes
	SHA256   Digest
	Modified ID // upstream's modification time; none if unknown
}

// MaxSize is the largest file: S3's limit of 5 TiB.
const MaxSize = 5 << 40

// appendEntry appends the line of e:
//
//	<sha256> SP <size> SP <modified> SP SP <path> LF
//
// A "-" means no modification time, or an invalid one. The two spaces before the
// path let `cut -d' ' -f1,4-` yield sha256sum's format.
func appendEntry(b []byte, e Entry) []byte {
	b = e.SHA256.append(b)
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Size, 10)
	b = append(b, ' ')
	if !e.Modified.Valid() {
		b = append(b, '-')
	} else {
		b = e.Modified.Time().AppendFormat(b, idLayout)
	}
	b = append(b, "  "...)
	b = append(b, e.Path...)
	return append(b, '\n')
}

// parseEntry reads one line, without its LF. It accepts only what appendEntry
// writes.
func parseEntry(line string) (Entry, error) {
	e, err := parseFields(line)
	if err != nil {
		return Entry{}, err
	}
	return e, CheckPath(e.Path)
}

// parseFields is parseEntry without the check of the path.
func parseFields(line string) (e Entry, err error) {
	digest, rest, ok1 := strings.Cut(line, " ")
	size, rest, ok2 := strings.Cut(rest, " ")
	modified, path, ok3 := strings.Cut(rest, "  ")
	if !ok1 || !ok2 || !ok3 {
		return Entry{}, errors.New("not of the form: digest size modified  path")
	}
	if e.SHA256, err = ParseDigest(digest); err != nil {
		return Entry{}, err
	}
	if e.Size, err = parseCount(size, MaxSize); err != nil {
		return Entry{}, fmt.Errorf("size: %w", err)
	}
	if modified == "-" {
		e.Modified = 0
	} else if e.Modified, err = ParseID(modified); err != nil {
		return Entry{}, fmt.Errorf("modification time: %w", err)
	}
	e.Path = path
	return e, nil
}

// parseCount reads a decimal number from 0 to limit in its one canonical form.
// limit is below 10^16.
func parseCount(s string, limit int64) (int64, error) {
	n, ok := int64(0), s != "" && len(s) <= 16 && (s[0] != '0' || s == "0")
	for i := 0; ok && i < len(s); i++ {
		ok = '0' <= s[i] && s[i] <= '9'
		n = 10*n + int64(s[i]-'0')
	}
	if !ok || n > limit {
		return 0, fmt.Errorf("%.40q is not a number from 0 to %d", s, limit)
	}
	return n, nil
}

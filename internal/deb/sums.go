package deb

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"
)

// Sum is a line of a list of files: of Release's field SHA256, say, or of
// Checksums-Sha256 in a source index.
type Sum struct {
	Hash string // in lower case hexadecimal digits
	Size int64  // bytes
	Name string
}

// Sums reads a field that lists files, a line each:
//
//	e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages
//
// Empty lines are passed over. It ends with the first line of another form.
// How long the hash is, and what the name may be, is the caller's to check.
func Sums(value []byte) iter.Seq2[Sum, error] {
	return func(yield func(Sum, error) bool) {
		for line := range bytes.SplitSeq(value, []byte("\n")) {
			if line = bytes.Trim(line, " \t"); len(line) == 0 {
				continue
			}
			s, err := parseSum(line)
			if err != nil {
				yield(Sum{}, fmt.Errorf("%.120q: %w", line, err))
				return
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

func parseSum(line []byte) (Sum, error) {
	parts := bytes.Fields(line)
	if len(parts) != 3 {
		return Sum{}, errors.New("is no hash, size and name")
	}
	hash := bytes.ToLower(parts[0])
	if len(bytes.Trim(hash, "0123456789abcdef")) > 0 {
		return Sum{}, errors.New("the hash is not hexadecimal")
	}
	size, err := strconv.ParseUint(string(parts[1]), 10, 63)
	if err != nil {
		return Sum{}, errors.New("the size is no number")
	}
	return Sum{string(hash), int64(size), string(parts[2])}, nil
}

package deb

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strconv"
)

// Sum is one line of a list of files, for example of the field SHA256 in a Release file
// or Checksums-Sha256 in a Sources index.
type Sum struct {
	Hash string // lower-case hexadecimal digits
	Size int64  // bytes
	Name string
	Line int // line of the field's value, counted from 0
}

// Sums reads a field that lists one file per line:
//
//	e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 main/binary-amd64/Packages
//
// Empty lines are skipped. A malformed line yields an error that quotes it; the caller
// may continue after it. The caller must check the length of the hash and the name.
func Sums(value []byte) iter.Seq2[Sum, error] {
	return func(yield func(Sum, error) bool) {
		n := -1
		for line := range bytes.SplitSeq(value, []byte("\n")) {
			n++
			if line = bytes.Trim(line, " \t"); len(line) == 0 {
				continue
			}
			s, err := parseSum(line)
			if err != nil {
				err = fmt.Errorf("%.120q: %w", line, err)
			}
			s.Line = n
			if !yield(s, err) {
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
	return Sum{Hash: string(hash), Size: int64(size), Name: string(parts[2])}, nil
}

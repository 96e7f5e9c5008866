package rpm

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	maxEntries    = 65535    // rpm's own limit
	maxHeaderData = 64 << 20 // bytes; rpm takes four times as many
	maxValue      = 1 << 20  // bytes of a value that we read
)

// Types of values in a header.
const (
	typeInt32   = 4
	typeString  = 6
	typeBinary  = 7
	typeStrings = 8
)

// tags are the values of an RPM header (rpm-format(5), "Header structure") that were asked
// for: their bytes by tag.
type tags map[uint32][]byte

// indexEntry is a line of a header's index.
type indexEntry struct {
	Tag, Type, Offset, Count uint32
}

// readTags reads a header to its last byte, and no further. It keeps the values of some tags,
// each of the type that stands with it, and refuses others.
func readTags(r io.Reader, types map[uint32]uint32) (tags, error) {
	entries, size, err := readIndex(r)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(entries, func(a, b indexEntry) int { return cmp.Compare(a.Offset, b.Offset) })
	values := tags{}
	at := uint32(0)
	for i, e := range entries {
		kind, wanted := types[e.Tag]
		if !wanted {
			continue
		}
		end := size
		if i+1 < len(entries) {
			end = entries[i+1].Offset
		}
		switch {
		case values[e.Tag] != nil:
			return nil, fmt.Errorf("has the tag %d twice", e.Tag)
		case e.Type != kind:
			return nil, fmt.Errorf("the tag %d has the type %d, not %d", e.Tag, e.Type, kind)
		case end-e.Offset > maxValue:
			return nil, fmt.Errorf("the tag %d has more than %d bytes", e.Tag, maxValue)
		}
		if err := discard(r, e.Offset-at); err != nil {
			return nil, err
		}
		value := make([]byte, end-e.Offset)
		if _, err := io.ReadFull(r, value); err != nil {
			return nil, short(err)
		}
		at = end
		if values[e.Tag], err = e.cut(value); err != nil {
			return nil, err
		}
	}
	return values, discard(r, size-at)
}

// readIndex reads what stands before a header's values: the index, and the values' size in
// bytes. Every entry's value begins within it.
func readIndex(r io.Reader) (entries []indexEntry, size uint32, err error) {
	var intro struct {
		Magic         [8]byte
		Entries, Size uint32
	}
	if err := binary.Read(r, binary.BigEndian, &intro); err != nil {
		return nil, 0, short(err)
	}
	switch {
	case intro.Magic != [8]byte{0x8e, 0xad, 0xe8, 1}:
		return nil, 0, errors.New("does not begin as a header")
	case intro.Entries > maxEntries:
		return nil, 0, fmt.Errorf("has %d tags, more than %d", intro.Entries, maxEntries)
	case intro.Size > maxHeaderData:
		return nil, 0, fmt.Errorf("has %d bytes, more than %d", intro.Size, maxHeaderData)
	}
	entries = make([]indexEntry, intro.Entries)
	if err := binary.Read(r, binary.BigEndian, entries); err != nil {
		return nil, 0, short(err)
	}
	for _, e := range entries {
		if e.Offset >= intro.Size {
			return nil, 0, fmt.Errorf("the tag %d lies outside", e.Tag)
		}
	}
	return entries, intro.Size, nil
}

// cut returns an entry's value, without what may follow it. Strings are without their last
// zero byte.
func (e indexEntry) cut(value []byte) ([]byte, error) {
	n := -1
	switch e.Type {
	case typeInt32:
		n = 4
	case typeBinary:
		n = int(e.Count)
	case typeString, typeStrings:
		for range e.Count {
			end := bytes.IndexByte(value[n+1:], 0)
			if end < 0 {
				n = -1
				break
			}
			n += 1 + end
		}
	}
	if e.Count == 0 || n < 0 || n > len(value) {
		return nil, fmt.Errorf("the tag %d is cut short", e.Tag)
	}
	return value[:n:n], nil
}

func discard(r io.Reader, n uint32) error {
	_, err := io.CopyN(io.Discard, r, int64(n))
	return short(err)
}

// short says what the end of a file means within a header.
func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("is cut short")
	}
	return err
}

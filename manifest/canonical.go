package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The index and the registry share one canonical JSON form: a line of single
// values, then lists with one element per line. The parser goes line by line and
// accepts each line only in its canonical form. So memory stays bounded by the
// input's size: a list of empty objects fails at the first one.

// maxNumber bounds every number in a document. Every JSON reader is exact up to
// it, jq and JavaScript included.
const maxNumber = 1<<53 - 1

// appendHead appends the opening line: the members of head, then a comma.
func appendHead(b []byte, head any) ([]byte, error) {
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	return append(append(b, line[:len(line)-1]...), ",\n"...), nil
}

// appendList appends a JSON member whose value is a list, one element per line.
// line appends one element.
func appendList[T any](b []byte, name string, list []T, end string, line func([]byte, T) []byte) []byte {
	b = fmt.Appendf(b, "%q:[", name)
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = line(append(b, '\n'), e)
	}
	return append(append(b, ']'), end...)
}

// document is the unread rest of a canonical document.
type document struct {
	rest []byte
	line int // number of the line last read
}

// openDocument checks the size and the format before anything is decoded.
func openDocument(data []byte, limit int, format string) (*document, error) {
	if len(data) > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	const opening = `{"format":"`
	rest, ok := bytes.CutPrefix(data, []byte(opening))
	got, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return nil, fmt.Errorf("it does not begin with %s%s\"", opening, format)
	}
	if err := checkFormat(string(got), format); err != nil {
		return nil, err
	}
	return &document{rest: data}, nil
}

func (d *document) next() ([]byte, error) {
	line, rest, ok := bytes.Cut(d.rest, []byte("\n"))
	d.line++
	if !ok {
		return nil, d.fail(errors.New("the document is cut off"))
	}
	d.rest = rest
	return line, nil
}

func (d *document) fail(err error) error { return fmt.Errorf("line %d: %w", d.line, err) }

// head reads what appendHead wrote.
func (d *document) head(v any) error {
	line, err := d.next()
	if err != nil {
		return err
	}
	members, ok := bytes.CutSuffix(line, []byte(","))
	if !ok {
		return d.fail(errors.New("not in canonical form: no comma at its end"))
	}
	if err := decodeExact(append(bytes.Clone(members), '}'), v); err != nil {
		return d.fail(err)
	}
	return nil
}

// value reads one line that is a whole JSON value.
func (d *document) value(v any) error {
	line, err := d.next()
	if err != nil {
		return err
	}
	if err := decodeExact(line, v); err != nil {
		return d.fail(err)
	}
	return nil
}

// opens reports whether the next line opens the list with a name.
func (d *document) opens(name string) bool {
	return bytes.HasPrefix(d.rest, fmt.Appendf(nil, "%q:[", name))
}

// readList reads what appendList wrote. quick reads the usual lines fast; the
// others are decoded the slow way.
func readList[T any](d *document, name, end string, quick func([]byte) (T, bool)) ([]T, error) {
	line, err := d.next()
	if err != nil {
		return nil, err
	}
	opening := fmt.Sprintf("%q:[", name)
	if string(line) == opening+"]"+end {
		return nil, nil
	}
	if string(line) != opening {
		return nil, d.fail(fmt.Errorf("not in canonical form: want %s", opening))
	}
	var list []T
	for last := false; !last; {
		if line, err = d.next(); err != nil {
			return nil, err
		}
		if line, last = bytes.CutSuffix(line, []byte("]"+end)); !last {
			more := false
			if line, more = bytes.CutSuffix(line, []byte(",")); !more {
				return nil, d.fail(errors.New("not in canonical form: neither a comma nor the list's end at its end"))
			}
		}
		e, ok := quick(line)
		if !ok {
			if e, err = decodeLine[T](line); err != nil {
				return nil, d.fail(err)
			}
		}
		if list == nil && !last {
			// The first line's length tells about how many lines follow. A line
			// that parsed is about as long as its element.
			list = make([]T, 0, 2+len(d.rest)/len(line))
		}
		list = append(list, e)
	}
	return list, nil
}

// end reports anything after the end of the document.
func (d *document) end() error {
	if len(d.rest) > 0 {
		d.line++
		return d.fail(errors.New("data behind the document's end"))
	}
	return nil
}

func decodeLine[T any](line []byte) (e T, err error) {
	err = decodeExact(line, &e)
	return e, err
}

// decodeExact decodes one JSON value and accepts it only as json.Marshal writes
// it.
func decodeExact(line []byte, v any) error {
	if err := json.Unmarshal(line, v); err != nil {
		return err
	}
	if again, err := json.Marshal(v); err == nil && bytes.Equal(again, line) {
		return nil
	}
	// An unknown field is the one difference worth naming: a later version may
	// have written it.
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	return errors.New("not in canonical form")
}

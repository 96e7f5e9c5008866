package rpm

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
)

// Delta is a delta RPM: what turns an old package into a new one.
type Delta struct {
	Location Location
	Size     int64 // bytes; -1: not given
	Checksum Checksum
	Line     int // where it begins
}

// Deltas reads a list of delta RPMs, of the types prestodelta and deltainfo, as a stream.
// The sequence ends at the first error: a *SyntaxError, or the error of r. The caller must
// check locations and checksums.
func Deltas(r io.Reader) iter.Seq2[Delta, error] {
	return all(func(yield func(Delta) error) error {
		x, err := newDocument(r, "prestodelta", "deltainfo")
		if err != nil {
			return err
		}
		err = x.children(func(e xml.StartElement) error {
			if e.Name.Local != "newpackage" {
				return x.skip()
			}
			return x.children(func(e xml.StartElement) error {
				if e.Name.Local != "delta" {
					return x.skip()
				}
				d, err := x.delta()
				if err != nil {
					return err
				}
				return yield(d)
			})
		})
		if err != nil {
			return err
		}
		return x.end()
	})
}

func (x *document) delta() (Delta, error) {
	d := Delta{Size: -1, Line: x.line()}
	seen := map[string]bool{}
	err := x.children(func(e xml.StartElement) error {
		name := e.Name.Local
		if name != "filename" && name != "size" && name != "checksum" {
			return x.skip()
		}
		text, err := x.text()
		if err == nil && seen[name] {
			err = x.fail(fmt.Errorf("a delta has two elements %s", name))
		}
		seen[name] = true
		switch name {
		case "filename":
			d.Location.Href = text
		case "size":
			d.Size = number(text)
		case "checksum":
			d.Checksum = Checksum{attr(e, "type"), text}
		}
		return err
	})
	return d, err
}

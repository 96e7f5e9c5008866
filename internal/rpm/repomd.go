package rpm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Limits of a repomd.xml. Real ones have up to 10 KB and some 30 entries.
const (
	MaxRepomd = 16 << 20 // bytes
	MaxData   = 1000     // data elements
)

// Checksum is a digest as a document gives it.
type Checksum struct {
	Type  string // sha256, sha, …; as it is written
	Value string // hexadecimal digits, unless the document is wrong
}

// Location is where a document says that a file is.
type Location struct {
	Href string // a path, not a URL: clients encode it
	Base string // xml:base; empty: none
}

// Data is one file of a repository's metadata.
type Data struct {
	Type         string // primary, filelists, …
	Location     Location
	Checksum     Checksum // of the file
	OpenChecksum Checksum // of what it unpacks to; empty: not given
	Size         int64    // bytes; -1: not given
	OpenSize     int64    // bytes; -1: not given
	Timestamp    int64    // seconds since 1970; -1: not given
	Line         int      // where it begins
}

// Repomd is the content of a repomd.xml.
type Repomd struct {
	Revision string // any text; often the time in seconds since 1970
	Data     []Data
}

// Find returns the first entry of a type, or nil.
func (r *Repomd) Find(typ string) *Data {
	for i := range r.Data {
		if r.Data[i].Type == typ {
			return &r.Data[i]
		}
	}
	return nil
}

// Time returns the newest timestamp of all entries; -1: none has one.
func (r *Repomd) Time() int64 {
	newest := int64(-1)
	for _, d := range r.Data {
		newest = max(newest, d.Timestamp)
	}
	return newest
}

// ParseRepomd reads a repomd.xml. It accepts what dnf and zypper accept: elements in any
// namespace, elements that it does not know, and entries that lack what a client does not
// need. The caller must check locations and checksums. The error is a *SyntaxError, or the
// error of r.
func ParseRepomd(r io.Reader) (*Repomd, error) {
	x, err := newDocument(io.LimitReader(r, MaxRepomd+1), "repomd")
	if err != nil {
		return nil, err
	}
	out := &Repomd{}
	err = x.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "revision":
			out.Revision, err = x.text()
			return err
		case "data":
			if len(out.Data) == MaxData {
				return x.fail(fmt.Errorf("lists more than %d files", MaxData))
			}
			d, err := x.data(e)
			out.Data = append(out.Data, d)
			return err
		}
		return x.skip()
	})
	if err == nil {
		err = x.end()
	}
	if err == nil && x.d.InputOffset() > MaxRepomd {
		err = x.fail(fmt.Errorf("has more than %d bytes", MaxRepomd))
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (x *document) data(e xml.StartElement) (Data, error) {
	d := Data{Type: attr(e, "type"), Size: -1, OpenSize: -1, Timestamp: -1, Line: x.line()}
	seen := map[string]bool{}
	err := x.children(func(e xml.StartElement) (err error) {
		name := e.Name.Local
		var text string
		switch name {
		case "checksum", "open-checksum", "location", "size", "open-size", "timestamp":
			if seen[name] {
				return x.fail(fmt.Errorf("the entry %.40q has two elements %s", d.Type, name))
			}
			seen[name] = true
			if text, err = x.text(); err != nil {
				return err
			}
		default:
			return x.skip()
		}
		switch name {
		case "checksum":
			d.Checksum = Checksum{attr(e, "type"), text}
		case "open-checksum":
			d.OpenChecksum = Checksum{attr(e, "type"), text}
		case "location":
			d.Location = Location{attr(e, "href"), base(e)}
		case "size":
			d.Size = number(text)
		case "open-size":
			d.OpenSize = number(text)
		case "timestamp":
			d.Timestamp = number(text)
		}
		return nil
	})
	return d, err
}

// all turns a reader of one document into a sequence. read calls yield for each part.
func all[T any](read func(yield func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := read(func(part T) error {
			if !yield(part, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && err != errStopped {
			var none T
			yield(none, err)
		}
	}
}

var errStopped = errors.New("the caller has seen enough")

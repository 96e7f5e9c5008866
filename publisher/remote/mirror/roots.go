package mirror

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// RootName names a root document that an upstream may have.
type RootName struct {
	Path  string // in the tree
	Phase remote.Phase
	// Optional: clients do without it, so any answer that refuses it counts as its absence.
	Optional bool
}

// Document is a root document, in memory.
type Document struct {
	RootName
	Data     []byte
	Modified time.Time // zero: upstream does not say
	// Unchanged is true if the newest checkpoint has the same bytes.
	Unchanged bool

	validator remote.Validator
	way       []*url.URL // the URLs that led to it, with redirects; nil: it came from the store
}

// Roots are root documents that belong together, like those of one suite.
type Roots struct {
	Documents []Document // what upstream has, in the order of the request
	Lacking   error      // why it does not have the first one that it lacks; nil: it has all
}

// Find returns the document with a path, or nil if upstream does not have it.
func (r *Roots) Find(path string) *Document {
	for i := range r.Documents {
		if r.Documents[i].Path == path {
			return &r.Documents[i]
		}
	}
	return nil
}

// Unchanged reports whether the documents are the same as in the newest checkpoint. The
// first one decides.
func (r *Roots) Unchanged() bool { return len(r.Documents) > 0 && r.Documents[0].Unchanged }

// ReadRoots reads root documents of at most limit bytes each. names must be in order of
// authority. If the first document that upstream has is unchanged since the newest
// checkpoint, which a conditional request may show, the others come from that checkpoint.
// Documents that upstream does not have are left out.
//
// The first root document of the session decides where all other files are requested; see
// [fetch.Client.Below].
func (s *Session) ReadRoots(ctx context.Context, limit int, names ...RootName) (r *Roots, err error) {
	first := false
	s.first.Do(func() {
		first = true
		r, err = s.readRoots(ctx, limit, names, func(doc Document) { s.client = s.client.Below(doc.Path, doc.way) })
	})
	if !first {
		r, err = s.readRoots(ctx, limit, names, func(Document) {})
	}
	return r, err
}

// readRoots calls found with the first document that upstream has.
func (s *Session) readRoots(ctx context.Context, limit int, names []RootName, found func(Document)) (*Roots, error) {
	r := &Roots{}
	for _, name := range names {
		var doc Document
		var err error
		if r.Unchanged() {
			doc, err = Stored(ctx, s.prev, name.Path, limit)
		} else {
			doc, err = s.readRoot(ctx, name.Path, limit)
		}
		_, refused := Refusal(err)
		if Absent(err) || name.Optional && refused {
			r.Lacking = cmp.Or(r.Lacking, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		doc.RootName = name
		if len(r.Documents) == 0 {
			found(doc)
		}
		r.Documents = append(r.Documents, doc)
	}
	return r, nil
}

// readRoot reads a root document. The request is conditional if the newest checkpoint has
// it.
func (s *Session) readRoot(ctx context.Context, path string, limit int) (Document, error) {
	have, ok, err := s.Find(ctx, path)
	if err != nil {
		return Document{}, err
	}
	var known remote.Validator
	if ok && !s.client.Local() {
		known = s.prev.Validator(ctx, have)
	}
	doc, err := s.readChanged(ctx, path, limit, known)
	if same, ok := errors.AsType[*fetch.NotModifiedError](err); ok {
		doc, err = Stored(ctx, s.prev, path, limit)
		doc.validator, doc.way = known, same.Way
		return doc, err
	}
	doc.Unchanged = ok && manifest.Sum(doc.Data) == have.SHA256
	return doc, err
}

// readChanged reads a root document from upstream. The error is a *fetch.NotModifiedError
// if upstream proves that it is still the known one.
func (s *Session) readChanged(ctx context.Context, path string, limit int, known remote.Validator) (doc Document, err error) {
	u := s.client.URL(path)
	err = s.client.Retry(ctx, func(ctx context.Context) error {
		resp, err := s.client.GetChanged(ctx, u, -1, known)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		data, err := readBounded(resp.Body, limit, fetch.Redact(u))
		doc = Document{Data: data, Modified: resp.Modified, validator: resp.Validator, way: resp.Way}
		return err
	})
	return doc, err
}

// Settled checks that the root documents are still the ones that were read. If not, the
// error is remote.ErrMoved. Only the first one is checked.
func (s *Session) Settled(ctx context.Context, r *Roots, limit int) error {
	root := r.Documents[0]
	now, err := s.readChanged(ctx, root.Path, limit, root.validator)
	if _, same := errors.AsType[*fetch.NotModifiedError](err); same {
		return nil
	}
	if Absent(err) || (err == nil && !bytes.Equal(now.Data, root.Data)) {
		return fmt.Errorf("%s: %w", fetch.Redact(s.client.URL(root.Path)), remote.ErrMoved)
	}
	return err
}

// Stored reads a root document of at most limit bytes from a tree in the store. The error
// is fs.ErrNotExist if there is none, or if tree is nil.
func Stored(ctx context.Context, tree remote.Tree, path string, limit int) (Document, error) {
	f, ok, err := find(ctx, tree, path)
	if err != nil {
		return Document{}, err
	}
	if !ok {
		return Document{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	body, err := tree.Open(ctx, f)
	if err != nil {
		return Document{}, err
	}
	defer body.Close()
	data, err := readBounded(body, limit, path)
	if err == nil && manifest.Sum(data) != f.SHA256 {
		err = fmt.Errorf("%s: the store has other bytes than the newest checkpoint says", path)
	}
	return Document{RootName: RootName{Path: path}, Data: data, Modified: f.Modified, Unchanged: true}, err
}

func readBounded(r io.Reader, limit int, where string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = &remote.InputError{Where: where, Err: fmt.Errorf("has more than %d bytes", limit)}
	}
	return data, err
}

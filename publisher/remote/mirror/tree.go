package mirror

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// Tree is a capture. Root documents and indexes are already here; other files are read
// from upstream when they are opened. Build it with the Add methods, then call Sort.
// After that it implements remote.Capture, remote.Moving, remote.Dated and
// remote.Revalidating.
type Tree struct {
	session    *Session
	files      []remote.File
	documents  map[string]Document // by path: documents in memory
	kept       map[string]Spooled  // by path: files in temporary files
	beside     map[string]*Sums    // by path: digests to check besides the SHA-256
	validators map[string]remote.Validator

	mu  sync.Mutex
	bad map[string]int // by path: how many places turned out to have no or another file
}

// Tree ends the session and starts a tree. The tree takes over the temporary files.
func (s *Session) Tree() *Tree {
	s.prev = nil
	return &Tree{
		session: s, documents: map[string]Document{}, kept: map[string]Spooled{}, beside: map[string]*Sums{}, validators: map[string]remote.Validator{},
		bad: map[string]int{},
	}
}

// AddRoots adds root documents. It keeps the validator of the first one, for the next
// conditional request.
func (t *Tree) AddRoots(r *Roots) {
	for i, doc := range r.Documents {
		if i == 0 {
			t.validators[doc.Path] = doc.validator
		}
		t.documents[doc.Path] = doc
		t.files = append(t.files, remote.File{
			Path: doc.Path, Size: int64(len(doc.Data)), SHA256: manifest.Sum(doc.Data), Modified: doc.Modified, Phase: doc.Phase,
		})
	}
}

// MadeWith notes by which options a root document was captured.
func (t *Tree) MadeWith(path string, options manifest.Digest) {
	v := t.validators[path]
	v.Options = options
	t.validators[path] = v
}

// AddSpooled adds a file that was already read.
func (t *Tree) AddSpooled(path string, f Spooled, phase remote.Phase) {
	if f.Kept() {
		t.kept[path] = f
	}
	t.files = append(t.files, remote.File{Path: path, Size: f.Size, SHA256: f.SHA256, Modified: f.Modified, Phase: phase})
}

// AddFile adds a file that is still upstream. If beside is not nil, its digests are
// checked as well as the SHA-256.
func (t *Tree) AddFile(f remote.File, beside *Sums) {
	if beside != nil {
		t.beside[f.Path] = beside
	}
	t.files = append(t.files, f)
}

// Sort sorts the files and checks that their paths can coexist. where names the upstream
// in errors.
func (t *Tree) Sort(where string) error {
	slices.SortFunc(t.files, func(a, b remote.File) int { return strings.Compare(a.Path, b.Path) })
	var paths manifest.PathChecker
	for _, f := range t.files {
		if err := paths.Next(f.Path); err != nil {
			return &remote.InputError{Where: where, Err: err}
		}
	}
	return nil
}

// Files implements remote.Capture.
func (t *Tree) Files() []remote.File { return t.files }

// Moving implements remote.Moving.
func (t *Tree) Moving() {}

// Validators implements remote.Revalidating.
func (t *Tree) Validators() map[string]remote.Validator { return t.validators }

// Open implements remote.Capture. It returns documents and kept files as they were
// captured, and reads all others from upstream.
func (t *Tree) Open(ctx context.Context, f remote.File) (remote.Content, error) {
	if doc, ok := t.documents[f.Path]; ok {
		return remote.Content{Body: io.NopCloser(bytes.NewReader(doc.Data)), Modified: doc.Modified}, nil
	}
	if kept, ok := t.kept[f.Path]; ok {
		body, err := kept.Open()
		return remote.Content{Body: body, Modified: kept.Modified}, err
	}
	if len(t.session.others) > 0 {
		return t.openAnywhere(ctx, f)
	}
	return t.openAt(ctx, t.session.client, f)
}

func (t *Tree) openAt(ctx context.Context, client *fetch.Client, f remote.File) (remote.Content, error) {
	resp, err := client.Get(ctx, t.session.url(client, f.Path), f.Size)
	if err != nil {
		return remote.Content{}, Gone(Differs(err))
	}
	body := resp.Body
	if sums, ok := t.beside[f.Path]; ok {
		body = &verifiedBody{ReadCloser: body, v: NewVerifier(Listed{f.Size, *sums})}
	}
	return remote.Content{Body: body, Modified: resp.Modified}, nil
}

// openAnywhere opens a file at the first place that is not known to be bad for it. If the
// bytes turn out to be other ones, the next try opens it at the next place.
func (t *Tree) openAnywhere(ctx context.Context, f remote.File) (content remote.Content, err error) {
	places := append([]*fetch.Client{t.session.client}, t.session.others...)
	t.mu.Lock()
	from := t.bad[f.Path]
	t.mu.Unlock()
	at := from
	for n := range places {
		at = (from + n) % len(places)
		content, err = t.openAt(ctx, places[at], f)
		_, temporary := errors.AsType[*remote.TemporaryError](err)
		if err == nil || ctx.Err() != nil || !temporary && !errors.Is(err, remote.ErrMoved) {
			break
		}
	}
	if err != nil {
		return content, err
	}
	want := Listed{Size: f.Size}
	want.Sums[SHA256] = f.SHA256.String()
	content.Body = &placedBody{ReadCloser: content.Body, v: NewVerifier(want), failed: func(err error) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.bad[f.Path] = at + 1
		if _, temporary := errors.AsType[*remote.TemporaryError](err); temporary || at+1 >= len(places) {
			return err
		}
		return &remote.TemporaryError{Err: err} // another place may have the right bytes
	}}
	return content, nil
}

// placedBody checks a whole file at its end. failed gets the first error.
type placedBody struct {
	io.ReadCloser
	v      *Verifier
	failed func(error) error
	err    error
}

func (b *placedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	_, _ = b.v.Write(p[:n]) // never fails
	wrong := err
	if err == io.EOF {
		_, wrong = b.v.Done()
	}
	switch {
	case wrong != nil:
		b.err = b.failed(wrong)
	case err == io.EOF:
		b.err = io.EOF
	}
	return n, b.err
}

// verifiedBody checks a body's other digests at its end. The reader checks size and
// SHA-256.
type verifiedBody struct {
	io.ReadCloser
	v *Verifier
}

func (b *verifiedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	_, _ = b.v.Write(p[:n]) // never fails
	if err == io.EOF {
		if _, wrong := b.v.Done(); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}

// Modified implements remote.Capture. A file that is gone has a zero time. That is no
// error, because the store already has its content.
func (t *Tree) Modified(ctx context.Context, f remote.File) (time.Time, error) {
	if doc, ok := t.documents[f.Path]; ok {
		return doc.Modified, nil
	}
	if kept, ok := t.kept[f.Path]; ok {
		return kept.Modified, nil
	}
	modified, err := t.session.client.Modified(ctx, t.session.url(t.session.client, f.Path))
	if Absent(err) {
		return time.Time{}, nil
	}
	return modified, err
}

// Date implements remote.Dated.
func (t *Tree) Date() (now time.Time, host string, known bool) { return t.session.client.Date() }

// Close implements remote.Capture. It removes the temporary files.
func (t *Tree) Close() error { return t.session.Close() }

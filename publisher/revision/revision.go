// Package revision holds a captured state of a remote and its manifest, before
// they are published.
package revision

import (
	"context"
	"io"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Revision is a captured state of a remote. Entries[i] describes Files[i]. Its
// time may be unknown until the file is transferred.
type Revision struct {
	remote.Capture
	At      manifest.ID // when it was captured
	Files   []remote.File
	Entries []manifest.Entry
	Root    manifest.Root // without times that are not known yet

	Modes *manifest.Modes // nil: the remote does not know any
	Lost  []string        // what upstream has and a tree does not keep, in words

	Moving   bool // upstream replaces files while they are read
	Lasting  bool // it is as it was before, so that what is wrong stays wrong: see remote.Lasting
	HeldBack manifest.HeldBack
	Missing  []string // paths that are left out because upstream does not have them
}

// New makes a revision from a capture.
func New(c remote.Capture, at manifest.ID) (*Revision, error) {
	rev := &Revision{Capture: c, At: at, Files: c.Files()}
	_, rev.Moving = c.(remote.Moving)
	if lasting, ok := c.(remote.Lasting); ok {
		rev.Lasting, rev.Missing = lasting.Lasting(), lasting.Missing()
	}
	if moded, ok := c.(remote.Moded); ok {
		rev.Modes = moded.Modes()
	}
	if lossy, ok := c.(remote.Lossy); ok {
		rev.Lost = lossy.Lost()
	}
	if partial, ok := c.(remote.Partial); ok {
		files, bytes := partial.HeldBack()
		rev.HeldBack = manifest.HeldBack{Files: int64(files), Bytes: bytes}
	}
	return rev, rev.describe()
}

// Skip asks the remote to do without files that upstream does not have. It
// reports whether the remote may.
func (rev *Revision) Skip(missing []string) bool {
	lasting, ok := rev.Capture.(remote.Lasting)
	return ok && len(missing) > 0 && lasting.Skip(missing)
}

// Advice is the remote's advice about lasting faults.
func (rev *Revision) Advice(missing bool) string {
	if lasting, ok := rev.Capture.(remote.Lasting); ok {
		return lasting.Advice(missing)
	}
	return ""
}

// Part returns a revision with only the wanted files.
func (rev *Revision) Part(wanted func(remote.File) bool) (*Revision, error) {
	part := *rev
	part.Files = nil
	for _, f := range rev.Files {
		if wanted(f) {
			part.Files = append(part.Files, f)
		}
	}
	return &part, part.describe()
}

func (rev *Revision) describe() (err error) {
	rev.Entries = make([]manifest.Entry, len(rev.Files))
	for i, f := range rev.Files {
		rev.Entries[i] = manifest.Entry{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Modified: TimeOf(f.Modified)}
	}
	rev.Root, err = buildRoot(rev.Entries)
	return err
}

// Inspects reports whether a file's content is to be inspected.
func (rev *Revision) Inspects(f remote.File) bool {
	c, ok := rev.Capture.(remote.Inspected)
	return ok && c.Inspects(f)
}

// Inspect returns content of a file that is inspected while it is read, if it has to be.
func (rev *Revision) Inspect(f remote.File, content io.ReadCloser) io.ReadCloser {
	if !rev.Inspects(f) {
		return content
	}
	return rev.Capture.(remote.Inspected).Inspect(f, content)
}

// Body returns the content of a file in the form a store wants. opened gets the
// modification time that came with it.
func (rev *Revision) Body(f remote.File, opened func(time.Time)) objstore.Body {
	body := objstore.Body{Size: f.Size, SHA256: f.SHA256, Open: func(ctx context.Context) (io.ReadCloser, error) {
		content, err := rev.Open(ctx, f)
		if err != nil {
			return nil, err
		}
		opened(content.Modified)
		return rev.Inspect(f, content.Body), nil
	}}
	if c, ok := rev.Capture.(remote.Checked); ok {
		body.OpenAt = func(ctx context.Context, offset int64) (io.ReadCloser, error) { return c.OpenAt(ctx, f, offset) }
	}
	return body
}

// FileOf returns a manifest's entry in the form remotes use.
func FileOf(e manifest.Entry) remote.File {
	return remote.File{Path: e.Path, Size: e.Size, SHA256: e.SHA256, Modified: e.Modified.Time()}
}

// TimeOf returns a modification time in the form manifests use.
func TimeOf(t time.Time) manifest.ID {
	if id := manifest.IDOf(t); id.Valid() {
		return id
	}
	return 0
}

package mirror

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Entry is a file that an index lists.
type Entry struct {
	Path    string
	Size    int64 // bytes; -1: unknown
	SHA256  manifest.Digest
	Known   bool     // SHA256 is set
	More    *Sums    // other digests that matter; nil: none
	Spooled *Spooled // set if it was read already, or need not be read
}

// NewEntry makes an entry of what an index says, and checks it (invariant 8). The path of
// the entry is set in any case.
func NewEntry(path string, l Listed, allowWeak bool) (Entry, error) {
	e := Entry{Path: path, Size: l.Size}
	if err := manifest.CheckPath(e.Path); err != nil {
		return e, err
	}
	if l.Size > manifest.MaxSize {
		return e, fmt.Errorf("%s: size %d is more than %d bytes", e.Path, l.Size, int64(manifest.MaxSize))
	}
	if err := l.Sums.Check(allowWeak); err != nil {
		return e, fmt.Errorf("%s: %w", e.Path, err)
	}
	more := l.Sums
	if digest := l.Sums[SHA256]; digest != "" {
		_, err := hex.Decode(e.SHA256[:], []byte(digest))
		e.Known = err == nil
		more = Sums{SHA512: l.Sums[SHA512]}
	}
	if more != (Sums{}) {
		e.More = &more
	}
	return e, nil
}

// Sums returns all digests that are known.
func (e *Entry) Sums() (s Sums) {
	if e.More != nil {
		s = *e.More
	}
	if e.Known {
		s[SHA256] = e.SHA256.String()
	}
	return s
}

// Listed returns what is known about the file.
func (e *Entry) Listed() Listed { return Listed{Size: e.Size, Sums: e.Sums()} }

// beside returns the digests to check besides the SHA-256; nil: none.
func (e *Entry) beside() *Sums {
	if e.More == nil || e.More[SHA512] == "" {
		return nil
	}
	return e.More
}

// Merge adds what another entry says about the same file. It returns false if the two
// contradict each other.
func (e *Entry) Merge(other *Entry) bool {
	mine, theirs := e.Sums(), other.Sums()
	if e.Size >= 0 && other.Size >= 0 && e.Size != other.Size {
		return false
	}
	if _, contradiction := mine.Contradiction(&theirs); contradiction {
		return false
	}
	e.Size = max(e.Size, other.Size)
	if !e.Known && other.Known {
		e.SHA256, e.Known = other.SHA256, true
	}
	if e.More == nil {
		e.More = other.More
	}
	return true
}

// Take completes the entry with the file itself.
func (e *Entry) Take(got Spooled) {
	e.Spooled, e.Size, e.SHA256, e.Known = &got, got.Size, got.SHA256, true
}

// Complete reports whether size and SHA-256 are known.
func (e *Entry) Complete() bool { return e.Known && e.Size >= 0 }

// basis lets Complete work with types that embed an Entry.
func (e *Entry) basis() *Entry { return e }

// listed is a pointer to a type that embeds an Entry.
type listed[T any] interface {
	*T
	basis() *Entry
}

// Learn completes an entry: the size by a question, the SHA-256 from the file itself, which
// may come from the newest checkpoint. If the file is gone or another one, the error is
// remote.ErrMoved.
func (s *Session) Learn(ctx context.Context, e *Entry) error {
	if e.Known {
		have, ok, err := s.Find(ctx, e.Path)
		if err != nil {
			return err
		}
		if ok && have.SHA256 == e.SHA256 {
			e.Size = have.Size
			return nil
		}
		if e.Size, err = s.Size(ctx, e.Path); err != nil || e.Size >= 0 {
			return err
		}
	}
	want := e.Listed()
	got, ok, err := s.Reuse(ctx, e.Path, want, false)
	if err != nil {
		return err
	}
	if !ok {
		if got, err = s.Download(ctx, e.Path, want); err != nil {
			return Gone(err)
		}
	}
	e.Take(got)
	return nil
}

// Complete finds out what the indexes did not say, by learn for each file that needs it.
// It leaves out files that upstream does not have, if the user chose that, and returns the
// others. It fails if that leaves none: an upstream that refuses every file to us may
// still have them.
func Complete[T any, P listed[T]](ctx context.Context, s *Session, faults *Faults, files []T, needs func(P) bool, learn func(context.Context, P) error) ([]T, error) {
	wanted := len(files)
	files = slices.DeleteFunc(files, func(f T) bool { return faults.LeavesOut(P(&f).basis().Path) })
	var incomplete []P
	for i := range files {
		if f := P(&files[i]); needs(f) {
			incomplete = append(incomplete, f)
		}
	}
	err := parallel.Each(ctx, s.client.Concurrency(), incomplete, func(ctx context.Context, f P) error {
		return faults.Meet(f.basis().Path, learn(ctx, f))
	})
	if err == nil {
		err = faults.Settle()
	}
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f T) bool { return faults.LeftOut(P(&f).basis().Path) })
	if wanted > 0 && len(files) == 0 {
		return nil, faults.none(wanted)
	}
	return files, nil
}

// AddEntry adds a file that an index lists. modified may be zero.
func (t *Tree) AddEntry(e *Entry, modified time.Time, phase remote.Phase) {
	if e.Spooled != nil {
		t.AddSpooled(e.Path, *e.Spooled, phase)
		return
	}
	t.AddFile(remote.File{Path: e.Path, Size: e.Size, SHA256: e.SHA256, Modified: modified, Phase: phase}, e.beside())
}

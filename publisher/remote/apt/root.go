package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// suite is a suite whose root documents were captured.
type suite struct {
	suiteName
	roots []document // in the order InRelease, Release, Release.gpg; those that upstream has
	*release
	unchanged bool // they are those of the newest checkpoint
}

// document is a root document, in memory.
type document struct {
	path     string // in the tree
	data     []byte
	modified time.Time
	same     bool // the newest checkpoint has the same
}

// captureSuite reads and checks the root documents of a suite. Where the first
// of them did not change, the others are taken to be the newest checkpoint's.
func (r *upstream) captureSuite(ctx context.Context, name suiteName, prev remote.Previous) (*suite, error) {
	s := &suite{suiteName: name}
	for _, base := range []string{"InRelease", "Release", "Release.gpg"} {
		if base == "Release.gpg" && len(s.roots) == 0 {
			break
		}
		get := r.document
		if s.unchanged {
			get = r.stored
		}
		doc, err := get(ctx, name.dir+base, prev)
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.roots = append(s.roots, doc)
		s.unchanged = s.unchanged || (len(s.roots) == 1 && doc.same)
	}
	if len(s.roots) == 0 {
		return nil, fmt.Errorf("%s%s: has neither InRelease nor Release: %w", r.where(), name.dir, fs.ErrNotExist)
	}
	if err := r.checkRoots(ctx, s, prev); err != nil {
		return nil, err
	}
	return s, nil
}

// root is the document with a name, nil if upstream has none.
func (s *suite) root(base string) *document {
	for i, doc := range s.roots {
		if doc.path == s.dir+base {
			return &s.roots[i]
		}
	}
	return nil
}

// document reads a root document, conditionally if the newest checkpoint has it.
func (r *upstream) document(ctx context.Context, path string, prev remote.Previous) (doc document, err error) {
	have, ok, err := find(ctx, prev, path)
	if err != nil {
		return doc, err
	}
	err = r.client.Retry(ctx, func(ctx context.Context) (err error) {
		resp, err := r.client.GetSince(ctx, r.client.URL(path), -1, have.Modified)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		data, err := readBounded(resp.Body, fetch.Redact(r.client.URL(path)))
		doc = document{path: path, data: data, modified: resp.Modified, same: ok && manifest.Sum(data) == have.SHA256}
		return err
	})
	if errors.Is(err, fetch.ErrNotModified) {
		return r.stored(ctx, path, prev)
	}
	return doc, err
}

// stored reads a root document from the newest checkpoint.
func (r *upstream) stored(ctx context.Context, path string, prev remote.Previous) (document, error) {
	f, ok, err := find(ctx, prev, path)
	if err != nil {
		return document{}, err
	}
	if !ok {
		return document{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	body, err := prev.Open(ctx, f)
	if err != nil {
		return document{}, err
	}
	defer body.Close()
	data, err := readBounded(body, path)
	if err == nil && manifest.Sum(data) != f.SHA256 {
		err = fmt.Errorf("%s: the store has other bytes than the newest checkpoint says", path)
	}
	return document{path: path, data: data, modified: f.Modified, same: true}, err
}

func find(ctx context.Context, prev remote.Previous, path string) (remote.File, bool, error) {
	if prev == nil {
		return remote.File{}, false, nil
	}
	return prev.Find(ctx, path)
}

func readBounded(r io.Reader, where string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxRelease+1))
	if err == nil && len(data) > MaxRelease {
		err = &remote.InputError{Where: where, Err: fmt.Errorf("has more than %d bytes", MaxRelease)}
	}
	return data, err
}

// absent recognizes that upstream does not have a document. Object stores say
// 403 of what is not there to those who may not list.
func absent(err error) bool {
	if status, ok := errors.AsType[*fetch.StatusError](err); ok && status.Code == http.StatusForbidden {
		return true
	}
	return errors.Is(err, fs.ErrNotExist)
}

// checkRoots parses the root documents and holds them against each other, their
// signatures, the clock and the newest checkpoint.
func (r *upstream) checkRoots(ctx context.Context, s *suite, prev remote.Previous) error {
	text, err := r.authenticate(s)
	if err != nil {
		return err
	}
	first := s.roots[0]
	where := fetch.Redact(r.client.URL(first.path))
	if s.release, err = parseRelease(text, where); err != nil {
		return err
	}
	if err := r.checkDates(s.release); err != nil {
		return fmt.Errorf("%s: %w: %w", where, remote.ErrUnverified, err)
	}
	if first.same {
		return nil
	}
	older, err := r.olderThan(ctx, s, prev)
	if err != nil {
		return err
	}
	if older != nil {
		return fmt.Errorf("%s: %w: %w", where, remote.ErrUnverified, older)
	}
	return nil
}

// authenticate returns the text that the signatures are for. Where there is an
// InRelease, it counts: mirrors and caches give an old Release or Release.gpg
// beside it for days. These are left out then, both, rather than mixed in.
func (r *upstream) authenticate(s *suite) ([]byte, error) {
	in, plain, signature := s.root("InRelease"), s.root("Release"), s.root("Release.gpg")
	failed := func(doc *document, err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("%s: %w", fetch.Redact(r.client.URL(doc.path)), err)
	}
	var text []byte
	if in != nil {
		block, err := openClearsigned(in.data)
		if err != nil {
			return nil, failed(in, fmt.Errorf("%w: %w", remote.ErrUnverified, err))
		}
		text = block.Plaintext
		if r.keys != nil {
			if err := r.keys.verifyClear(block, r.now()); err != nil {
				return nil, failed(in, err)
			}
		}
	}
	if plain == nil {
		return text, nil
	}
	doc, err := plain, error(nil)
	switch {
	case in != nil && !sameText(text, plain.data):
		err = errors.New("is of another generation than InRelease")
	case r.keys != nil && signature != nil:
		doc, err = signature, r.keys.verifyDetached(plain.data, signature.data, r.now())
	case r.keys != nil && in == nil:
		err = fmt.Errorf("%w: it has neither Release.gpg nor InRelease", remote.ErrUnverified)
	}
	if err == nil || in == nil {
		return plain.data, failed(doc, err)
	}
	r.log.Warn("Release and Release.gpg are left out: InRelease is newer, or they are wrong", "error", failed(doc, err))
	s.roots = s.roots[:1]
	return text, nil
}

// sameText compares a signed text, whose lines lost blanks at their ends, with
// the plain one.
func sameText(a, b []byte) bool {
	tidy := func(text []byte) []byte {
		var out []byte
		for line := range bytes.Lines(text) {
			out = append(append(out, bytes.TrimRight(line, " \t\r\n")...), '\n')
		}
		return bytes.TrimRight(out, "\n")
	}
	return bytes.Equal(tidy(a), tidy(b))
}

// maxFuture is how far in the future a Release file may be dated.
const maxFuture = 24 * time.Hour

func (r *upstream) checkDates(rel *release) error {
	now := r.now()
	switch {
	case rel.date.After(now.Add(maxFuture)):
		return fmt.Errorf("it is dated %s, in the future", rel.date.Format(time.RFC3339))
	case on(r.options.CheckValidUntil) && !rel.validUntil.IsZero() && rel.validUntil.Before(now):
		return &validUntilError{rel.validUntil}
	}
	return nil
}

// validUntilError is a Release file that must no longer be used.
type validUntilError struct{ at time.Time }

func (e *validUntilError) Error() string {
	return "it was valid until " + e.at.Format(time.RFC3339)
}

// Hint says what the user can do.
func (e *validUntilError) Hint() string {
	return "check_valid_until: false accepts it, as is right for an archive of old releases"
}

// olderThan compares a suite with the newest checkpoint's; nil: it is not older.
func (r *upstream) olderThan(ctx context.Context, s *suite, prev remote.Previous) (older, err error) {
	if r.options.AllowRollback {
		return nil, nil
	}
	for _, base := range []string{"InRelease", "Release"} {
		doc, err := r.stored(ctx, s.dir+base, prev)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		text := doc.data
		if base == "InRelease" {
			block, err := openClearsigned(doc.data)
			if err != nil {
				continue
			}
			text = block.Plaintext
		}
		rel, err := parseRelease(text, doc.path)
		if err == nil && s.date.Before(rel.date) {
			return &rollbackError{s.date, rel.date}, nil
		}
		return nil, nil
	}
	return nil, nil
}

// rollbackError is an archive that went back in time. A mirror among several may
// only be late, so it is worth another capture.
type rollbackError struct{ date, newest time.Time }

func (e *rollbackError) Error() string {
	return fmt.Sprintf("it is of %s, older than the newest checkpoint's of %s", e.date.Format(time.RFC3339), e.newest.Format(time.RFC3339))
}

// Is makes it a reason to capture again.
func (e *rollbackError) Is(target error) bool { return target == remote.ErrMoved }

// Hint says what the user can do.
func (e *rollbackError) Hint() string {
	return "a mirror may lag behind, or somebody serves an old state; allow_rollback: true accepts it"
}

// settled looks whether the root documents are still those that were captured.
func (r *upstream) settled(ctx context.Context, s *suite) error {
	root := s.roots[0]
	var now []byte
	err := r.client.Retry(ctx, func(ctx context.Context) error {
		resp, err := r.client.GetSince(ctx, r.client.URL(root.path), -1, root.modified)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		now, err = readBounded(resp.Body, root.path)
		return err
	})
	if errors.Is(err, fetch.ErrNotModified) {
		return nil
	}
	if absent(err) || (err == nil && !bytes.Equal(now, root.data)) {
		return fmt.Errorf("%s: %w", fetch.Redact(r.client.URL(root.path)), remote.ErrMoved)
	}
	return err
}

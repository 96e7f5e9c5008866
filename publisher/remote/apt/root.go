package apt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/signature"
)

// suite is a suite with its captured root documents.
type suite struct {
	suiteName
	*mirror.Roots // in the order InRelease, Release, Release.gpg
	*release
	bare bool // it has no Release file
	// seen means that the remote's last capture saw the same root documents, so missing
	// and wrong files are lasting.
	seen bool
}

// lasting reports whether the last capture or the newest checkpoint had the same root
// documents.
func (s *suite) lasting() bool { return s.seen || s.Unchanged() }

// rootNames lists the root documents of a suite, the most authoritative first.
func (name suiteName) rootNames() []mirror.RootName {
	return []mirror.RootName{
		{Path: name.dir + "InRelease", Phase: remote.Root},
		{Path: name.dir + "Release", Phase: remote.Root},
		{Path: name.dir + "Release.gpg", Phase: remote.Signature},
	}
}

// captureSuite reads and checks the root documents of a suite.
func (c *capture) captureSuite(ctx context.Context, name suiteName) (*suite, error) {
	roots, err := c.session.ReadRoots(ctx, MaxRelease, name.rootNames()...)
	if err != nil {
		return nil, err
	}
	s := &suite{suiteName: name, Roots: roots}
	if s.root("InRelease") == nil && s.root("Release") == nil {
		s.Documents = nil // Release.gpg alone is useless
		s.bare = true
		if err := c.checkStillBare(ctx, name); err != nil {
			return nil, err
		}
		s.release, err = c.bareRelease(name)
		return s, err
	}
	roots256 := sha256.New()
	for _, doc := range s.Documents {
		roots256.Write(doc.Data)
	}
	s.seen = c.memory.Saw(s.dir, manifest.Digest(roots256.Sum(nil)))
	return s, c.checkRoots(ctx, s)
}

// root returns the document with a name, or nil if upstream does not have it.
func (s *suite) root(base string) *mirror.Document { return s.Find(s.dir + base) }

// checkRoots parses the root documents and checks them against each other, their
// signatures, the clock and the newest checkpoint.
func (c *capture) checkRoots(ctx context.Context, s *suite) error {
	text, err := c.authenticate(s)
	if err != nil {
		return err
	}
	first := s.Documents[0]
	where := c.urlOf(first.Path)
	if s.release, err = parseRelease(text, c.warnings.Add); err != nil {
		return err
	}
	if err := c.checkDates(s.release); err != nil {
		return fmt.Errorf("%s: %w: %w", where, remote.ErrUnverified, err)
	}
	if first.Unchanged {
		return nil
	}
	older, err := c.olderThan(ctx, s)
	if err != nil {
		return err
	}
	if older != nil && s.seen {
		return fmt.Errorf("%s: %w: %w", where, remote.ErrUnverified, &lastingError{older})
	}
	if older != nil {
		return fmt.Errorf("%s: %w: %w", where, remote.ErrUnverified, older)
	}
	return nil
}

// authenticate returns the signed text. If there is an InRelease, it wins: mirrors and
// caches may serve an old Release or Release.gpg beside it for days. Both are then left
// out, so that the tree does not mix generations.
func (c *capture) authenticate(s *suite) (releaseText, error) {
	in, plain, detached := s.root("InRelease"), s.root("Release"), s.root("Release.gpg")
	failed := func(doc *mirror.Document, err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("%s: %w", c.urlOf(doc.Path), err)
	}
	accept := func(doc *mirror.Document, notes []string, err error) error {
		if err == nil {
			for _, note := range notes {
				c.warnings.Add(c.urlOf(doc.Path), "beside a good signature: "+note)
			}
		}
		return err
	}
	var text releaseText
	if in != nil {
		c.warnForm(in)
		signed, err := signature.Open(in.Data)
		if err != nil {
			return text, failed(in, fmt.Errorf("%w: %w", remote.ErrUnverified, err))
		}
		text = releaseText{signed.Text, c.urlOf(in.Path), signed.Ahead}
		if c.keys != nil {
			notes, err := c.keys.VerifyClear(signed, c.now())
			if err := accept(in, notes, err); err != nil {
				return text, failed(in, err)
			}
		}
	}
	if plain == nil {
		return text, nil
	}
	doc, err := plain, error(nil)
	switch {
	case in != nil && !sameText(text.text, plain.Data):
		err = errors.New("is of another generation than InRelease")
	case c.keys != nil && detached != nil:
		var notes []string
		notes, err = c.keys.VerifyDetached(plain.Data, detached.Data, c.now())
		doc, err = detached, accept(detached, notes, err)
	case c.keys != nil && in == nil:
		err = fmt.Errorf("%w: it has neither Release.gpg nor InRelease", remote.ErrUnverified)
	}
	if in == nil {
		if detached != nil && c.keys != nil {
			c.warnForm(detached)
		}
		return releaseText{plain.Data, c.urlOf(plain.Path), 0}, failed(doc, err)
	}
	if err == nil {
		return text, nil
	}
	c.log.Warn("Release and Release.gpg are left out: InRelease is newer, or they are wrong", "error", failed(doc, err))
	s.Documents = s.Documents[:1]
	return text, nil
}

// warnForm warns if apt refuses the form of a document's signature. The signature may be
// good all the same, so the document is published.
func (c *capture) warnForm(doc *mirror.Document) {
	if reason := signature.Refused(doc.Data); reason != "" {
		c.warnings.Add(c.urlOf(doc.Path), "apt refuses it, so clients can't use this archive: "+reason)
	}
}

// sameText compares a signed text with the plain one. Signing removes blanks at line
// ends.
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
		return &validUntilError{"it was valid until " + rel.validUntil.Format(time.RFC3339)}
	case on(r.options.CheckValidUntil) && rel.unreadable != nil:
		return &validUntilError{rel.unreadable.Error()}
	}
	return nil
}

// validUntilError means that a Release file is past its Valid-Until, or that its
// Valid-Until can't be read. apt refuses both.
type validUntilError struct{ problem string }

func (e *validUntilError) Error() string { return e.problem }

// Hint says what the user can do.
func (e *validUntilError) Hint() string {
	return "check_valid_until: false accepts it, as is right for an archive of old releases"
}

// olderThan checks whether a suite is older than in the newest checkpoint. It returns nil
// if not.
func (c *capture) olderThan(ctx context.Context, s *suite) (older, err error) {
	if c.options.AllowRollback || s.date.IsZero() {
		return nil, nil
	}
	for _, base := range []string{"InRelease", "Release"} {
		doc, err := mirror.Stored(ctx, c.prev, s.dir+base, MaxRelease)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		text := doc.Data
		if base == "InRelease" {
			signed, err := signature.Open(doc.Data)
			if err != nil {
				continue
			}
			text = signed.Text
		}
		rel, err := parseRelease(releaseText{text: text, where: doc.Path}, func(string, string) {})
		if err == nil && s.date.Before(rel.date) {
			return &rollbackError{s.date, rel.date}, nil
		}
		return nil, nil
	}
	return nil, nil
}

// rollbackError means that an archive went back in time. One of several mirrors may just
// lag behind, so another capture may help.
type rollbackError struct{ date, newest time.Time }

func (e *rollbackError) Error() string {
	return fmt.Sprintf("it is of %s, older than the newest checkpoint's of %s", e.date.Format(time.RFC3339), e.newest.Format(time.RFC3339))
}

// lastingError is a rollbackError that an earlier capture had already. It is not worth
// another capture.
type lastingError struct{ error }

// Hint says what the user can do.
func (e *lastingError) Hint() string { return (*rollbackError)(nil).Hint() }

// Is makes the publisher capture again.
func (e *rollbackError) Is(target error) bool { return target == remote.ErrMoved }

// Hint says what the user can do.
func (e *rollbackError) Hint() string {
	return "a mirror may lag behind, or somebody serves an old state; allow_rollback: true accepts it"
}

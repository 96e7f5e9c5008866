package rpm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/signature"
)

// The documents that are found by their names. Nothing lists them.
const (
	repodata      = "repodata/"
	repomdName    = repodata + "repomd.xml"
	signatureName = repomdName + ".asc"
	keyName       = repomdName + ".key" // what SUSE's tools offer; proves nothing
)

// maxSignature limits a signature or a key, in bytes.
const maxSignature = 1 << 20

// repository is one repository with its captured root documents.
type repository struct {
	dir string // in the tree; empty, or it ends in a slash
	*mirror.Roots
	repomd   *rpm.Repomd
	metadata []*metadata
	besides  []*mirror.Roots // documents that nothing lists
	unsigned error           // why upstream does not have the signature; nil: it has
	// seen means that the remote's last capture saw the same root documents, so missing
	// and wrong files are lasting.
	seen bool
}

// lasting reports whether the last capture or the newest checkpoint had the same root
// documents.
func (r *repository) lasting() bool { return r.seen || r.Unchanged() }

func (c *capture) captureRoots(ctx context.Context) error {
	c.repos = make([]*repository, len(c.dirs))
	places := make([]int, len(c.dirs))
	for i, dir := range c.dirs {
		c.repos[i], places[i] = &repository{dir: dir}, i
	}
	none := make([]error, len(c.dirs)) // those that are not there are named at once
	err := parallel.Each(ctx, c.client.Concurrency(), places, func(ctx context.Context, i int) error {
		err := c.captureRoot(ctx, c.repos[i])
		if _, ok := errors.AsType[*noRootError](err); ok {
			none[i], err = err, nil
		}
		return err
	})
	none = slices.DeleteFunc(none, func(err error) bool { return err == nil })
	switch {
	case err != nil || len(none) == 0:
		return err
	case len(none) == 1:
		return none[0]
	}
	return &noRootsError{none, len(c.dirs)}
}

// captureRoot reads and checks the root documents of a repository.
func (c *capture) captureRoot(ctx context.Context, r *repository) (err error) {
	name := r.dir + repomdName
	r.Roots, err = c.session.ReadRoots(ctx, rpm.MaxRepomd, mirror.RootName{Path: name, Phase: remote.Root})
	if err != nil {
		return err
	}
	if len(r.Documents) == 0 {
		return c.noRoot(ctx, name, r.Lacking)
	}
	r.repomd, err = rpm.ParseRepomd(bytes.NewReader(r.Documents[0].Data))
	if err != nil {
		return syntax(c.urlOf(name), err)
	}
	older, err := c.olderThan(ctx, r)
	if err != nil {
		return err
	}
	if c.accept != nil {
		if err := c.accept(r.Documents[0].Data, older != ""); err != nil {
			return fmt.Errorf("%s: %w", c.urlOf(name), err)
		}
	}
	if older != "" {
		c.warnings.Add(c.urlOf(name), older)
	}
	if err := c.readBeside(ctx, r); err != nil {
		return err
	}
	roots256 := sha256.New()
	for _, doc := range r.Documents {
		roots256.Write(doc.Data)
	}
	r.seen = c.memory.Saw(r.dir, manifest.Digest(roots256.Sum(nil)))
	if err := c.dropOldSignature(r); err != nil {
		return err
	}
	return c.authenticate(ctx, r)
}

// dropOldSignature deals with a signature that is still the newest checkpoint's, over another
// repomd.xml: it can't be good for both. Upstream is about to replace it, or never will, and
// then it is left out. Where signatures are checked, that tells.
func (c *capture) dropOldSignature(r *repository) error {
	asc := r.Find(r.dir + signatureName)
	if c.keys != nil || r.Unchanged() || asc == nil || !asc.Unchanged {
		return nil
	}
	if !r.seen {
		return &unsettledError{fmt.Errorf("%s: it is still the signature of an earlier repomd.xml", c.urlOf(asc.Path))}
	}
	c.warnings.Add(c.urlOf(asc.Path), "left out, as it is the signature of an earlier repomd.xml")
	r.Documents = slices.DeleteFunc(r.Documents, func(d mirror.Document) bool { return d.Path == r.dir+signatureName })
	return nil
}

// noRoot is the error of a repository without repomd.xml. If the newest checkpoint has it,
// upstream may be replacing it.
func (c *capture) noRoot(ctx context.Context, name string, err error) error {
	if _, refused := mirror.Refusal(err); refused {
		return err // it has a hint
	}
	_, had, findErr := c.session.Find(ctx, name)
	switch {
	case findErr != nil:
		return findErr
	case had:
		return fmt.Errorf("%w: %w", remote.ErrMoved, err)
	}
	return &noRootError{err, c.list != nil}
}

// noRootError means that there is no repository.
type noRootError struct {
	error
	listed bool // the place is from a list of mirrors
}

func (e *noRootError) Unwrap() error { return e.error }

// Hint says what the user can do.
func (e *noRootError) Hint() string {
	if e.listed {
		return "the list has to name the folders that hold repodata"
	}
	return "url, or url with an entry of paths, has to be the folder that holds repodata"
}

// noRootsError means that several repositories are not there.
type noRootsError struct {
	list []error
	of   int
}

func (e *noRootsError) Error() string {
	lines := make([]string, len(e.list))
	for i, err := range e.list {
		lines[i] = err.Error()
	}
	return fmt.Sprintf("%d of %d paths hold no repository:\n  %s", len(lines), e.of, strings.Join(remote.First(lines), "\n  "))
}

// Unwrap gives the hint of each, which is the same.
func (e *noRootsError) Unwrap() []error { return e.list }

// readBeside reads the signature and the key. If repomd.xml is unchanged, the key comes from
// the newest checkpoint. The signature may have come later, or be by another key now.
func (c *capture) readBeside(ctx context.Context, r *repository) error {
	unchanged := r.Unchanged()
	for _, name := range []string{signatureName, keyName} {
		if unchanged && name == keyName {
			doc, err := mirror.Stored(ctx, c.prev, r.dir+name, maxSignature)
			switch {
			case err == nil:
				doc.Phase = remote.Signature
				r.Documents = append(r.Documents, doc)
			case !mirror.Absent(err):
				return err
			}
			continue
		}
		more, err := c.session.ReadRoots(ctx, maxSignature, mirror.RootName{Path: r.dir + name, Phase: remote.Signature, Optional: true})
		if err != nil {
			return err
		}
		if name == keyName && len(more.Documents) > 0 {
			c.named.Store(true)
		}
		r.Documents = append(r.Documents, more.Documents...)
		if name == signatureName {
			r.unsigned = more.Lacking
		}
	}
	return c.checkForms(ctx, r)
}

// checkForms leaves out a key or, if signatures are not checked, a signature that is none:
// a server's page for what is not there. A signature that nothing verifies has at least to
// be of the same moment as repomd.xml.
func (c *capture) checkForms(ctx context.Context, r *repository) error {
	documents := r.Documents[:1:1]
	for _, doc := range r.Documents[1:] {
		isKey := doc.Path == r.dir+keyName
		if (isKey && !signature.IsKeys(doc.Data)) || (!isKey && c.keys == nil && !signature.IsSignature(doc.Data)) {
			c.warnings.Add(c.urlOf(doc.Path), "left out, as it is something else than its name says")
			continue
		}
		documents = append(documents, doc)
	}
	r.Documents = documents
	if c.keys == nil && !r.Unchanged() && r.Find(r.dir+signatureName) != nil {
		return c.session.Settled(ctx, r.Roots, rpm.MaxRepomd)
	}
	return nil
}

// authenticate checks the signature of repomd.xml. A wrong or missing one may be of
// another moment than repomd.xml, unless an earlier capture saw the same. With verify: warn
// one that is wrong or missing for good is a warning.
func (c *capture) authenticate(ctx context.Context, r *repository) error {
	if c.keys == nil {
		return nil
	}
	err := c.checkSignature(r)
	if err == nil {
		return nil
	}
	seen := r.seen
	if c.options.Verify == verifyWarn && !seen {
		var findErr error
		if seen, findErr = c.hasSigned(ctx, r); findErr != nil {
			return findErr
		}
	}
	switch {
	case !seen:
		return &unsettledError{err}
	case c.options.Verify != verifyWarn:
		return err
	}
	c.warnings.Add(c.urlOf(r.dir+repomdName), "captured unverified (verify: warn): "+err.Error())
	if asc := r.Find(r.dir + signatureName); asc != nil && !signature.IsSignature(asc.Data) {
		r.Documents = slices.DeleteFunc(r.Documents, func(d mirror.Document) bool { return d.Path == r.dir+signatureName })
	}
	return nil
}

// hasSigned reports whether the newest checkpoint has the same repomd.xml, and the same
// signature or none.
func (c *capture) hasSigned(ctx context.Context, r *repository) (bool, error) {
	if !r.Unchanged() {
		return false, nil
	}
	if asc := r.Find(r.dir + signatureName); asc != nil && signature.IsSignature(asc.Data) {
		return asc.Unchanged, nil
	}
	_, had, err := c.session.Find(ctx, r.dir+signatureName)
	return !had, err
}

// checkSignature returns what is wrong with the signature of repomd.xml.
func (c *capture) checkSignature(r *repository) error {
	root, asc := &r.Documents[0], r.Find(r.dir+signatureName)
	if asc == nil {
		return unsigned(c.urlOf(r.dir+signatureName), r.unsigned)
	}
	notes, err := c.keys.VerifyDetached(root.Data, asc.Data, c.now())
	for _, note := range notes {
		c.warnings.Add(c.urlOf(asc.Path), "beside a good signature: "+note)
	}
	if err != nil {
		return fmt.Errorf("%s%s, for repomd.xml%s: %w", c.urlOf(asc.Path), ofTime(asc.Modified), ofTime(root.Modified), err)
	}
	return nil
}

func ofTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " of " + t.Format(time.RFC3339)
}

// unsettledError is a wrong signature that may be right a moment later.
type unsettledError struct{ error }

func (e *unsettledError) Unwrap() error { return e.error }

// Is makes the publisher capture again.
func (e *unsettledError) Is(target error) bool { return target == remote.ErrMoved }

// unsignedError means that a repository has no signature although keys are configured.
type unsignedError struct {
	error
	refused string // the hint of a server that refuses it; empty: it is not there
}

// unsigned makes an unsignedError. lacking is upstream's answer.
func unsigned(where string, lacking error) error {
	if status, refused := mirror.Refusal(lacking); refused {
		return &unsignedError{fmt.Errorf("%s: %w: it is refused: %w", where, remote.ErrUnverified, status), hintOf(lacking)}
	}
	return &unsignedError{error: fmt.Errorf("%s: %w: it is missing", where, remote.ErrUnverified)}
}

func (e *unsignedError) Unwrap() error { return e.error }

// Hint says what the user can do. Object stores refuse what is not there to clients that may
// not list a bucket.
func (e *unsignedError) Hint() string {
	if e.refused != "" {
		return e.refused + "; some servers answer so for what is not there"
	}
	return "if the repository never had one, its packages may be signed all the same: verify: off with verify_packages: true checks these alone"
}

// hintOf returns the hint of an error; empty: it has none.
func hintOf(err error) string {
	if own, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return own.Hint()
	}
	return ""
}

// olderThan says that a repository went back in time; empty: it did not. Clients accept
// that, so it is a warning.
func (c *capture) olderThan(ctx context.Context, r *repository) (older string, err error) {
	if r.Unchanged() {
		return "", nil
	}
	newest, err := c.previousRepomd(ctx, r)
	if err != nil || newest == nil {
		return "", err
	}
	now, before := r.repomd.Time(), newest.Time()
	if revision, err := strconv.ParseInt(r.repomd.Revision, 10, 64); err == nil && now == before {
		if old, err := strconv.ParseInt(newest.Revision, 10, 64); err == nil {
			now, before = revision, old
		}
	}
	if now >= 0 && now < before {
		return fmt.Sprintf("it is of %s, older than the newest checkpoint's of %s",
			time.Unix(now, 0).UTC().Format(time.RFC3339), time.Unix(before, 0).UTC().Format(time.RFC3339)), nil
	}
	return "", nil
}

// previousRepomd parses repomd.xml of the newest checkpoint. It returns nil if there is
// none, or none that can be read.
func (c *capture) previousRepomd(ctx context.Context, r *repository) (*rpm.Repomd, error) {
	doc, err := mirror.Stored(ctx, c.prev, r.dir+repomdName, rpm.MaxRepomd)
	if mirror.Absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	parsed, err := rpm.ParseRepomd(bytes.NewReader(doc.Data))
	if err != nil {
		c.log.Debug("the newest checkpoint has an unreadable repomd.xml", "error", err)
		return nil, nil
	}
	return parsed, nil
}

// syntax turns a parser's error into a remote.InputError.
func syntax(where string, err error) error {
	if e, ok := errors.AsType[*rpm.SyntaxError](err); ok {
		return &remote.InputError{Where: where, Line: e.Line, Err: e.Err}
	}
	return &remote.InputError{Where: where, Err: err}
}

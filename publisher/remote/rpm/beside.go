package rpm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// beside is a document that is found by its name. No metadata list it.
type beside struct {
	name   string // relative to the repository
	option string
	set    *bool
	files  func([]byte) ([]rpm.Outside, error) // what it lists; nil: nothing
}

// besides are the documents that the options choose.
func (o *Options) besides() (list []beside) {
	for _, b := range []beside{
		{".treeinfo", "treeinfo", o.Treeinfo, rpm.ParseTreeinfo},
		{"treeinfo", "treeinfo", o.Treeinfo, rpm.ParseTreeinfo},
		{"extra_files.json", "extra_files", o.ExtraFiles, rpm.ParseExtraFiles},
		{".composeinfo", "composeinfo", o.ComposeInfo, nil},
		{".discinfo", "discinfo", o.DiscInfo, nil},
		{"media.1/media", "media", o.Media, nil},
		{"media.1/products", "media", o.Media, nil},
	} {
		if on(b.set) {
			list = append(list, b)
		}
	}
	return list
}

// readBesides reads these documents and returns the files that they list. If repomd.xml is
// unchanged, they come from the newest checkpoint. One that it lacks is then asked for
// only if the option is set, as most repositories have none.
func (c *capture) readBesides(ctx context.Context) ([]file, error) {
	type wanted struct {
		repo *repository
		beside
		roots *mirror.Roots
	}
	var all []*wanted
	for _, r := range c.repos {
		for _, b := range c.options.besides() {
			all = append(all, &wanted{repo: r, beside: b})
		}
	}
	err := parallel.Each(ctx, c.client.Concurrency(), all, func(ctx context.Context, w *wanted) (err error) {
		w.roots, err = c.readOptional(ctx, w.repo, w.beside)
		return err
	})
	if err != nil {
		return nil, err
	}
	var files []file
	for _, w := range all {
		if len(w.roots.Documents) == 0 {
			continue
		}
		doc := w.roots.Documents[0]
		var listed []rpm.Outside
		err := error(nil)
		switch {
		case w.files != nil:
			listed, err = w.files(doc.Data)
		case bytes.HasPrefix(bytes.TrimSpace(doc.Data), []byte("<")):
			err = errors.New("is a page")
		}
		if err != nil {
			c.warnings.Add(c.urlOf(doc.Path), "left out, as it is something else than its name says: "+err.Error())
			continue
		}
		w.repo.besides = append(w.repo.besides, w.roots)
		for _, o := range listed {
			f, err := c.outside(w.repo, doc.Path, o)
			if err != nil {
				place := doc.Path
				if o.Line > 0 {
					place = fmt.Sprintf("%s:%d", doc.Path, o.Line)
				}
				if errors.Is(err, remote.ErrMoved) && !c.seen() {
					return nil, fmt.Errorf("%s: %w", place, err)
				}
				if errors.Is(err, remote.ErrMoved) {
					err = errors.New(err.Error()) // it lasts, so to wait does not help
				}
				c.faults.Add(remote.Fault{Path: place, Err: &optionError{err, w.option}, Required: true})
				continue
			}
			if f != nil {
				files = append(files, *f)
			}
		}
	}
	return files, nil
}

// optionError is an error of what an option can leave out.
type optionError struct {
	error
	option string
}

func (e *optionError) Unwrap() error { return e.error }

// Hint says what the user can do.
func (e *optionError) Hint() string {
	leave := e.option + ": false leaves it out"
	if inner, ok := errors.AsType[interface {
		error
		Hint() string
	}](e.error); ok {
		return inner.Hint() + "; " + leave
	}
	return leave
}

func (c *capture) readOptional(ctx context.Context, r *repository, b beside) (*mirror.Roots, error) {
	name := mirror.RootName{Path: r.dir + b.name, Phase: remote.Index, Optional: true}
	if r.Unchanged() {
		doc, err := mirror.Stored(ctx, c.prev, name.Path, rpm.MaxBeside)
		if err == nil {
			doc.RootName = name
			return &mirror.Roots{Documents: []mirror.Document{doc}}, nil
		}
		if !mirror.Absent(err) {
			return nil, err
		}
		sought, err := c.soughtBefore(ctx, r)
		if err != nil || sought && b.set == nil {
			return &mirror.Roots{}, err
		}
	}
	roots, err := c.session.ReadRoots(ctx, rpm.MaxBeside, name)
	if err != nil {
		return nil, err
	}
	if len(roots.Documents) > 0 {
		c.named.Store(true)
	}
	if _, refused := mirror.Refusal(roots.Lacking); refused {
		// Some servers say so of what they do not have.
		if _, had, err := c.session.Find(ctx, name.Path); err != nil || had {
			return nil, cmp.Or(err, roots.Lacking)
		}
		c.log.Info("a document is refused and counts as not there", "error", roots.Lacking)
	}
	return roots, nil
}

// soughtBefore reports whether the newest checkpoint was made by the same options, so that it
// lacks only documents that upstream did not have.
func (c *capture) soughtBefore(ctx context.Context, r *repository) (bool, error) {
	prev, ok := c.prev.(remote.Listed)
	if !ok {
		return true, nil
	}
	have, ok, err := c.session.Find(ctx, r.dir+repomdName)
	return ok && prev.MadeWith(ctx, have, c.options.fingerprint()), err
}

// outside turns a file that such a document lists into one of the tree. It returns nil for
// what is in the metadata or left out.
func (c *capture) outside(r *repository, place string, o rpm.Outside) (*file, error) {
	path, err := o.Location.Path(r.dir)
	if err != nil {
		return nil, err
	}
	l := mirror.Listed{Size: o.Size}
	for _, sum := range o.Checksums {
		one, err := listed(o.Size, sum)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for a, digest := range one.Sums {
			if digest != "" {
				if err := l.Sums.Set(mirror.Algorithm(a), digest); err != nil {
					return nil, fmt.Errorf("%s: %w", path, err)
				}
			}
		}
	}
	if path == r.dir+repomdName {
		v := mirror.NewVerifier(l)
		_, _ = v.Write(r.Documents[0].Data)
		if _, err := v.Done(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if strings.HasPrefix(path, r.dir+repodata) {
		return nil, nil
	}
	if !on(c.options.Images) && !strings.HasSuffix(place, ".json") {
		c.held.Add(o.Size)
		return nil, nil
	}
	if l.Sums == (mirror.Sums{}) {
		c.warnings.Add(place, fmt.Sprintf("%s has no digest, so nothing verifies it", path))
		return &file{Entry: mirror.Entry{Path: path, Size: o.Size}, from: place, line: int32(o.Line), reuse: r.Unchanged()}, manifest.CheckPath(path)
	}
	e, err := mirror.NewEntry(path, l, c.options.AllowWeak)
	return &file{Entry: e, from: place, line: int32(o.Line)}, err
}

// learnUnverified reads a file of which nothing but the path is known.
func (c *capture) learnUnverified(ctx context.Context, f *file) error {
	have, ok, err := c.session.Find(ctx, f.Path)
	if err != nil {
		return err
	}
	if ok && f.reuse {
		f.Take(mirror.InStore(have))
		return nil
	}
	c.named.Store(true)
	got, err := c.session.Download(ctx, f.Path, f.Listed())
	if err != nil {
		return mirror.Gone(err)
	}
	f.Take(got)
	return nil
}

package readback

import (
	"context"
	"iter"
	"strings"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// tree compares the objects below a checkpoint's id with the expected ones. Both
// come in the order of keys.
type tree struct {
	v      *verification
	ctx    context.Context
	id     manifest.ID
	prefix string
	known  func() bool // reports whether all that belongs here is known so far

	next   func() (objstore.Info, error, bool)
	stop   func()
	listed objstore.Info // the next key of the listing; Key is empty at its end
	begun  bool

	// slashes holds the sizes of objects whose keys end in a slash, by the path
	// of the page that each should equal: that page sorts after them. There are
	// only as many as there are directories on the way to one path.
	slashes map[string]int64
}

func (v *verification) tree(ctx context.Context, c manifest.Checkpoint, known func() bool) *tree {
	t := &tree{v: v, ctx: ctx, id: c.ID, prefix: manifest.TreePrefix(v.repo.Base, c.ID), known: known, slashes: map[string]int64{}}
	t.next, t.stop = iter.Pull2(v.Store.List(ctx, t.prefix, ""))
	return t
}

func (t *tree) close() { t.stop() }

func (t *tree) advance() error {
	info, err, more := t.next()
	if err != nil {
		return err
	}
	t.begun, t.listed = true, objstore.Info{}
	if more {
		t.listed = info
	}
	return nil
}

// want is called for everything that belongs in the tree, in ascending order. A
// quick run trusts the listing. Any other run reads the object, listed or not.
func (t *tree) want(it item) error {
	key := t.prefix + it.Path
	if err := t.skipTo(key); err != nil {
		return err
	}
	found := t.listed.Key == key
	if t.v.quick && !t.v.asks() {
		t.v.objects.Add(1)
		var err error
		switch {
		case !found:
			err = missing(key)
		case t.listed.Size != it.Size:
			err = wrongSize(key, t.listed.Size, it.Size)
		}
		_ = t.v.note(&t.id, err)
		t.v.done(it)
	} else {
		t.v.inBackground(func() error {
			defer t.v.done(it)
			return t.v.note(&t.id, t.v.look(t.ctx, key, it.Entry))
		})
	}
	if it.page {
		t.wantSlash(it)
	}
	if found {
		return t.advance()
	}
	return nil
}

// wantSlash checks a page's copy at its directory's key, if there is one, against
// the page.
func (t *tree) wantSlash(it item) {
	size, ok := t.slashes[it.Path]
	if !ok {
		return
	}
	delete(t.slashes, it.Path)
	key := t.prefix + strings.TrimSuffix(it.Path, manifest.IndexPage)
	if !t.v.quick || t.v.asks() {
		t.v.inBackground(func() error { return t.v.note(&t.id, t.v.look(t.ctx, key, it.Entry)) })
		return
	}
	t.v.objects.Add(1)
	if size != it.Size {
		_ = t.v.note(&t.id, wrongSize(key, size, it.Size))
	}
}

// skipTo skips what is listed before a key, empty for all that is left. Those
// objects do not belong here, unless they turn out to be pages at their
// directories' keys.
func (t *tree) skipTo(key string) error {
	if !t.begun {
		if err := t.advance(); err != nil {
			return err
		}
	}
	for t.listed.Key != "" && (key == "" || t.listed.Key < key) {
		path := t.listed.Key[len(t.prefix):]
		switch {
		case path == "" || strings.HasSuffix(path, "/"):
			t.slashes[path+manifest.IndexPage] = t.listed.Size
		default:
			t.stray(t.listed.Key)
		}
		if err := t.advance(); err != nil {
			return err
		}
	}
	return nil
}

// end handles what is listed after everything that belongs here.
func (t *tree) end() error {
	if err := t.skipTo(""); err != nil {
		return err
	}
	for path := range t.slashes {
		t.stray(t.prefix + strings.TrimSuffix(path, manifest.IndexPage))
	}
	return nil
}

func (t *tree) stray(key string) {
	if t.known() {
		_ = t.v.note(&t.id, damaged(key, "stray: the checkpoint does not name it"))
	}
}

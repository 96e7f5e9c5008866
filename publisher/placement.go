package publisher

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// place is where the files of a checkpoint stand. The zero value is the pool: a
// sync, which has no id yet, has all of them there.
type place struct {
	base   string
	id     manifest.ID
	layout manifest.Layout
}

func (pl place) key(path string, d manifest.Digest) string {
	if pl == (place{}) {
		return manifest.BlobKey(d)
	}
	return manifest.FileKey(pl.base, pl.id, pl.layout, path, d)
}

// pools reports whether a file stands in the pool.
func (pl place) pools(path string) bool { return pl == (place{}) || pl.layout.Pools(path) }

// placement says, for every file of a revision, where it goes and where its
// content may already stand in the store. It is the plan of a transfer: skip
// what is there, copy what is elsewhere in the store, upload the rest.
type placement struct {
	dst  place
	prev place // the newest checkpoint
	// same[i]: the newest checkpoint has file i, with the same content.
	same []bool
	// changes count what is not as in the newest checkpoint, and changed is a list of
	// it, of the first so many paths.
	changes manifest.Changes
	changed []manifest.Change
	// wanted is the content of the revision.
	wanted map[manifest.Digest]want
	// elsewhere holds keys of wanted content that is not, or not only, at its
	// own place in the newest checkpoint.
	elsewhere map[manifest.Digest]known
	// present holds the paths that stand in the tree already, from a run that
	// was killed.
	present map[string]bool
	// claimed is when the tree's id was taken, if present is all that stood below
	// it then. As long as the claim is fresh, nobody writes other files there.
	// Zero: anything may stand there.
	claimed time.Time
}

// want is content that the revision wants.
type want struct {
	size  int64
	files int // that have it
}

// known is a key under which content may stand in the store.
type known struct {
	key  string
	sure bool // it does stand there
}

// source is what the transfer does with one file.
type source struct {
	action action
	from   string // the key to copy from
}

type action uint8

const (
	upload action = iota
	copyFrom
	reuse   // nothing to do
	ifThere // reuse if it is there, upload otherwise
)

func (pl *placement) source(i int, e manifest.Entry) source {
	dst := pl.dst.key(e.Path, e.SHA256)
	if pl.present[e.Path] {
		return source{action: reuse}
	}
	if pl.same[i] {
		if from := pl.prev.key(e.Path, e.SHA256); from != dst {
			return source{copyFrom, from}
		}
		return source{action: reuse}
	}
	k, ok := pl.elsewhere[e.SHA256]
	switch {
	case !ok:
		return source{action: upload}
	case k.key != dst:
		return source{copyFrom, k.key}
	case k.sure:
		return source{action: reuse}
	}
	return source{action: ifThere}
}

// uploads are the files that a run with this placement is about to upload.
func (pl *placement) uploads(entries []manifest.Entry) []manifest.Entry {
	var list []manifest.Entry
	for i, e := range entries {
		if a := pl.source(i, e).action; a == upload || a == ifThere {
			list = append(list, e)
		}
	}
	return list
}

// copies reports whether a run with this placement copies a file.
func (pl *placement) copies(entries []manifest.Entry) bool {
	for i, e := range entries {
		if pl.source(i, e).action == copyFrom {
			return true
		}
	}
	return false
}

// compare makes a placement from what the newest checkpoint holds, an ascending
// sequence of entries, and carries modification times over: content that is
// unchanged keeps the time that it had, so that touching a file changes nothing.
func compare(entries []manifest.Entry, prev place, prevEntries iter.Seq2[manifest.Entry, error]) (*placement, error) {
	pl := &placement{
		prev: prev, same: make([]bool, len(entries)), present: map[string]bool{},
		wanted: make(map[manifest.Digest]want, len(entries)), elsewhere: map[manifest.Digest]known{},
	}
	for _, e := range entries {
		w, ok := pl.wanted[e.SHA256]
		if ok && w.size != e.Size {
			return nil, contradicts(e, w.size)
		}
		pl.wanted[e.SHA256] = want{e.Size, w.files + 1}
	}
	i := 0
	for old, err := range prevEntries {
		if err != nil {
			return nil, err
		}
		for ; i < len(entries) && entries[i].Path < old.Path; i++ {
			pl.change(nil, &entries[i])
		}
		others := pl.wanted[old.SHA256].files
		listed := i < len(entries) && entries[i].Path == old.Path
		switch {
		case !listed:
			pl.change(&old, nil)
		case entries[i].SHA256 != old.SHA256:
			pl.change(&old, &entries[i])
		default:
			if entries[i].Size != old.Size {
				return nil, contradicts(entries[i], old.Size)
			}
			pl.same[i] = true
			others--
			if old.Modified != manifest.NoTime {
				entries[i].Modified = old.Modified
			}
		}
		if others > 0 {
			pl.know(old, known{prev.key(old.Path, old.SHA256), true})
		}
		if listed {
			i++
		}
	}
	for ; i < len(entries); i++ {
		pl.change(nil, &entries[i])
	}
	return pl, nil
}

// change takes note of a file that is not as it was; nil: there is none.
func (pl *placement) change(old, now *manifest.Entry) {
	digest := func(e *manifest.Entry) *manifest.FileDigest {
		if e == nil {
			return nil
		}
		return &manifest.FileDigest{Size: e.Size, SHA256: e.SHA256}
	}
	c := manifest.NewChange(cmp.Or(now, old).Path, digest(old), digest(now))
	if pl.changes = pl.changes.Plus(c.Kind); len(pl.changed) < manifest.MaxListedChanges {
		pl.changed = append(pl.changed, c)
	}
}

// contradicts is the error for a size that other content of the same digest has not.
// Only one of the two can be true, and nothing but a download tells which.
func contradicts(e manifest.Entry, other int64) error {
	return fmt.Errorf("%s: %w: it is said to have %d bytes, its sha256 is that of a file of %d", e.Path, objstore.ErrMismatch, e.Size, other)
}

// know takes note of wanted content, the first time and if its size is right:
// content that upstream gives a wrong size for is uploaded, and found out.
func (pl *placement) know(e manifest.Entry, k known) {
	if _, ok := pl.elsewhere[e.SHA256]; !ok && pl.wanted[e.SHA256].size == e.Size {
		pl.elsewhere[e.SHA256] = k
	}
}

// addJournal makes known what a sync has put into the pool, or was about to.
func (pl *placement) addJournal(files []manifest.Entry) {
	for _, e := range files {
		pl.know(e, known{key: manifest.BlobKey(e.SHA256)})
	}
}

// addAttempt makes known what an unfinished attempt has uploaded. What stands
// below its id it has written, and verified, by its own list.
func (p *Publisher) addAttempt(ctx context.Context, pl *placement, base string, a manifest.Attempt) error {
	if a.Layout == manifest.Thin {
		for _, e := range a.Files {
			pl.know(e, known{key: manifest.FileKey(base, a.ID, a.Layout, e.Path, e.SHA256)})
		}
		return nil
	}
	there, err := p.treePaths(ctx, base, a.ID)
	if err != nil {
		return err
	}
	for _, e := range a.Files {
		if there[e.Path] {
			pl.know(e, known{manifest.TreeKey(base, a.ID, e.Path), true})
		}
	}
	return nil
}

// treePaths lists the paths that stand below an id.
func (p *Publisher) treePaths(ctx context.Context, base string, id manifest.ID) (map[string]bool, error) {
	prefix := manifest.TreePrefix(base, id)
	there := map[string]bool{}
	for info, err := range p.Store.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		there[info.Key[len(prefix):]] = true
	}
	return there, ctx.Err()
}

// Package transfer brings the files of a revision to their places in the store.
// It skips what is there, copies what is elsewhere in the store, and uploads the
// rest.
package transfer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Plan says, for every file of a revision, where it goes and where the store may
// already have its content.
type Plan struct {
	Dst  manifest.Place
	Prev manifest.Place // the newest checkpoint
	// same[i]: the newest checkpoint has file i, with the same content.
	same []bool
	// Changes counts the differences from the newest checkpoint. Changed lists
	// them, up to manifest.MaxListedChanges.
	Changes manifest.Changes
	Changed []manifest.Change
	every   tally // all files
	payload tally // what clients come for: remote.Payload
	// Doubt: nothing in the store is taken on trust. Every object is looked at
	// before it is reused or copied.
	Doubt bool
	// wanted is the content of the revision.
	wanted map[manifest.Digest]want
	// elsewhere holds keys of wanted content that is not, or not only, at its own
	// place in the newest checkpoint.
	elsewhere map[manifest.Digest]known
	// Present holds the paths already in the tree, from a killed run.
	Present map[string]bool
	// Claimed is when the tree's id was taken, if Present was all that was below
	// it then. As long as the claim is fresh, nobody writes other files there.
	// Zero: there may be anything.
	Claimed time.Time
}

// want is content that the revision wants.
type want struct {
	size  int64
	files int // with this content
}

// known is a key at which the store may have content.
type known struct {
	key  string
	sure bool // it certainly is there
}

// source is what the transfer does with one file.
type source struct {
	action action
	from   string // the key to copy from
	look   bool   // at the key to copy from
	sure   bool   // ifThere: the newest checkpoint refers to it, so that it stays
}

type action uint8

const (
	upload action = iota
	copyFrom
	reuse   // nothing to do
	ifThere // reuse if it exists with the right size, otherwise upload
)

func (pl *Plan) source(i int, e manifest.Entry) source {
	src := pl.expected(i, e)
	switch {
	case !pl.Doubt:
	case src.action == reuse:
		return source{action: ifThere, sure: true}
	case src.action == copyFrom:
		src.look = true
	case pl.Dst.Pools(e.Path):
		src.action = ifThere
	}
	return src
}

// expected is what to do if the store has all that its documents say.
func (pl *Plan) expected(i int, e manifest.Entry) source {
	dst := pl.Dst.Key(e.Path, e.SHA256)
	if pl.Present[e.Path] {
		return source{action: reuse}
	}
	if pl.same[i] {
		if from := pl.Prev.Key(e.Path, e.SHA256); from != dst {
			return source{action: copyFrom, from: from}
		}
		return source{action: reuse}
	}
	k, ok := pl.elsewhere[e.SHA256]
	switch {
	case !ok:
		return source{action: upload}
	case k.key != dst:
		return source{action: copyFrom, from: k.key}
	case k.sure:
		return source{action: reuse}
	}
	return source{action: ifThere}
}

// Uploads returns the files that a run of this plan is about to upload.
func (pl *Plan) Uploads(entries []manifest.Entry) []manifest.Entry {
	var list []manifest.Entry
	for i, e := range entries {
		if a := pl.source(i, e).action; a == upload || a == ifThere {
			list = append(list, e)
		}
	}
	return list
}

// Copies reports whether a run of this plan copies a file.
func (pl *Plan) Copies(entries []manifest.Entry) bool {
	for i, e := range entries {
		if pl.source(i, e).action == copyFrom {
			return true
		}
	}
	return false
}

// Compare makes a plan from the newest checkpoint's content, an ascending
// sequence of entries. It carries modification times over: unchanged content
// keeps its time, so that touching a file changes nothing.
func Compare(entries []manifest.Entry, prev manifest.Place, prevEntries iter.Seq2[manifest.Entry, error]) (*Plan, error) {
	pl := &Plan{
		Prev: prev, same: make([]bool, len(entries)), Present: map[string]bool{},
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
		pl.had(old.Path, listed)
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
			if old.Modified != 0 {
				entries[i].Modified = old.Modified
			}
		}
		if others > 0 {
			pl.know(old, known{prev.Key(old.Path, old.SHA256), true})
		}
		if listed {
			i++
		}
	}
	for ; i < len(entries); i++ {
		pl.change(nil, &entries[i])
	}
	pl.has(entries)
	return pl, nil
}

// change counts a file that was added, removed or changed; nil: there is none.
func (pl *Plan) change(old, now *manifest.Entry) {
	digest := func(e *manifest.Entry) *manifest.FileDigest {
		if e == nil {
			return nil
		}
		return &manifest.FileDigest{Size: e.Size, SHA256: e.SHA256}
	}
	c := manifest.NewChange(cmp.Or(now, old).Path, digest(old), digest(now))
	if pl.Changes = pl.Changes.Plus(c.Kind); len(pl.Changed) < manifest.MaxListedChanges {
		pl.Changed = append(pl.Changed, c)
	}
}

// contradicts returns the error for content of one digest with two sizes. Only one
// size can be true, and only a download can tell which.
func contradicts(e manifest.Entry, other int64) error {
	return fmt.Errorf("%s: %w: upstream says it has %d bytes, but its sha256 is that of a file of %d", e.Path, objstore.ErrMismatch, e.Size, other)
}

// know notes wanted content, the first time and only if its size is right.
// Content with a wrong size from upstream is uploaded, and the error found then.
func (pl *Plan) know(e manifest.Entry, k known) {
	if _, ok := pl.elsewhere[e.SHA256]; !ok && pl.wanted[e.SHA256].size == e.Size {
		pl.elsewhere[e.SHA256] = k
	}
}

// AddJournal adds what a sync has put into the pool, or was about to.
func (pl *Plan) AddJournal(files []manifest.Entry) {
	for _, e := range files {
		pl.know(e, known{key: manifest.BlobKey(e.SHA256)})
	}
}

// AddTree adds the files of a checkpoint, which is whole.
func (pl *Plan) AddTree(place manifest.Place, files []manifest.Entry) {
	for _, e := range files {
		pl.know(e, known{place.Key(e.Path, e.SHA256), true})
	}
}

// AddAttempt adds what an unfinished attempt has uploaded. It wrote everything
// below its id, verified, from its own list.
func (pl *Plan) AddAttempt(ctx context.Context, store objstore.Reader, base string, a manifest.Attempt) error {
	place := manifest.Place{Base: base, ID: a.ID, Layout: a.Layout}
	if a.Layout == manifest.Thin {
		for _, e := range a.Files {
			pl.know(e, known{key: place.Key(e.Path, e.SHA256)})
		}
		return nil
	}
	there, err := TreePaths(ctx, store, base, a.ID)
	if err != nil {
		return err
	}
	for _, e := range a.Files {
		if there[e.Path] {
			pl.know(e, known{place.Key(e.Path, e.SHA256), true})
		}
	}
	return nil
}

// TreePaths lists the paths below an id.
func TreePaths(ctx context.Context, store objstore.Reader, base string, id manifest.ID) (map[string]bool, error) {
	prefix := manifest.TreePrefix(base, id)
	there := map[string]bool{}
	for info, err := range store.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		there[info.Key[len(prefix):]] = true
	}
	return there, ctx.Err()
}

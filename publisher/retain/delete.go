package retain

import (
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
)

// DeleteOptions configure Delete.
type DeleteOptions struct {
	// To is the base path of the repo that the addresses lead to from now on. Empty: they
	// answer that the repo was deleted, or what a move said already.
	To     string
	Reason string // everybody can read it; one line
	Apply  bool   // without it nothing is changed
}

// Deleted is what a deletion did, or would do.
type Deleted struct {
	Checkpoints int   // that the repo listed
	Files       int64 // of all of them
	Bytes       int64
	Retired     manifest.Retired
}

// ErrNotReleased: only the janitor may say that a repo's checkpoints can be deleted.
var ErrNotReleased = errors.New("this needs the janitor's rights")

// Delete retires a repo and replaces all its checkpoints by tombstones. Collect deletes them
// later. The index stays, so that the addresses answer for good; nothing can be published
// there again. The error is ErrNotReleased without the janitor's rights, and ErrContradicts
// as for Prune.
//
// One swap of the index does it all, as for Prune.
func Delete(ctx context.Context, opts Options, repo manifest.Repo, what DeleteOptions) (Deleted, error) {
	opts = opts.complete()
	note, err := catalog.Note(repo).Load(ctx, opts.Store)
	if err != nil {
		return Deleted{}, err
	}
	d := &deletion{Options: opts, DeleteOptions: what, repo: repo, note: note.Doc, ledger: opts.ledger()}
	if !what.Apply {
		now, err := d.ledger.Load(ctx, repo)
		if err == nil {
			err = d.count(ctx, now.Doc)
		}
		return d.result, err
	}
	err = d.ledger.Change(ctx, repo, func(index manifest.Index) (manifest.Index, error) { return d.delete(ctx, index) })
	return d.result, err
}

// deletion is one call of Delete.
type deletion struct {
	Options
	DeleteOptions
	repo   manifest.Repo
	note   manifest.Note // as it was before the index was read
	ledger *ledger.Ledger
	result Deleted // on the index as last read
}

// retired is what the index is to say.
func (d *deletion) retired(index manifest.Index) manifest.Retired {
	if index.Retired != nil && d.To == "" && d.Reason == "" {
		return *index.Retired
	}
	return manifest.Retired{At: manifest.IDOf(d.Now()), To: d.To, Reason: d.Reason}
}

// count finds out what goes.
func (d *deletion) count(ctx context.Context, index manifest.Index) error {
	d.result = Deleted{Retired: d.retired(index)}
	history := catalog.NewHistory(d.Store, index)
	if err := contradiction(ctx, d.Options, d.note, history); err != nil {
		return err
	}
	for part, err := range history.All(ctx) {
		if err != nil {
			return err
		}
		for _, c := range part.Checkpoints {
			d.result.Checkpoints++
			d.result.Files += c.Files
			d.result.Bytes += c.Bytes
		}
	}
	return nil
}

func (d *deletion) delete(ctx context.Context, index manifest.Index) (manifest.Index, error) {
	if err := d.count(ctx, index); err != nil {
		return index, err
	}
	retired := d.result.Retired
	if index.Retired != nil && *index.Retired == retired && d.result.Checkpoints == 0 {
		return index, nil
	}
	next, err := index.Retire(retired)
	if err != nil {
		return index, err
	}
	if err := d.releaseAll(ctx, index, retired.At); err != nil {
		return index, err
	}
	now := manifest.IDOf(d.Now())
	for _, ref := range next.Segments {
		if ref.Checkpoints == 0 {
			continue
		}
		segment, err := catalog.Segment(ctx, catalog.From(d.Store), next.Repo, ref)
		if err != nil {
			return index, err
		}
		if segment, err = segment.Prune(idsOf(segment.Checkpoints), now, d.Reason); err != nil {
			return index, err
		}
		if next, err = d.ledger.Reseal(ctx, next, segment); err != nil {
			return index, err
		}
	}
	return next.Clear(now, d.Reason)
}

// releaseAll releases what the index lists, before it goes.
func (d *deletion) releaseAll(ctx context.Context, index manifest.Index, now manifest.ID) error {
	var ids []manifest.ID
	for part, err := range catalog.NewHistory(d.Store, index).All(ctx) {
		if err != nil {
			return err
		}
		ids = append(ids, idsOf(part.Checkpoints)...)
	}
	if len(ids) == 0 {
		return nil
	}
	err := release(ctx, d.Store, d.repo, ids, now)
	if errors.Is(err, objstore.ErrDenied) {
		err = fmt.Errorf("%w: %w", ErrNotReleased, err)
	}
	return err
}

func idsOf(list []manifest.Checkpoint) []manifest.ID {
	ids := make([]manifest.ID, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	return ids
}

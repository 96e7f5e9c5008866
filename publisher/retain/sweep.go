package retain

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/remote"
)

// batchSize is how many objects are deleted after one look at the pins.
const batchSize = 500

// sweepTrees deletes the trees of a repo that belong to no checkpoint: those of
// pruned checkpoints, and of attempts too old to be still at work.
func (gc *collector) sweepTrees(ctx context.Context, repo swept) error {
	attempts, err := gc.attemptsOf(ctx, repo.Base)
	if err != nil {
		return err
	}
	for _, id := range repo.known.trees {
		if err := gc.sweepTreeOf(ctx, repo, id, attempts); err != nil {
			return err
		}
	}
	return nil
}

// sweepTreeOf deletes the tree below an id, unless it belongs to a checkpoint. A tree is
// as old as the tombstone, the release or the attempt that explains it, whatever its
// files' ages: nobody writes below an old id any more. In a tree without an explanation,
// each file's age counts.
func (gc *collector) sweepTreeOf(ctx context.Context, repo swept, id manifest.ID, attempts map[manifest.ID]objstore.Info) error {
	if repo.known.heldIDs[id] {
		why, _, err := whyHeld(ctx, repo.history, id)
		gc.waiting.checkpoint(repo.Name, why, id, nil)
		return err
	}
	_, listed, err := repo.history.Find(ctx, id)
	if err != nil || listed || repo.prepared[id] {
		return err
	}
	t, pruned, err := repo.history.FindPruned(ctx, id)
	if err != nil {
		return err
	}
	release, released := repo.known.note.Doc.FindReleased(id)
	attempt, attempted := attempts[id]
	whole := func(objstore.Info) bool { return true }
	switch {
	case pruned || released:
		if since := max(t.At, release.At).Time(); !since.Before(gc.before) {
			gc.waiting.checkpoint(repo.Name, InGrace, id, gc.until(since))
			return nil
		}
	case attempted:
		if !gc.old(attempt) {
			gc.waiting.checkpoint(repo.Name, Unfinished, id, gc.until(attempt.Modified))
			return nil
		}
	default:
		whole = gc.old
	}
	return gc.sweepTree(ctx, repo.Base, id, whole)
}

// sweepTree deletes one tree, starting with the documents that clients begin
// with.
func (gc *collector) sweepTree(ctx context.Context, base string, id manifest.ID, pick func(objstore.Info) bool) error {
	prefix := manifest.TreePrefix(base, id)
	for _, roots := range []bool{true, false} {
		err := gc.sweep(ctx, prefix, &gc.trees, func(info objstore.Info) bool {
			return roots == (remote.PhaseOf(info.Key) == remote.Root) && pick(info)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// treeIDs yields the ids with objects below them, ascending, with one request each.
func treeIDs(ctx context.Context, store objstore.Reader, base string) iter.Seq2[manifest.ID, error] {
	return func(yield func(manifest.ID, error) bool) {
		after := ""
		for {
			var id manifest.ID
			found := false
			for info, err := range store.List(ctx, base+"/", after) {
				if err != nil {
					yield(0, err)
					return
				}
				name, rest, _ := strings.Cut(strings.TrimPrefix(info.Key, base+"/"), "/")
				parsed, err := manifest.ParseID(name)
				if err != nil || rest == "" && !strings.HasSuffix(info.Key, "/") {
					continue // the index, the list, or nothing of ours
				}
				id, found = parsed, true
				break
			}
			if !found || !yield(id, nil) {
				return
			}
			// "0" sorts right after "/": on to the next id.
			after = strings.TrimSuffix(manifest.TreePrefix(base, id), "/") + "0"
		}
	}
}

func (gc *collector) attemptsOf(ctx context.Context, base string) (map[manifest.ID]objstore.Info, error) {
	found := map[manifest.ID]objstore.Info{}
	for info, err := range gc.Store.List(ctx, manifest.AttemptPrefix(base), "") {
		if err != nil {
			return nil, err
		}
		if id, err := manifest.ParseAttemptKey(base, info.Key); err == nil {
			found[id] = info
		}
	}
	return found, nil
}

func (gc *collector) sweepPool(ctx context.Context) error {
	return gc.sweep(ctx, manifest.BlobPrefix, &gc.pool, func(info objstore.Info) bool {
		d, err := manifest.ParseBlobKey(info.Key)
		return err == nil && !gc.blobs[d] && gc.oldOrWaits("blobs", info)
	})
}

func (gc *collector) sweepManifests(ctx context.Context) error {
	return gc.sweep(ctx, manifest.ManifestPrefix, &gc.lists, func(info objstore.Info) bool {
		d, err := manifest.ParseManifestKey(info.Key)
		return err == nil && !gc.manifests[d] && gc.oldOrWaits("manifests", info)
	})
}

func (gc *collector) sweepSegments(ctx context.Context) error {
	return gc.sweep(ctx, manifest.SegmentPrefix, &gc.sealed, func(info objstore.Info) bool {
		d, err := manifest.ParseSegmentKey(info.Key)
		return err == nil && !gc.segments[d] && gc.oldOrWaits("index segments", info)
	})
}

// sweepPrivate deletes attempts, pins, records, and what a trial of the store
// left. An attempt whose tree still exists explains the tree, and stays with it.
// The latest record of each index stays, too.
func (gc *collector) sweepPrivate(ctx context.Context) error {
	for _, repo := range gc.repos {
		err := gc.sweep(ctx, manifest.AttemptPrefix(repo.Base), &gc.private, func(info objstore.Info) bool {
			id, err := manifest.ParseAttemptKey(repo.Base, info.Key)
			return err == nil && gc.old(info) && !repo.prepared[id]
		})
		if err != nil {
			return err
		}
	}
	for _, repo := range gc.repos {
		latest := true
		err := gc.sweep(ctx, manifest.RecordPrefix(repo.Base), &gc.private, func(info objstore.Info) bool {
			stays := latest || !gc.old(info)
			latest = false
			return !stays
		})
		if err != nil {
			return err
		}
	}
	for _, prefix := range []string{manifest.PinPrefix, manifest.NoticePrefix, manifest.ProbePrefix} {
		if err := gc.sweep(ctx, prefix, &gc.private, gc.old); err != nil {
			return err
		}
	}
	return nil
}

// old reports whether an object is older than the grace period.
func (gc *collector) old(info objstore.Info) bool { return info.Modified.Before(gc.before) }

// until returns when something may be deleted that has waited since then.
func (gc *collector) until(since time.Time) *manifest.ID {
	at := manifest.IDOf(since.Add(gc.grace))
	return &at
}

// oldOrWaits is old. An object without references that is not waits.
func (gc *collector) oldOrWaits(kind string, info objstore.Info) bool {
	if gc.old(info) {
		return true
	}
	gc.waiting.object(kind, info.Size, gc.until(info.Modified))
	return false
}

// sweep deletes the objects below a prefix that pick chooses, in batches.
func (gc *collector) sweep(ctx context.Context, prefix string, count *Collected, pick func(objstore.Info) bool) error {
	var batch []objstore.Info
	for info, err := range gc.Store.List(ctx, prefix, "") {
		if err != nil {
			return err
		}
		if !pick(info) {
			continue
		}
		if batch = append(batch, info); len(batch) == batchSize {
			if err := gc.delete(ctx, batch, count); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return gc.delete(ctx, batch, count)
}

// delete deletes a batch of objects without references, except for pinned ones.
// It reads the pins anew, and stops soon after: a publisher that pins something
// now waits until this batch is over.
func (gc *collector) delete(ctx context.Context, batch []objstore.Info, count *Collected) error {
	if len(batch) == 0 {
		return nil
	}
	began := gc.Now()
	pinned, err := reliance.Pinned(ctx, gc.Store)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reliance.BatchTime)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(gc.Concurrency)
	for i, info := range batch {
		if pinned[info.Key] {
			gc.left(info)
			continue
		}
		if gc.Now().Sub(began) > reliance.BatchTime {
			gc.left(batch[i:]...)
			break // the next run goes on
		}
		count.Objects++
		count.Bytes += info.Size
		if gc.apply {
			g.Go(func() error { return gc.Store.Delete(ctx, info.Key) })
		}
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	return nil
}

package publisher

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// batchSize is how many objects are deleted after one look at the pins.
const batchSize = 500

// sweepTrees deletes the trees of a repo that no checkpoint owns: of pruned
// checkpoints, and of attempts that are too old to be still at work.
func (gc *collector) sweepTrees(ctx context.Context, repo collected) error {
	attempts, err := gc.attemptsOf(ctx, repo.Base)
	if err != nil {
		return err
	}
	for id, err := range gc.treeIDs(ctx, repo.Base) {
		if err != nil {
			return err
		}
		_, listed, err := repo.history.Find(ctx, id)
		if err != nil {
			return err
		}
		if listed {
			continue
		}
		t, pruned, err := repo.history.FindPruned(ctx, id)
		if err != nil {
			return err
		}
		// A tree is as old as the tombstone or the attempt that explains it,
		// whatever its files are: nobody writes below an old id any more. One
		// that nothing explains is judged file by file.
		whole := func(objstore.Info) bool { return true }
		if pruned {
			if !t.At.Time().Before(gc.before) {
				continue
			}
		} else if a, ok := attempts[id]; ok {
			if !gc.old(a) {
				continue
			}
		} else {
			whole = gc.old
		}
		if err := gc.sweepTree(ctx, repo.Base, id, whole); err != nil {
			return err
		}
	}
	return nil
}

// sweepTree deletes one tree, the documents that clients begin with first.
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

// treeIDs yields the ids below which something stands, with one request each.
func (gc *collector) treeIDs(ctx context.Context, base string) iter.Seq2[manifest.ID, error] {
	return func(yield func(manifest.ID, error) bool) {
		after := ""
		for {
			var id manifest.ID
			found := false
			for info, err := range gc.Store.List(ctx, base+"/", after) {
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
			// "0" sorts right behind "/": on to the next id.
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
		return err == nil && !gc.blobs[d] && gc.old(info)
	})
}

func (gc *collector) sweepManifests(ctx context.Context) error {
	return gc.sweep(ctx, manifest.ManifestPrefix, &gc.lists, func(info objstore.Info) bool {
		d, err := manifest.ParseManifestKey(info.Key)
		return err == nil && !gc.manifests[d] && gc.old(info)
	})
}

func (gc *collector) sweepSegments(ctx context.Context) error {
	return gc.sweep(ctx, manifest.SegmentPrefix, &gc.sealed, func(info objstore.Info) bool {
		d, err := manifest.ParseSegmentKey(info.Key)
		return err == nil && !gc.segments[d] && gc.old(info)
	})
}

// sweepPrivate deletes attempts, pins, and what trying the store left behind.
// The attempt of a tree that stands explains it, and stays with it.
func (gc *collector) sweepPrivate(ctx context.Context) error {
	for _, repo := range gc.repos {
		err := gc.sweep(ctx, manifest.AttemptPrefix(repo.Base), &gc.private, func(info objstore.Info) bool {
			_, err := manifest.ParseAttemptKey(repo.Base, info.Key)
			return err == nil && gc.old(info)
		})
		if err != nil {
			return err
		}
	}
	for _, prefix := range []string{manifest.PinPrefix, manifest.ProbePrefix} {
		if err := gc.sweep(ctx, prefix, &gc.private, gc.old); err != nil {
			return err
		}
	}
	return nil
}

// old reports whether an object is older than the grace period.
func (gc *collector) old(info objstore.Info) bool { return info.Modified.Before(gc.before) }

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

// delete deletes a batch of objects that nobody refers to, but for those that
// are pinned. It looks at the pins anew, and stops soon after: a publisher that
// pins something now waits until this batch is over.
func (gc *collector) delete(ctx context.Context, batch []objstore.Info, count *Collected) error {
	if len(batch) == 0 {
		return nil
	}
	began := gc.Now()
	pinned, err := gc.pins(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(gc.Concurrency)
	for _, info := range batch {
		if pinned[info.Key] {
			continue
		}
		if gc.Now().Sub(began) > batchTime {
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

// pins reads the keys that publishers are about to rely on.
func (gc *collector) pins(ctx context.Context) (map[string]bool, error) {
	pinned := map[string]bool{}
	for info, err := range gc.Store.List(ctx, manifest.PinPrefix, "") {
		if err != nil {
			return nil, err
		}
		r, err := gc.Store.Open(ctx, info.Key, 0, objstore.Whole)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			pinned[lines.Text()] = true
		}
		err = lines.Err()
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", info.Key, err)
		}
	}
	return pinned, nil
}

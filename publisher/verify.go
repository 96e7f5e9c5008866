package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// VerifyOptions choose how deep Verify looks.
type VerifyOptions struct {
	// Quick looks at the presence and the size of files, pages and blobs, and
	// reads none of them: a tree is listed, of each blob the store is asked.
	Quick bool
}

// VerifyReport is what Verify looked at and what it found.
type VerifyReport struct {
	Repo        string `json:"repo"`
	Quick       bool   `json:"quick"`
	Checkpoints int    `json:"checkpoints"`
	Files       int64  `json:"files"`      // of upstream's, that manifests list
	Pages       int64  `json:"pages"`      // that manifests list
	Objects     int64  `json:"objects"`    // of trees and the pool that were looked at, each once
	BytesRead   int64  `json:"bytes_read"` // of all objects and registers
	// Unfinished are the ids of trees that the index does not know, and an
	// attempt does: publishes that were killed, or are under way.
	Unfinished []manifest.ID `json:"unfinished"`
	Problems   []Problem     `json:"problems"` // by checkpoint, key and text
}

// Problem is one thing that is wrong in the store.
type Problem struct {
	Checkpoint *manifest.ID `json:"checkpoint"` // nil: no checkpoint's alone
	Key        string       `json:"key"`
	What       string       `json:"problem"`
}

// verifyWalkers is how many checkpoints are walked at a time. Each holds parts of
// two manifests in memory.
const verifyWalkers = 4

// Verify reads a repo back and proves it, from the registry and the index down
// to the bytes: the checkpoints with the ids, or with nil all of them and what
// else stands below the base path. What is wrong in the store is in the report;
// an error means that Verify itself could not be carried out or finished.
//
// A repo without a base path has the one that the registry gives it. Publishing,
// pruning and collecting may go on meanwhile. Memory holds the digests of the
// pool's blobs, so that each is read once, but no content and no lists of files.
func (p *Publisher) Verify(ctx context.Context, repo manifest.Repo, ids []manifest.ID, opts VerifyOptions) (VerifyReport, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	v := &verification{Publisher: p, repo: repo, quick: opts.Quick, fail: fail}
	v.work.SetLimit(p.Concurrency)
	err := v.run(ctx, ids)
	return v.finish(), err
}

// verification is one call of Verify.
type verification struct {
	*Publisher
	repo  manifest.Repo
	quick bool

	fail context.CancelCauseFunc // ends the run, with the first error it is given
	work errgroup.Group          // looks at objects, so many at a time
	pool blobs

	checkpoints, files, pages, objects, bytes atomic.Int64

	mu         sync.Mutex
	unfinished []manifest.ID
	problems   []Problem
}

func (v *verification) run(ctx context.Context, ids []manifest.ID) error {
	if err := v.note(nil, v.checkRegistry(ctx)); err != nil || v.repo.Base == "" {
		return err
	}
	index, err := v.index(ctx)
	if err != nil {
		return v.note(nil, err) // without it nothing else can be judged
	}
	history := v.history(index)
	if err := v.checkLists(ctx, index); err != nil {
		return err
	}
	if err := v.walk(ctx, v.choose(ctx, history, ids)); err != nil {
		return err
	}
	if ids == nil {
		if err := v.findStrays(ctx, history); err != nil {
			return err
		}
	}
	return v.reconsider(ctx)
}

// listing is a checkpoint, and the key of the object that lists it.
type listing struct {
	manifest.Checkpoint
	in string
}

// choose yields the checkpoints with the ids, or with nil all of them. A segment
// that can't be read is noted, once, and passed over.
func (v *verification) choose(ctx context.Context, history *catalog.History, ids []manifest.ID) iter.Seq2[listing, error] {
	return func(yield func(listing, error) bool) {
		if ids != nil {
			for _, id := range ids {
				c, ok, err := history.Find(ctx, id)
				if err == nil && !ok {
					err = fmt.Errorf("%s: %w", id, manifest.ErrNoCheckpoint)
				}
				if err = v.note(nil, err); !ok && err == nil {
					continue
				}
				if !yield(listing{c, v.lists(history.Index, id)}, err) || err != nil {
					return
				}
			}
			return
		}
		for part, err := range history.All(ctx) {
			if err = v.note(nil, err); err != nil {
				yield(listing{}, err)
				return
			}
			for _, c := range part.Checkpoints {
				if !yield(listing{c, v.lists(history.Index, c.ID)}, nil) {
					return
				}
			}
		}
	}
}

// walk proves checkpoints, a few at a time. It goes through them twice: first for
// the sums that the progress begins with.
func (v *verification) walk(ctx context.Context, chosen iter.Seq2[listing, error]) error {
	var files, bytes int64
	for c, err := range chosen {
		if err != nil {
			return err
		}
		files, bytes = files+c.Files, bytes+c.Bytes
	}
	v.Progress.Begin("files", int(files), bytes)
	defer v.Progress.End()

	var walkers errgroup.Group
	walkers.SetLimit(min(verifyWalkers, v.Concurrency))
	for c, err := range chosen {
		if err != nil {
			v.fail(err)
		}
		if ctx.Err() != nil {
			break
		}
		walkers.Go(func() error {
			if err := v.checkpoint(ctx, c); err != nil {
				v.fail(fmt.Errorf("checkpoint %s: %w", c.ID, err))
			}
			v.checkpoints.Add(1)
			return nil
		})
	}
	_ = walkers.Wait() // errors go to fail
	_ = v.work.Wait()
	return context.Cause(ctx)
}

// inBackground looks at an object, and notes what is wrong with it.
func (v *verification) inBackground(look func() error) {
	v.work.Go(func() error {
		if err := look(); err != nil {
			v.fail(err)
		}
		return nil
	})
}

// note takes damage down as a problem, of a checkpoint if id is not nil. Any
// other error is the run's, and returned.
func (v *verification) note(id *manifest.ID, err error) error {
	d, ok := errors.AsType[*damage](err)
	if !ok {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.problems = append(v.problems, Problem{id, d.key, d.what})
	return nil
}

// reconsider drops what only others' work has made look wrong: a checkpoint that
// was pruned while it was read may have lost objects, and a tree that seemed
// unfinished may be a checkpoint by now.
func (v *verification) reconsider(ctx context.Context) error {
	if len(v.problems) == 0 && len(v.unfinished) == 0 {
		return nil
	}
	index, err := v.index(ctx)
	if err != nil {
		return v.note(nil, err)
	}
	history := v.history(index)
	listed := func(id manifest.ID) bool {
		_, ok, err := history.Find(ctx, id)
		return ok || err != nil
	}
	segments := map[string]bool{}
	for _, ref := range index.Segments {
		segments[manifest.SegmentKey(ref.Digest)] = true
	}
	// In the order of ids: the history then reads each segment once.
	slices.SortFunc(v.problems, compareProblems)
	slices.Sort(v.unfinished)
	v.problems = slices.DeleteFunc(v.problems, func(p Problem) bool {
		return p.Checkpoint != nil && !listed(*p.Checkpoint) || strings.HasPrefix(p.Key, manifest.SegmentPrefix) && !segments[p.Key]
	})
	v.unfinished = slices.DeleteFunc(v.unfinished, listed)
	return ctx.Err()
}

// finish makes the report. Nothing runs any more.
func (v *verification) finish() VerifyReport {
	slices.SortFunc(v.problems, compareProblems)
	problems := slices.CompactFunc(v.problems, func(a, b Problem) bool { return compareProblems(a, b) == 0 })
	slices.Sort(v.unfinished)
	return VerifyReport{
		Repo: v.repo.Name, Quick: v.quick,
		Checkpoints: int(v.checkpoints.Load()), Files: v.files.Load(), Pages: v.pages.Load(),
		Objects: v.objects.Load(), BytesRead: v.bytes.Load(),
		Unfinished: append([]manifest.ID{}, v.unfinished...), Problems: append([]Problem{}, problems...),
	}
}

func compareProblems(a, b Problem) int {
	of := func(p Problem) manifest.ID {
		if p.Checkpoint == nil {
			return manifest.NoTime // before every id
		}
		return *p.Checkpoint
	}
	return cmp.Or(cmp.Compare(of(a), of(b)), strings.Compare(a.Key, b.Key), strings.Compare(a.What, b.What))
}

// look holds an object against its size and, unless the run is a quick one, its
// bytes.
func (v *verification) look(ctx context.Context, key string, e manifest.Entry) error {
	v.objects.Add(1)
	if !v.quick {
		return v.retry(ctx, key, func() error {
			n, err := v.readObject(ctx, key, e, nil)
			v.bytes.Add(n)
			return err
		})
	}
	var info objstore.Info
	err := v.retry(ctx, key, func() (err error) {
		info, err = v.Store.Stat(ctx, key)
		return err
	})
	switch {
	case errors.Is(err, objstore.ErrNotFound):
		return missing(key)
	case err == nil && info.Size != e.Size:
		return wrongSize(key, info.Size, e.Size)
	}
	return err
}

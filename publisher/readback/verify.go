package readback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Report is what Verify checked and found.
type Report struct {
	Repo        string `json:"repo"`
	Quick       bool   `json:"quick"`
	Checkpoints int    `json:"checkpoints"`
	Files       int64  `json:"files"`      // of upstream, listed in manifests
	Pages       int64  `json:"pages"`      // listed in manifests
	Objects     int64  `json:"objects"`    // of trees and the pool, each counted once
	BytesRead   int64  `json:"bytes_read"` // of all objects and registers
	// Unfinished lists the ids of trees that the index does not know but an
	// attempt does: publishes that were killed, or are in progress.
	Unfinished []manifest.ID `json:"unfinished"`
	Problems   []Problem     `json:"problems"` // by checkpoint, key and text
	// Headers lists objects that the store would send with other headers than asof gave
	// them, as copies by other tools do, by key. Their bytes are judged in Problems.
	Headers []Problem `json:"headers"`
}

// Whole reports whether nothing is wrong.
func (r Report) Whole() bool { return len(r.Problems) == 0 && len(r.Headers) == 0 }

// Problem is one thing that is wrong in the store.
type Problem struct {
	Checkpoint *manifest.ID `json:"checkpoint"` // nil: not of a single checkpoint
	Key        string       `json:"key"`
	What       string       `json:"problem"`
}

// verifyWalkers is how many checkpoints are walked at a time. Each holds parts of
// two manifests in memory.
const verifyWalkers = 4

// Verify reads a repo back and proves it, from the registry and the index down to
// the bytes. It proves the checkpoints with the ids; if ids is nil, all of them
// and everything else below the base path. Problems in the store are in the
// report. An error means that Verify itself could not start or finish.
//
// If the repo has no base path, the registry's is used. Publishing, pruning and
// collecting may go on meanwhile. Memory holds the digests of the pool's blobs,
// so that each is read once, but no content and no lists of files.
//
// A quick run checks only the presence and the size of files, pages and blobs. It
// lists trees and asks the store for each blob, but reads none of them.
func Verify(ctx context.Context, opts Options, repo manifest.Repo, ids []manifest.ID, quick bool) (Report, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	v := &verification{Options: opts, repo: repo, quick: quick, fail: fail}
	v.Env = v.Env.WithDefaults()
	v.Store = &counting{opts.Store, &v.bytes, v.judgeHeaders}
	v.headed, _ = objstore.As[objstore.Headed](opts.Store)
	v.work.SetLimit(v.Concurrency)
	err := v.run(ctx, ids)
	return v.finish(), err
}

// verification is one call of Verify.
type verification struct {
	Options
	repo  manifest.Repo
	quick bool

	fail context.CancelCauseFunc // ends the run with the first error
	work errgroup.Group          // checks objects, a limited number at a time
	pool blobs

	headed objstore.Headed // nil: the store has no headers

	checkpoints, files, pages, objects, bytes atomic.Int64

	mu         sync.Mutex
	unfinished []manifest.ID
	problems   []Problem
	headers    map[string]string // what is wrong, by key
}

func (v *verification) run(ctx context.Context, ids []manifest.ID) error {
	if err := v.note(nil, v.checkRegistry(ctx)); err != nil || v.repo.Base == "" {
		return err
	}
	index, err := v.index(ctx)
	if err != nil {
		return v.note(nil, err) // without it nothing else can be judged
	}
	v.checkHorizon(index)
	history := v.history(index)
	if err := v.checkLists(ctx, index); err != nil {
		return err
	}
	if err := v.checkRings(ctx, history); err != nil {
		return err
	}
	if err := v.askHeaders(ctx, v.registers(index)...); err != nil {
		return err
	}
	if ids != nil {
		err = v.walk(ctx, v.chosen(ctx, history, ids))
	} else {
		err = v.everything(ctx, history)
	}
	if err != nil {
		return err
	}
	return v.reconsider(ctx)
}

// walk proves checkpoints, a few at a time. It goes through them twice: first to
// get the totals that the progress begins with.
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

// inBackground checks an object, and notes what is wrong with it.
func (v *verification) inBackground(look func() error) {
	v.work.Go(func() error {
		if err := look(); err != nil {
			v.fail(err)
		}
		return nil
	})
}

// note records damage as a problem; of a checkpoint if id is not nil. It returns
// any other error: that ends the run.
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

// reconsider drops problems that came from other runs: a checkpoint that was
// pruned while it was read may have lost objects, and a tree that seemed
// unfinished may be a checkpoint by now.
func (v *verification) reconsider(ctx context.Context) error {
	if len(v.problems) == 0 && len(v.unfinished) == 0 && len(v.headers) == 0 {
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
	prepared := map[manifest.ID]bool{}
	for root := range v.roots(history).All(ctx) {
		if root.By == manifest.KindGroup {
			prepared[root.Checkpoint.ID] = true
		}
	}
	segments := map[string]bool{}
	for _, ref := range index.Segments {
		segments[manifest.SegmentKey(ref.Digest)] = true
	}
	// In the order of ids, so that the history reads each segment once.
	slices.SortFunc(v.problems, compareProblems)
	slices.Sort(v.unfinished)
	v.problems = slices.DeleteFunc(v.problems, func(p Problem) bool {
		return p.Checkpoint != nil && !listed(*p.Checkpoint) && !prepared[*p.Checkpoint] || strings.HasPrefix(p.Key, manifest.SegmentPrefix) && !segments[p.Key]
	})
	v.unfinished = slices.DeleteFunc(v.unfinished, listed)
	maps.DeleteFunc(v.headers, func(key, _ string) bool {
		_, id, _, _ := manifest.KindAt(v.repo.Base, key)
		return id.Valid() && !listed(id) && !prepared[id] || strings.HasPrefix(key, manifest.SegmentPrefix) && !segments[key]
	})
	return ctx.Err()
}

// finish makes the report, after everything has ended.
func (v *verification) finish() Report {
	slices.SortFunc(v.problems, compareProblems)
	problems := slices.CompactFunc(v.problems, func(a, b Problem) bool { return compareProblems(a, b) == 0 })
	slices.Sort(v.unfinished)
	return Report{
		Repo: v.repo.Name, Quick: v.quick,
		Checkpoints: int(v.checkpoints.Load()), Files: v.files.Load(), Pages: v.pages.Load(),
		Objects: v.objects.Load(), BytesRead: v.bytes.Load(),
		Unfinished: append([]manifest.ID{}, v.unfinished...), Problems: append([]Problem{}, problems...), Headers: v.headerProblems(),
	}
}

func compareProblems(a, b Problem) int {
	of := func(p Problem) manifest.ID {
		if p.Checkpoint == nil {
			return 0 // before every id
		}
		return *p.Checkpoint
	}
	return cmp.Or(cmp.Compare(of(a), of(b)), strings.Compare(a.Key, b.Key), strings.Compare(a.What, b.What))
}

// look checks an object against its size and, unless the run is quick, its bytes.
func (v *verification) look(ctx context.Context, key string, e manifest.Entry) error {
	v.objects.Add(1)
	if !v.quick {
		return v.Retry(ctx, key, func() error {
			return v.readObject(ctx, key, e, nil)
		})
	}
	var info objstore.Info
	err := v.Retry(ctx, key, func() (err error) {
		info, err = v.stat(ctx, key)
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

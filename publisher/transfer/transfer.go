package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// smallFile is the size in bytes up to which a file is read into memory before it
// is stored. Then a store's short failure costs upstream no second request.
const smallFile = 1 << 20

// transfer is one call of Run.
type transfer struct {
	Options
	rev  *revision.Revision
	plan *Plan

	buffers sync.Pool // of small files: *[]byte

	mu     sync.Mutex
	stats  Stats
	faults []remote.Fault // of a lasting upstream
}

// Options configure a transfer.
type Options struct {
	Store objstore.Store // required
	job.Env
	Rely *reliance.Reliance // what the run depends on; required
	What string             // name of the files in the progress
	Kind manifest.Kind      // kind of the files in a tree
	// Dry opens no file: stored bodies are never read.
	Dry bool
}

// Stats count what was done with files and pages.
type Stats struct {
	Uploaded      int   `json:"uploaded"` // stored from the remote, or generated
	Copied        int   `json:"copied"`   // copied inside the store
	Reused        int   `json:"reused"`   // already in their places
	UploadedBytes int64 `json:"uploaded_bytes"`
}

// Run brings every file of a revision to its place, phase by phase (invariant 7).
// It also learns unknown modification times. It ends with the first error, except
// for a lasting revision: there it tries all files, and returns those that are
// missing or wrong upstream as a *remote.FaultsError.
func Run(ctx context.Context, opts Options, rev *revision.Revision, plan *Plan) (Stats, error) {
	t := &transfer{Options: opts, rev: rev, plan: plan}
	t.Env = t.Env.WithDefaults()
	t.buffers.New = func() any { return new([]byte) }
	t.Progress.Begin(t.What, len(rev.Files), rev.Root.Bytes)
	defer t.Progress.End()
	for phase := range remote.Phase(remote.Phases) {
		if err := t.run(ctx, phase); err != nil {
			return t.stats, err
		}
		if len(t.faults) > 0 {
			return t.stats, remote.NewFaultsError(t.faults, t.rev.Advice)
		}
	}
	return t.stats, nil
}

func (t *transfer) run(ctx context.Context, phase remote.Phase) error {
	var files []int
	for i, f := range t.rev.Files {
		if f.Phase == phase {
			files = append(files, i)
		}
	}
	first := &round{uploaded: map[manifest.Digest]string{}}
	twins, err := t.files(ctx, files, first)
	if err == nil && len(twins) > 0 {
		_, err = t.files(ctx, twins, &round{uploaded: first.uploaded, before: first.placed})
	}
	return err
}

// round is one pass over files of a phase.
type round struct {
	uploaded map[manifest.Digest]string // where, in all rounds
	placed   map[string]bool            // keys at which something is put in this round
	before   map[string]bool            // keys at which something was put in the round before
}

// task is one file, and what to do about it.
type task struct {
	i   int // in the revision
	dst string
	src source
}

// files brings some files to their places. Content that several files share is
// uploaded once. In a full tree the others, its twins, wait for another round,
// which copies them from where uploaded says. So do those in the pool that have to be
// inspected there.
func (t *transfer) files(parent context.Context, files []int, r *round) (twins []int, err error) {
	g, ctx := errgroup.WithContext(parent)
	tasks := make(chan task)
	// Workers, not a goroutine for each file: its stack would grow anew each
	// time.
	for range min(t.Concurrency, len(files)) {
		g.Go(func() error {
			for task := range tasks {
				if err := t.file(ctx, task); err != nil && !t.isFault(task, err) {
					return fmt.Errorf("%s: %w", t.rev.Files[task.i].Path, err)
				}
			}
			return nil
		})
	}
	twins = t.assign(ctx, files, r, tasks)
	close(tasks)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return twins, context.Cause(parent) // nil, unless it ended before all had begun
}

// isFault takes note of an error that is lastingly upstream's.
func (t *transfer) isFault(task task, err error) bool {
	if !t.rev.Lasting || !Moved(err) {
		return false
	}
	if errors.Is(err, remote.ErrMissing) {
		err = remote.WhyMissing(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, remote.Fault{Path: t.rev.Files[task.i].Path, Err: err})
	return true
}

// Moved recognizes a file that is gone upstream, or has other bytes than were listed.
func Moved(err error) bool {
	return errors.Is(err, remote.ErrMoved) || errors.Is(err, objstore.ErrMismatch)
}

// assign makes the tasks, until all are taken or ctx ends.
func (t *transfer) assign(ctx context.Context, files []int, r *round, tasks chan<- task) (twins []int) {
	r.placed = map[string]bool{}
	there := maps.Clone(r.uploaded)
	for _, i := range files {
		f, e := t.rev.Files[i], t.rev.Entries[i]
		src := t.plan.source(i, e)
		dst := t.plan.Dst.Key(e.Path, e.SHA256)
		if r.placed[dst] && !r.before[dst] && t.mustInspect(i) {
			twins = append(twins, i) // it may not be there yet
			continue
		}
		if r.placed[dst] || r.before[dst] {
			src.action = reuse
		}
		if src.action == upload && t.kindOf(f) == manifest.KindFile && t.plan.wanted[e.SHA256].files > 1 {
			if from, ok := there[e.SHA256]; ok {
				src = source{action: copyFrom, from: from}
			} else if _, ok := r.uploaded[e.SHA256]; ok {
				twins = append(twins, i)
				continue
			}
			r.uploaded[e.SHA256] = dst
		}
		if src.action == reuse && e.Modified != 0 && !t.mustInspect(i) {
			t.done(reuse, e.Size)
			continue
		}
		r.placed[dst] = true
		select {
		case tasks <- task{i, dst, src}:
		case <-ctx.Done():
			return twins
		}
	}
	return twins
}

// file brings one file to its place. Nobody else touches the file's entry while
// it runs.
func (t *transfer) file(ctx context.Context, task task) error {
	f, e := t.rev.Files[task.i], &t.rev.Entries[task.i]
	action, err := t.place(ctx, f, e, task.dst, task.src)
	if err == nil && action != upload && t.mustInspect(task.i) && !t.Dry {
		err = t.inspect(ctx, f, task.dst)
	}
	if err != nil {
		return err
	}
	if e.Modified == 0 && !t.Dry {
		// The content came from the store, which does not know upstream's time.
		modified, err := t.rev.Modified(ctx, f)
		if err != nil {
			return err
		}
		e.Modified = revision.TimeOf(modified)
	}
	t.done(action, e.Size)
	return nil
}

// mustInspect reports whether a file's content has to be inspected wherever it comes from. What
// the newest checkpoint has was inspected before.
func (t *transfer) mustInspect(i int) bool { return !t.plan.same[i] && t.rev.Inspects(t.rev.Files[i]) }

// inspect inspects a file that the store had already.
func (t *transfer) inspect(ctx context.Context, f remote.File, key string) error {
	return t.Retry(ctx, f.Path, func() error {
		body, err := t.Store.Open(ctx, key, 0, objstore.Whole)
		if err != nil {
			return err
		}
		inspected := t.rev.Inspect(f, body)
		defer inspected.Close()
		_, err = io.Copy(io.Discard, inspected)
		return err
	})
}

// place does what src says. It returns what was really done.
func (t *transfer) place(ctx context.Context, f remote.File, e *manifest.Entry, dst string, src source) (action, error) {
	switch src.action {
	case reuse:
		return reuse, nil
	case ifThere:
		info, there, err := t.look(ctx, f, dst)
		if err != nil {
			return 0, err
		}
		if !there {
			break
		}
		if !src.sure {
			t.Rely.On(dst, info)
		}
		return reuse, nil
	case copyFrom:
		if src.look {
			_, there, err := t.look(ctx, f, src.from)
			if err != nil {
				return 0, err
			}
			if !there {
				break
			}
		}
		err := t.Retry(ctx, f.Path, func() error {
			return t.Store.Copy(ctx, src.from, dst, catalog.Attributes(t.kindOf(f), f.Path), reliance.IsFresh(t.Now(), t.plan.Claimed))
		})
		if errors.Is(err, objstore.ErrExists) {
			return copyFrom, t.checkThere(ctx, f, dst, t.rev.Body(f, func(time.Time) {}))
		}
		if !errors.Is(err, objstore.ErrNotFound) {
			return copyFrom, err
		}
		t.Log.Debug("the store no longer has the content", "file", f.Path, "key", src.from)
	}
	return t.upload(ctx, f, e, dst)
}

// look reports whether a key has an object of the file's size.
func (t *transfer) look(ctx context.Context, f remote.File, key string) (info objstore.Info, there bool, err error) {
	info, err = t.Store.Stat(ctx, key)
	if errors.Is(err, objstore.ErrNotFound) {
		return info, false, nil
	}
	return info, err == nil && info.Size == f.Size, err
}

func (t *transfer) upload(ctx context.Context, f remote.File, e *manifest.Entry, dst string) (done action, err error) {
	// A store's SDK may open the body in a goroutine that outlives Create.
	var modified atomic.Int64
	modified.Store(int64(e.Modified))
	err = t.Retry(ctx, f.Path, func() error {
		body := t.rev.Body(f, func(at time.Time) {
			modified.CompareAndSwap(0, int64(revision.TimeOf(at)))
		})
		if f.Size <= smallFile && !t.Dry {
			buf := t.buffers.Get().(*[]byte)
			defer t.buffers.Put(buf) // nobody reads a body after Create
			if body, *buf, err = body.Load(ctx, *buf); err != nil {
				return err
			}
		}
		err := t.Store.Create(ctx, dst, body, catalog.Attributes(t.kindOf(f), f.Path))
		if errors.Is(err, objstore.ErrExists) {
			done = reuse
			return t.checkThere(ctx, f, dst, body)
		}
		return err
	})
	e.Modified = manifest.ID(modified.Load())
	return done, err
}

// kindOf returns the kind of a file at its destination.
func (t *transfer) kindOf(f remote.File) manifest.Kind {
	if t.plan.Dst.Pools(f.Path) {
		return manifest.KindBlob
	}
	return t.Kind
}

// checkThere checks an object that is already at dst against what belongs there.
// A blob's name commits to its bytes, and none was ever stored unchecked.
func (t *transfer) checkThere(ctx context.Context, f remote.File, dst string, body objstore.Body) error {
	if t.plan.Dst.Pools(f.Path) {
		return t.Rely.Named(ctx, dst, body.Size)
	}
	same, err := objstore.Holds(ctx, t.Store, dst, body)
	if err == nil && !same {
		err = fmt.Errorf("%s: %w", dst, objstore.ErrDiffers)
	}
	return err
}

func (t *transfer) done(a action, size int64) {
	t.Progress.Add(1, size)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch a {
	case upload:
		t.stats.Uploaded++
		t.stats.UploadedBytes += size
	case copyFrom:
		t.stats.Copied++
	case reuse:
		t.stats.Reused++
	}
}

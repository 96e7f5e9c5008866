package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// smallFile is the size in bytes up to which a file is read into memory before
// it is stored, so that a store's hiccup costs the upstream no second request.
const smallFile = 1 << 20

// transfer brings every file of a revision to its place, phase by phase
// (invariant 7), and learns the modification times that were not known.
type transfer struct {
	*Publisher
	rely *reliance
	rev  *revision
	plan *placement
	kind manifest.Kind // of what stands in the tree

	buffers sync.Pool // of small files: *[]byte

	mu    sync.Mutex
	stats Stats
}

// transfer does the work; kind is what the files are in a tree.
func (p *Publisher) transfer(ctx context.Context, what string, rely *reliance, rev *revision, plan *placement, kind manifest.Kind) (Stats, error) {
	t := &transfer{Publisher: p, rely: rely, rev: rev, plan: plan, kind: kind}
	t.buffers.New = func() any { return new([]byte) }
	p.Progress.Begin(what, len(rev.files), rev.root.Bytes)
	defer p.Progress.End()
	for phase := range remote.Phase(remote.Phases) {
		if err := t.run(ctx, phase); err != nil {
			return t.stats, err
		}
	}
	return t.stats, nil
}

func (t *transfer) run(ctx context.Context, phase remote.Phase) error {
	var files []int
	for i, f := range t.rev.files {
		if f.Phase == phase {
			files = append(files, i)
		}
	}
	uploaded := map[manifest.Digest]string{} // where, once it was
	twins, err := t.files(ctx, files, uploaded)
	if err == nil && len(twins) > 0 {
		_, err = t.files(ctx, twins, uploaded)
	}
	return err
}

// task is one file, and what is to be done about it.
type task struct {
	i   int // in the revision
	dst string
	src source
}

// files brings some files to their places. One upload is enough for content that
// several of them share: in a full tree the others, its twins, are left for
// another round, which copies them from where uploaded says.
func (t *transfer) files(parent context.Context, files []int, uploaded map[manifest.Digest]string) (twins []int, err error) {
	g, ctx := errgroup.WithContext(parent)
	tasks := make(chan task)
	// Workers, and not a goroutine for each file: its stack would grow each time anew.
	for range min(t.Concurrency, len(files)) {
		g.Go(func() error {
			for task := range tasks {
				if err := t.file(ctx, task); err != nil {
					return fmt.Errorf("%s: %w", t.rev.files[task.i].Path, err)
				}
			}
			return nil
		})
	}
	twins = t.assign(ctx, files, uploaded, tasks)
	close(tasks)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return twins, context.Cause(parent) // nil, unless it ended before all had begun
}

// assign makes the tasks, until all are taken or ctx ends.
func (t *transfer) assign(ctx context.Context, files []int, uploaded map[manifest.Digest]string, tasks chan<- task) (twins []int) {
	uploading := map[string]bool{} // blobs
	there := maps.Clone(uploaded)
	for _, i := range files {
		f, e := t.rev.files[i], t.rev.entries[i]
		src := t.plan.source(i, e)
		dst := t.plan.dst.key(e.Path, e.SHA256)
		if uploading[dst] {
			src.action = reuse
		}
		if src.action == upload && t.kindOf(f) == manifest.KindFile && t.plan.wanted[e.SHA256].files > 1 {
			if from, ok := there[e.SHA256]; ok {
				src = source{copyFrom, from}
			} else if _, ok := uploaded[e.SHA256]; ok {
				twins = append(twins, i)
				continue
			}
			uploaded[e.SHA256] = dst
		}
		if src.action == reuse && e.Modified != manifest.NoTime {
			t.done(reuse, e.Size)
			continue
		}
		uploading[dst] = true
		select {
		case tasks <- task{i, dst, src}:
		case <-ctx.Done():
			return twins
		}
	}
	return twins
}

// file brings one file to its place. Only it touches the file's entry while it runs.
func (t *transfer) file(ctx context.Context, task task) error {
	f, e := t.rev.files[task.i], &t.rev.entries[task.i]
	action, err := t.place(ctx, f, e, task.dst, task.src)
	if err != nil {
		return err
	}
	if e.Modified == manifest.NoTime && !t.dry {
		// The content came from the store, which does not know upstream's time.
		modified, err := t.rev.Modified(ctx, f)
		if err != nil {
			return err
		}
		e.Modified = timeOf(modified)
	}
	t.done(action, e.Size)
	return nil
}

// place does what src says and returns what was done in the end.
func (t *transfer) place(ctx context.Context, f remote.File, e *manifest.Entry, dst string, src source) (action, error) {
	switch src.action {
	case reuse:
		return reuse, nil
	case ifThere:
		info, err := t.Store.Stat(ctx, dst)
		if err == nil && info.Size == f.Size {
			t.rely.on(dst, info)
			return reuse, nil
		}
		if err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return 0, err
		}
	case copyFrom:
		err := t.retry(ctx, f.Path, func() error {
			return t.Store.Copy(ctx, src.from, dst, attributes(t.kindOf(f), f.Path), t.fresh(t.plan.claimed))
		})
		if errors.Is(err, objstore.ErrExists) {
			return copyFrom, t.checkThere(ctx, f, dst, t.rev.body(f, func(time.Time) {}))
		}
		if !errors.Is(err, objstore.ErrNotFound) {
			return copyFrom, err
		}
		t.Log.Debug("the store no longer has the content", "file", f.Path, "key", src.from)
	}
	return t.upload(ctx, f, e, dst)
}

func (t *transfer) upload(ctx context.Context, f remote.File, e *manifest.Entry, dst string) (done action, err error) {
	// A store's SDK may open the body on a goroutine that outlives Create.
	var modified atomic.Int64
	modified.Store(int64(e.Modified))
	err = t.retry(ctx, f.Path, func() error {
		body := t.rev.body(f, func(at time.Time) {
			modified.CompareAndSwap(int64(manifest.NoTime), int64(timeOf(at)))
		})
		if f.Size <= smallFile && !t.dry {
			buf := t.buffers.Get().(*[]byte)
			defer t.buffers.Put(buf) // nobody reads a body after Create
			if body, *buf, err = body.Load(ctx, *buf); err != nil {
				return err
			}
		}
		err := t.Store.Create(ctx, dst, body, attributes(t.kindOf(f), f.Path))
		if errors.Is(err, objstore.ErrExists) {
			done = reuse
			return t.checkThere(ctx, f, dst, body)
		}
		return err
	})
	e.Modified = manifest.ID(modified.Load())
	return done, err
}

// kindOf is what a file is where it goes.
func (t *transfer) kindOf(f remote.File) manifest.Kind {
	if t.plan.dst.pools(f.Path) {
		return manifest.KindBlob
	}
	return t.kind
}

// checkThere holds an object that already stands at dst against what belongs
// there. A blob's name commits to its bytes, and none was ever stored unchecked.
func (t *transfer) checkThere(ctx context.Context, f remote.File, dst string, body objstore.Body) error {
	if t.plan.dst.pools(f.Path) {
		return t.relyOn(ctx, t.rely, dst, body.Size)
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

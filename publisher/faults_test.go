package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/retain"
)

// fault is a way in which one operation fails, and all later ones if the process
// dies with it.
type fault struct {
	name    string
	applied bool // the operation took effect
	dies    bool // nothing after it happens
	cancels bool // the caller gives up at that moment
	passing bool // the error says that trying again may help
}

// faults returns all kinds of faults.
func faults() []fault {
	return []fault{
		{name: "fails"},
		{name: "fails for now", passing: true},
		{name: "applied but reported failed", applied: true},
		{name: "applied but reported failed for now", applied: true, passing: true},
		{name: "killed before", dies: true},
		{name: "killed after", applied: true, dies: true},
		{name: "cancelled", cancels: true},
	}
}

// faulty is a store, and a remote, whose nth operation suffers a fault.
type faulty struct {
	objstore.Store
	mu     sync.Mutex
	n      int    // operations until the fault; negative: it has happened
	writes []bool // of each operation: whether it can take effect
	fault  fault
	cancel context.CancelFunc
	dead   bool
}

var errFault = errors.New("fault")

func (f *faulty) read(op func() error) error { return f.do(false, op) }

func (f *faulty) write(op func() error) error { return f.do(true, op) }

func (f *faulty) do(write bool, op func() error) error {
	f.mu.Lock()
	f.writes = append(f.writes, write)
	f.n--
	hit, dead, fault := f.n == -1, f.dead, f.fault
	if hit && fault.dies {
		f.dead = true
	}
	f.mu.Unlock()
	if dead {
		return errKilled
	}
	if !hit {
		return op()
	}
	if fault.cancels {
		f.cancel()
		return context.Canceled
	}
	if fault.applied {
		_ = op()
	}
	if fault.dies {
		return errKilled
	}
	if fault.passing {
		return fmt.Errorf("%w: %w", errFault, objstore.ErrUnavailable)
	}
	return errFault
}

func (f *faulty) Open(ctx context.Context, key string, offset, length int64) (r io.ReadCloser, err error) {
	err = f.read(func() error { r, err = f.Store.Open(ctx, key, offset, length); return err })
	return r, err
}

func (f *faulty) Stat(ctx context.Context, key string) (info objstore.Info, err error) {
	err = f.read(func() error { info, err = f.Store.Stat(ctx, key); return err })
	return info, err
}

func (f *faulty) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	return f.write(func() error { return f.Store.Create(ctx, key, body, attr) })
}

func (f *faulty) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	return f.write(func() error { return f.Store.Copy(ctx, src, dst, attr, vacant) })
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	return f.write(func() error { return f.Store.Delete(ctx, key) })
}

func (f *faulty) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	if err := f.read(func() error { return nil }); err != nil {
		return func(yield func(objstore.Info, error) bool) { yield(objstore.Info{}, err) }
	}
	return f.Store.List(ctx, prefix, after)
}

func (f *faulty) Load(ctx context.Context, key string, have objstore.Version) (data []byte, v objstore.Version, err error) {
	err = f.read(func() error { data, v, err = f.Store.Load(ctx, key, have); return err })
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return nil, "", err
	}
	return data, v, err
}

func (f *faulty) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (v objstore.Version, err error) {
	err = f.write(func() error { v, err = f.Store.Swap(ctx, key, old, data, attr); return err })
	return v, err
}

// faultyRemote puts the remote's operations among the store's.
type faultyRemote struct {
	remote.Remote
	f *faulty
}

func (r *faultyRemote) Capture(ctx context.Context, prev remote.Previous) (c remote.Capture, err error) {
	err = r.f.read(func() error { c, err = r.Remote.Capture(ctx, prev); return err })
	return &faultyCapture{c, r.f}, err
}

type faultyCapture struct {
	remote.Capture
	f *faulty
}

func (c *faultyCapture) Open(ctx context.Context, file remote.File) (content remote.Content, err error) {
	err = c.f.read(func() error { content, err = c.Capture.Open(ctx, file); return err })
	return content, err
}

func (c *faultyCapture) Modified(ctx context.Context, file remote.File) (at time.Time, err error) {
	err = c.f.read(func() error { at, err = c.Capture.Modified(ctx, file); return err })
	return at, err
}

// Every operation of every scene suffers every fault. After each: all that was
// published before is whole, every final answer is what it was, the index names
// nothing unfinished. The same command, run again, ends as the clean run did, and
// leaves nothing undone that follows from its commit, whatever it says.
//
// Where the process died, it is not always the same command that comes next: a
// collection with the shortest grace, and then a publish, find all whole, too.
//
// With the race detector, only a sample is played: see raceEnabled.
func TestEveryFault(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of publishes")
	}
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		for _, s := range scenes() {
			t.Run(string(layout)+"/"+s.name, func(t *testing.T) {
				prepared := newFixture(t, layout, isos())
				s.prepare(prepared)
				prepared.keep()
				f := prepared.clone()
				writes, err := s.disturb(f, fault{}, -1)
				if err != nil {
					t.Fatalf("the clean run: %v", err)
				}
				f.followed()
				clean := f.describe()
				if len(writes) < 3 {
					t.Fatalf("%d operations", len(writes))
				}
				for i, fault := range faults() {
					for n, write := range writes {
						if fault.applied && !write {
							continue // as if it was not
						}
						if raceEnabled && (n+i)%len(faults()) != 0 {
							continue // each operation suffers one fault
						}
						if got := s.again(prepared.clone(), fault, n); got != clean {
							t.Errorf("it ends with\n%s\nwant\n%s", got, clean)
						}
						if fault.dies && (fault.applied || !write) {
							s.others(prepared.clone(), fault, n)
						}
						if t.Failed() {
							t.Fatalf("operation %d %s", n, fault.name)
						}
					}
				}
			})
		}
	}
}

// disturb plays a scene with a fault at its nth operation. It says of each operation
// whether it writes.
func (s scene) disturb(f *fixture, flt fault, n int) (writes []bool, err error) {
	f.Helper()
	ctx, cancel := context.WithCancel(f.Context())
	defer cancel()
	broken := &faulty{Store: f.store.Store, n: n, fault: flt, cancel: cancel}
	p := f.publisher(broken)
	p.Concurrency = 1 // so that operations have numbers
	repo := f.repo
	repo.Remote = &faultyRemote{f.up, broken}
	err = s.run(ctx, f, p, repo)
	if err != nil && !errors.Is(err, errFault) && !errors.Is(err, errKilled) && !errors.Is(err, context.Canceled) {
		f.Fatalf("it fails with %v", err)
	}
	f.keepsAnswers()
	f.keep()
	f.clock.add(time.Minute)
	return broken.writes, err
}

// again plays a scene with a fault at its nth operation, runs it again, and
// describes what is there in the end.
func (s scene) again(f *fixture, flt fault, n int) string {
	f.Helper()
	_, _ = s.disturb(f, flt, n)
	if err := s.run(f.Context(), f, f.pub, f.repo); err != nil && !errors.Is(err, s.done) {
		f.Fatalf("run again: %v", err)
	}
	f.followed()
	f.keepsAnswers()
	return f.describe()
}

// others plays a scene with a fault at its nth operation. Then others come first.
func (s scene) others(f *fixture, flt fault, n int) {
	f.Helper()
	_, _ = s.disturb(f, flt, n)
	refused := func(what string, err error) {
		f.Helper()
		if err != nil && !errors.Is(err, catalog.ErrLost) && !errors.Is(err, retain.ErrNoRegistry) && !errors.Is(err, job.ErrClock) && !errors.Is(err, manifest.ErrRetired) {
			f.Fatalf("%s: %v", what, err)
		}
	}
	publish := func(content string) {
		f.Helper()
		f.up.set("others", content)
		_, err := f.pub.Publish(f.Context(), f.repo, PublishOptions{})
		refused("publish", err)
		f.clock.add(time.Minute)
	}
	shortest := retain.CollectOptions{Apply: true, Exclusive: true}
	_, err := retain.Collect(f.Context(), tools(f.pub), shortest)
	refused("collect", err)
	publish("once")
	f.keepsAnswers()
	f.keep()
	if err := s.run(f.Context(), f, f.pub, f.repo); err != nil && !errors.Is(err, s.done) {
		f.Fatalf("run again behind others: %v", err)
	}
	f.clock.add(time.Minute)
	if s.withdraws { // without a tombstone: a collection does not believe that it may go
		if _, err := retain.Confirm(f.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{Apply: true}); err != nil {
			f.Fatalf("confirm: %v", err)
		}
		f.clock.add(time.Minute)
	}
	f.collect(shortest)
	publish("twice")
	f.followed()
	f.keepsAnswers()
}

// everyRepo are the repos of scenes: the fixture's own, and one beside it.
func (f *fixture) everyRepo() []*fixture {
	own, other := *f, *f
	other.repo = otherThan(f.repo)
	return []*fixture{&own, &other}
}

// movedTo is the fixture's other repo, to which it was moved.
func movedTo(f *fixture, base string) *fixture {
	f.Helper()
	for _, f := range f.everyRepo() {
		if f.repo.Base == base {
			return f
		}
	}
	f.Fatalf("nothing stands at %s", base)
	return nil
}

// followed holds that every repo is whole, and that all is done that follows from
// the last change of its index: pages, and record.
func (f *fixture) followed() {
	f.Helper()
	for _, f := range f.everyRepo() {
		index := f.index()
		if index.Generation == 0 {
			continue
		}
		if r := f.verify(false); len(r.Problems) > 0 {
			f.Errorf("%s: %+v", f.repo.Name, r.Problems)
		}
		if record, err := catalog.LatestRecord(f.Context(), f.store.Store, f.repo.Repo); err != nil || !record.Lists(index) {
			f.Errorf("%s: the latest record is\n%+v, %v\nand the index\n%+v", f.repo.Name, record, err, index)
		}
	}
}

// instant is one of a repo's.
type instant struct {
	repo string
	at   manifest.ID
}

// keep takes down what the last two minutes up to each horizon resolve to, for
// keepsAnswers, as a resolver would say it now.
func (f *fixture) keep() {
	f.Helper()
	for _, f := range f.everyRepo() {
		history := f.history()
		now := manifest.IDOf(f.clock.Now())
		horizon := min(history.Index.Horizon, now+manifest.ClockSkew)
		for at := max(horizon-120, 1); at <= horizon; at++ {
			a, err := history.Resolve(f.Context(), manifest.At(at), now)
			if err != nil {
				f.Fatal(err)
			}
			if _, known := f.kept[instant{f.repo.Name, at}]; a.Final && a.Outcome == manifest.Found && !known {
				f.kept[instant{f.repo.Name, at}] = a.ID
			}
		}
	}
}

// keepsAnswers holds invariant 4: what was final once is the same, or gone under the
// same id. An index that is lost answers nothing.
func (f *fixture) keepsAnswers() {
	f.Helper()
	for _, f := range f.everyRepo() {
		history := f.history()
		for was, id := range f.kept {
			if was.repo != f.repo.Name || history.Index.Generation == 0 {
				continue
			}
			if r := history.Index.Retired; r != nil {
				if r.To == "" {
					continue // gone
				}
				history = movedTo(f, r.To).history()
			}
			is, err := history.Resolve(f.Context(), manifest.At(was.at), manifest.MaxID)
			if err != nil {
				f.Fatal(err)
			}
			if is.Outcome != manifest.Gone && (is.Outcome != manifest.Found || is.ID != id) {
				f.Errorf("%s at %s was %s and is now %+v", was.repo, was.at, id, is)
			}
		}
	}
}

// staged returns the staged content, if any.
func (f *fixture) staged() string {
	s, err := catalog.Staged(f.repo.Base).Load(f.Context(), f.store.Store)
	if err != nil || !s.Exists() {
		return "nothing"
	}
	return s.Doc.Content.String()
}

// describe returns what the store holds for a user, after all garbage is
// collected: contents of checkpoints, without ids, and the objects that exist.
func (f *fixture) describe() string {
	f.Helper()
	f.collect(retain.CollectOptions{Apply: true, Exclusive: true, Grace: -time.Hour})
	f.check()
	var b strings.Builder
	var pairs []string
	all := f.all()
	for i, c := range all.Checkpoints {
		fmt.Fprintf(&b, "checkpoint %d: content %s, %d files, %s\n", i, c.Content, c.Files, c.Layout)
		pairs = append(pairs, c.ID.String(), fmt.Sprint("id", i))
	}
	ids := strings.NewReplacer(pairs...)
	fmt.Fprintf(&b, "pruned: %d, staged: %s\n", len(all.Pruned), f.staged())
	for _, ref := range f.index().Segments {
		fmt.Fprintf(&b, "segment: %d listed, %d pruned\n", ref.Checkpoints, ref.Pruned)
	}
	for name, id := range f.index().Channels {
		fmt.Fprintf(&b, "channel %s: %s\n", name, ids.Replace(id.String()))
	}
	rings, recorded, err := catalog.LoadRollout(f.Context(), f.store.Store)
	if err != nil || !recorded {
		f.Errorf("rings: recorded %t, %v", recorded, err)
	}
	for _, ring := range rings.Doc.Rings {
		stands, _ := ring.Now()
		fmt.Fprintf(&b, "ring %s: %s, held %t, %d stands\n", ring.Name, ids.Replace(stands.Time.String()), ring.Held != nil, len(ring.Stands))
	}
	for _, block := range rings.Doc.Blocks {
		fmt.Fprintf(&b, "blocked: %s after %s through %s\n", block.Repos, ids.Replace(block.After.String()), ids.Replace(block.Through.String()))
	}
	var keys []string
	for _, key := range f.keys("") {
		if strings.HasPrefix(key, manifest.SegmentPrefix) {
			key = manifest.SegmentPrefix // ids are in it
		}
		if before, _, ok := strings.Cut(key, "/records/"); ok {
			key = before + "/records/" // counted by changes
		}
		if strings.HasPrefix(key, manifest.ManifestPrefix) {
			key = manifest.ManifestPrefix // times in it depend on ids
		}
		if strings.HasPrefix(key, manifest.BlobPrefix) {
			switch content := f.read(key); {
			case strings.HasPrefix(content, "<!doctype html>"):
				key = "a page"
			case strings.HasPrefix(content, `{"format":"asof.changes/1"`):
				key = "a receipt"
			}
		}
		keys = append(keys, ids.Replace(key))
	}
	slices.Sort(keys)
	b.WriteString(strings.Join(keys, "\n"))
	return b.String()
}

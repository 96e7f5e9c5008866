package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// fault is a way in which one operation, and all that follow if the process
// dies with it, goes wrong.
type fault struct {
	name    string
	applied bool // the operation took effect
	dies    bool // nothing after it happens
	cancels bool // the caller gives up at that moment
	passing bool // the error says that trying again may help
}

// faults are all of them.
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
	n      int // operations until the fault; negative: it has happened
	count  int // operations in all
	fault  fault
	cancel context.CancelFunc
	dead   bool
}

var errFault = errors.New("fault")

func (f *faulty) do(op func() error) error {
	f.mu.Lock()
	f.count++
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
	err = f.do(func() error { r, err = f.Store.Open(ctx, key, offset, length); return err })
	return r, err
}

func (f *faulty) Stat(ctx context.Context, key string) (info objstore.Info, err error) {
	err = f.do(func() error { info, err = f.Store.Stat(ctx, key); return err })
	return info, err
}

func (f *faulty) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	return f.do(func() error { return f.Store.Create(ctx, key, body, attr) })
}

func (f *faulty) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	return f.do(func() error { return f.Store.Copy(ctx, src, dst, attr, vacant) })
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	return f.do(func() error { return f.Store.Delete(ctx, key) })
}

func (f *faulty) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	if err := f.do(func() error { return nil }); err != nil {
		return func(yield func(objstore.Info, error) bool) { yield(objstore.Info{}, err) }
	}
	return f.Store.List(ctx, prefix, after)
}

func (f *faulty) Load(ctx context.Context, key string, have objstore.Version) (data []byte, v objstore.Version, err error) {
	err = f.do(func() error { data, v, err = f.Store.Load(ctx, key, have); return err })
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return nil, "", err
	}
	return data, v, err
}

func (f *faulty) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (v objstore.Version, err error) {
	err = f.do(func() error { v, err = f.Store.Swap(ctx, key, old, data, attr); return err })
	return v, err
}

// faultyRemote puts the remote's operations among the store's.
type faultyRemote struct {
	remote.Remote
	f *faulty
}

func (r *faultyRemote) Capture(ctx context.Context, prev remote.Previous) (c remote.Capture, err error) {
	err = r.f.do(func() error { c, err = r.Remote.Capture(ctx, prev); return err })
	return &faultyCapture{c, r.f}, err
}

type faultyCapture struct {
	remote.Capture
	f *faulty
}

func (c *faultyCapture) Open(ctx context.Context, file remote.File) (content remote.Content, err error) {
	err = c.f.do(func() error { content, err = c.Capture.Open(ctx, file); return err })
	return content, err
}

func (c *faultyCapture) Modified(ctx context.Context, file remote.File) (at time.Time, err error) {
	err = c.f.do(func() error { at, err = c.Capture.Modified(ctx, file); return err })
	return at, err
}

// scene is a state of a store, and an operation that is to be disturbed there.
type scene struct {
	name    string
	prepare func(f *fixture)
	run     func(ctx context.Context, f *fixture, p *Publisher, repo Repo) error
}

func publishScene(opts PublishOptions) func(context.Context, *fixture, *Publisher, Repo) error {
	return func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
		_, err := p.Publish(ctx, repo, opts)
		return err
	}
}

// publishTogether publishes two repos of the same remote.
func publishTogether(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
	other := repo
	other.Name, other.Base = "other", "checkpoints/other"
	_, err := p.PublishTogether(ctx, []Repo{repo, other}, PublishOptions{})
	return err
}

func scenes() []scene {
	change := func(f *fixture) {
		f.publish(PublishOptions{})
		f.up.set("2.iso", "changed")
		f.up.set("deep/er/new", "new")
		delete(f.up.files, "3.iso")
	}
	sealing := func(n int) func(f *fixture) {
		return func(f *fixture) {
			f.seals(3, 4)
			f.publishes(n)
			f.up.set("n", "new")
		}
	}
	return []scene{
		{"first publish", func(*fixture) {}, publishScene(PublishOptions{})},
		{"publish with changes", change, publishScene(PublishOptions{})},
		{"publish unchanged", func(f *fixture) { f.publish(PublishOptions{}) }, publishScene(PublishOptions{})},
		{"publish together", func(f *fixture) {
			if err := publishTogether(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
			f.clock.add(10 * time.Second)
			f.up.set("2.iso", "changed")
		}, publishTogether},
		{"sync", change, func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
			_, err := p.Sync(ctx, repo, SyncOptions{})
			return err
		}},
		{"publish what is staged", func(f *fixture) { change(f); f.sync() }, publishScene(PublishOptions{NoSync: true})},
		{"publish old garbage again", func(f *fixture) {
			change(f)
			f.publish(PublishOptions{})
			f.prune(Policy{Last: 1})
			for name := range f.up.files {
				delete(f.up.files, name)
			}
			maps.Copy(f.up.files, isos())
			f.clock.add(30 * day)
		}, publishScene(PublishOptions{})},
		{"prune", func(f *fixture) { change(f); f.publish(PublishOptions{}) }, func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
			_, err := p.Prune(ctx, repo, PruneOptions{Policy: Policy{Last: 1}, Apply: true})
			return err
		}},
		{"publish that seals", sealing(3), publishScene(PublishOptions{})},
		{"publish that fills a segment and begins another", sealing(6), publishScene(PublishOptions{})},
		{"prune in segments and behind them", sealing(8), func(ctx context.Context, _ *fixture, p *Publisher, repo Repo) error {
			_, err := p.Prune(ctx, repo, PruneOptions{Policy: Policy{Last: 1}, Apply: true})
			return err
		}},
		{"rebuild", func(f *fixture) {
			f.seals(3, 4)
			f.publishes(5)
			f.lose(manifest.RegistryKey, manifest.IndexKey(f.repo.Base), manifest.ListKey(f.repo.Base))
		}, func(ctx context.Context, _ *fixture, p *Publisher, _ Repo) error {
			_, err := p.Rebuild(ctx, RebuildOptions{Write: true})
			return err
		}},
		{"gc", func(f *fixture) {
			change(f)
			f.publish(PublishOptions{})
			f.prune(Policy{Last: 1})
			f.clock.add(30 * day)
		},
			func(ctx context.Context, _ *fixture, p *Publisher, _ Repo) error {
				_, err := p.Collect(ctx, CollectOptions{Apply: true})
				return err
			}},
	}
}

// Every operation of every scene suffers every fault. After each: all that was
// published before is whole, every final answer is what it was, the index names
// nothing unfinished. The same command, run again, ends as the clean run did.
func TestEveryFault(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		for _, s := range scenes() {
			t.Run(string(layout)+"/"+s.name, func(t *testing.T) {
				clean, operations := s.disturbed(t, layout, fault{}, -1)
				if operations < 3 {
					t.Fatalf("%d operations", operations)
				}
				for _, fault := range faults() {
					for n := range operations {
						got, _ := s.disturbed(t, layout, fault, n)
						if got != clean {
							t.Errorf("operation %d %s: it ends with\n%s\nwant\n%s", n, fault.name, got, clean)
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

// disturbed plays a scene with a fault at its nth operation, runs it again, and
// describes what is there in the end; and counts its operations.
func (s scene) disturbed(t *testing.T, layout manifest.Layout, flt fault, n int) (state string, operations int) {
	t.Helper()
	f := newFixture(t, layout, isos())
	f.pub.Concurrency = 1 // so that operations have numbers
	s.prepare(f)
	before := f.answers()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	broken := &faulty{Store: f.store.Store, n: n, fault: flt, cancel: cancel}
	p := f.publisher(broken)
	p.Concurrency = 1
	repo := f.repo
	repo.Remote = &faultyRemote{f.up, broken}
	err := s.run(ctx, f, p, repo)
	if n < 0 && err != nil {
		t.Fatalf("the clean run: %v", err)
	}
	if err != nil && !errors.Is(err, errFault) && !errors.Is(err, errKilled) && !errors.Is(err, context.Canceled) {
		t.Fatalf("%s: it fails with %v", flt.name, err)
	}
	f.check()
	f.keepsAnswers(before)

	if n >= 0 {
		f.clock.add(time.Minute)
		if err := s.run(t.Context(), f, f.pub, f.repo); err != nil {
			t.Fatalf("run again: %v", err)
		}
		f.check()
		f.keepsAnswers(before)
	}
	return f.describe(), broken.count
}

// answers are what the last two minutes up to the horizon resolve to.
func (f *fixture) answers() map[manifest.ID]manifest.Answer {
	f.Helper()
	answers := map[manifest.ID]manifest.Answer{}
	history := f.history()
	for at := history.Index.Horizon - 120; at <= history.Index.Horizon; at++ {
		a, err := history.Resolve(f.Context(), at)
		if err != nil {
			f.Fatal(err)
		}
		answers[at] = a
	}
	return answers
}

// keepsAnswers holds invariant 4 against an earlier state: what was final is
// the same, or gone under the same id.
func (f *fixture) keepsAnswers(before map[manifest.ID]manifest.Answer) {
	f.Helper()
	history := f.history()
	for _, at := range slices.Sorted(maps.Keys(before)) {
		was := before[at]
		is, err := history.Resolve(f.Context(), at)
		if err != nil {
			f.Fatal(err)
		}
		if was.Final && was.Outcome == manifest.Found && (is.ID != was.ID || is.Outcome != manifest.Found && is.Outcome != manifest.Gone) {
			f.Errorf("%s resolved to %s and now to %+v", at, was.ID, is)
		}
	}
}

// staged is the content that is staged, if any.
func (f *fixture) staged() string {
	s, _, err := f.pub.loadStaged(f.Context(), f.repo)
	if err != nil {
		return "nothing"
	}
	return s.Content.String()
}

// describe is what the store holds for a user, after a collection of all that
// is garbage: contents of checkpoints, without ids, and what objects there are.
func (f *fixture) describe() string {
	f.Helper()
	f.collect(CollectOptions{Apply: true, Exclusive: true, Grace: -time.Hour})
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
		fmt.Fprintf(&b, "segment: %d listed, %d pruned, listed by its page: %t\n", ref.Checkpoints, ref.Pruned,
			page.ListsSegment([]byte(f.read(manifest.ListKey(f.repo.Base))), ref))
	}
	var keys []string
	for _, key := range f.keys("") {
		if strings.HasPrefix(key, manifest.SegmentPrefix) {
			key = manifest.SegmentPrefix // ids are in it
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

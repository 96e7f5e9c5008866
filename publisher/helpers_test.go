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

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/retain"
)

// clock is a clock that tests move; sleeping moves it too.
type clock struct {
	still sync.RWMutex // a reader's lock keeps the clock from moving
	mu    sync.Mutex
	now   time.Time
}

func newClock(s string) *clock {
	id, err := manifest.ParseID(s)
	if err != nil {
		panic(err)
	}
	return &clock{now: id.Time()}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.still.Lock()
	defer c.still.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.add(d)
	return ctx.Err()
}

// fakeRemote is an upstream in memory.
type fakeRemote struct {
	mu    sync.Mutex
	files map[string]string
	times map[string]time.Time
	opens int
	fail  func(path string) error // called by Open
	wrong map[string]string       // what Open returns instead
	sizes map[string]int64        // the sizes it states instead
	held  int                     // how many files, of ten bytes each, it leaves out
}

func upstream(files map[string]string) *fakeRemote {
	return &fakeRemote{files: files, times: map[string]time.Time{}, wrong: map[string]string{}, sizes: map[string]int64{}}
}

func (r *fakeRemote) set(path, content string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files[path] = content
}

func (r *fakeRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &fakeCapture{remote: r, content: map[string]string{}}
	for path, content := range r.files {
		c.content[path] = content
		size, ok := r.sizes[path]
		if !ok {
			size = int64(len(content))
		}
		c.files = append(c.files, remote.File{Path: path, Size: size, SHA256: manifest.Sum([]byte(content)), Phase: remote.PhaseOf(path)})
	}
	slices.SortFunc(c.files, func(a, b remote.File) int { return strings.Compare(a.Path, b.Path) })
	return c, ctx.Err()
}

type fakeCapture struct {
	remote  *fakeRemote
	files   []remote.File
	content map[string]string
}

func (c *fakeCapture) Files() []remote.File { return c.files }
func (c *fakeCapture) Close() error         { return nil }

func (c *fakeCapture) HeldBack() (files int, bytes int64) {
	return c.remote.held, int64(10 * c.remote.held)
}

func (c *fakeCapture) Open(_ context.Context, f remote.File) (remote.Content, error) {
	c.remote.mu.Lock()
	defer c.remote.mu.Unlock()
	c.remote.opens++
	if c.remote.fail != nil {
		if err := c.remote.fail(f.Path); err != nil {
			return remote.Content{}, err
		}
	}
	content := c.content[f.Path]
	if wrong, ok := c.remote.wrong[f.Path]; ok {
		content = wrong
	}
	return remote.Content{Body: io.NopCloser(strings.NewReader(content)), Modified: c.remote.times[f.Path]}, nil
}

func (c *fakeCapture) Modified(_ context.Context, f remote.File) (time.Time, error) {
	c.remote.mu.Lock()
	defer c.remote.mu.Unlock()
	return c.remote.times[f.Path], nil
}

// traced is a store that notes every operation, and fails on demand.
type traced struct {
	objstore.Store
	mu  sync.Mutex
	ops []string
	// looked are the destinations of copies that may not have been vacant.
	looked []string
	// before is called before each operation; its error is the operation's.
	before func(op string) error
}

func trace(s objstore.Store) *traced { return &traced{Store: s} }

func (t *traced) note(op, key string) error {
	line := op + " " + key
	t.mu.Lock()
	t.ops = append(t.ops, line)
	before := t.before
	t.mu.Unlock()
	if before != nil {
		return before(line)
	}
	return nil
}

// take returns the operations since the last call.
func (t *traced) take() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	ops := t.ops
	t.ops = nil
	return ops
}

func (t *traced) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := t.note("open", key); err != nil {
		return nil, err
	}
	return t.Store.Open(ctx, key, offset, length)
}

func (t *traced) Stat(ctx context.Context, key string) (objstore.Info, error) {
	if err := t.note("stat", key); err != nil {
		return objstore.Info{}, err
	}
	return t.Store.Stat(ctx, key)
}

func (t *traced) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	if err := t.note("create", key); err != nil {
		return err
	}
	return t.Store.Create(ctx, key, body, attr)
}

func (t *traced) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	if err := t.note("copy", src+" "+dst); err != nil {
		return err
	}
	if !vacant {
		t.mu.Lock()
		t.looked = append(t.looked, dst)
		t.mu.Unlock()
	}
	return t.Store.Copy(ctx, src, dst, attr, vacant)
}

func (t *traced) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	if err := t.note("list", prefix); err != nil {
		return func(yield func(objstore.Info, error) bool) { yield(objstore.Info{}, err) }
	}
	return t.Store.List(ctx, prefix, after)
}

func (t *traced) Delete(ctx context.Context, key string) error {
	if err := t.note("delete", key); err != nil {
		return err
	}
	return t.Store.Delete(ctx, key)
}

func (t *traced) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if err := t.note("load", key); err != nil {
		return nil, "", err
	}
	return t.Store.Load(ctx, key, have)
}

func (t *traced) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	if err := t.note("swap", key); err != nil {
		return "", err
	}
	return t.Store.Swap(ctx, key, old, data, attr)
}

// at calls f before the nth operation, once.
func (t *traced) at(n int, f func(op string) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = func(op string) error {
		t.mu.Lock()
		n--
		now := n == -1
		t.mu.Unlock()
		if now {
			return f(op)
		}
		return nil
	}
}

// fixture is a publisher of one repo on a store in memory.
type fixture struct {
	*testing.T
	clock *clock
	store *traced
	pub   *Publisher
	repo  Repo
	up    *fakeRemote

	tail, fill int // bounds of publishers' indexes, where they are set

	kept map[instant]manifest.ID // final answers that were given, see keep
}

func newFixture(t *testing.T, layout manifest.Layout, files map[string]string) *fixture {
	t.Helper()
	f := &fixture{T: t, clock: newClock("20250318T140330Z"), up: upstream(files), kept: map[instant]manifest.ID{}}
	f.store = trace(memstore.New(memstore.Options{Now: f.clock.Now}))
	f.pub = f.publisher(f.store)
	f.repo = Repo{Repo: manifest.Repo{Name: "myfile", Base: "checkpoints/myfile"}, Layout: layout, Remote: f.up}
	return f
}

func (f *fixture) publisher(s objstore.Store) *Publisher {
	p := New(Options{Store: s, Env: job.Env{Now: f.clock.Now, Sleep: f.clock.Sleep, RetryDelay: time.Nanosecond}})
	if f.tail > 0 {
		p.ledger.Tail, p.ledger.Segment = f.tail, f.fill
	}
	return p
}

// clone is a fixture of its own in the same state. Its remote is one in memory.
func (f *fixture) clone() *fixture {
	c := *f
	c.clock, c.kept, c.up = &clock{now: f.clock.Now()}, maps.Clone(f.kept), upstream(maps.Clone(f.up.files))
	c.store = trace(f.store.Store.(*memstore.Store).Clone(memstore.Options{Now: c.clock.Now}))
	c.pub = c.publisher(c.store)
	c.repo.Remote = c.up
	return &c
}

// tools are what prunes and collects on a publisher's store.
func tools(p *Publisher) retain.Options {
	return retain.Options{Store: p.Store, Env: p.Env, Announcer: p.Announcer, Tail: p.ledger.Tail, Segment: p.ledger.Segment}
}

// reading are the options to read a publisher's store back.
func reading(p *Publisher) readback.Options { return readback.Options{Store: p.Store, Env: p.Env} }

// seals makes the fixture's publishers seal early.
func (f *fixture) seals(tail, fill int) {
	f.tail, f.fill = tail, fill
	f.pub.ledger.Tail, f.pub.ledger.Segment = tail, fill
}

// publishes adds n checkpoints.
func (f *fixture) publishes(n int) (ids []manifest.ID) {
	f.Helper()
	for range n {
		f.up.set("n", f.clock.Now().String())
		ids = append(ids, f.publish(PublishOptions{}).Checkpoint.ID)
	}
	return ids
}

func (f *fixture) publish(opts PublishOptions) Result {
	f.Helper()
	r, err := f.pub.Publish(f.Context(), f.repo, opts)
	if err != nil {
		f.Fatalf("publish: %v", err)
	}
	f.clock.add(10 * time.Second)
	return r
}

func (f *fixture) index() manifest.Index {
	f.Helper()
	ix, err := catalog.Index(f.repo.Repo).Load(f.Context(), f.store.Store)
	if err != nil {
		f.Fatal(err)
	}
	return ix.Doc
}

// history returns all that the repo's index lists.
func (f *fixture) history() *manifest.History { return catalog.NewHistory(f.store.Store, f.index()) }

// all returns the repo's checkpoints and tombstones, sealed or not.
func (f *fixture) all() (all manifest.Segment) {
	f.Helper()
	for part, err := range f.history().All(f.Context()) {
		if err != nil {
			f.Fatal(err)
		}
		all.Checkpoints = append(all.Checkpoints, part.Checkpoints...)
		all.Pruned = append(all.Pruned, part.Pruned...)
	}
	return all
}

// keys lists the store's keys below a prefix.
func (f *fixture) keys(prefix string) []string {
	f.Helper()
	var keys []string
	for info, err := range f.store.Store.List(f.Context(), prefix, "") {
		if err != nil {
			f.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func (f *fixture) read(key string) string {
	f.Helper()
	r, err := f.store.Store.Open(f.Context(), key, 0, objstore.Whole)
	if err != nil {
		f.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		f.Fatal(err)
	}
	return string(data)
}

// check proves every checkpoint of the repo: its manifests, files and pages.
func (f *fixture) check() {
	f.Helper()
	for _, c := range f.all().Checkpoints {
		for _, d := range []manifest.Digest{c.Manifest, c.Pages} {
			m := f.manifest(d)
			if d == c.Manifest && m.Content != c.Content {
				f.Errorf("%s: content differs from its root's", c.ID)
			}
			for e, err := range m.Entries(f.Context()) {
				if err != nil {
					f.Fatal(err)
				}
				key := c.Place(f.repo.Base).Key(e.Path, e.SHA256)
				if got := f.read(key); manifest.Sum([]byte(got)) != e.SHA256 {
					f.Errorf("%s: %s has the wrong content", c.ID, key)
				}
			}
		}
	}
}

func (f *fixture) manifest(name manifest.Digest) *catalog.Manifest {
	f.Helper()
	m, err := catalog.Open(f.Context(), catalog.From(f.store.Store), name)
	if err != nil {
		f.Fatal(err)
	}
	return m
}

// entry finds a path in a checkpoint's manifest.
func (f *fixture) entry(c manifest.Checkpoint, path string) manifest.Entry {
	f.Helper()
	for e, err := range f.manifest(c.Manifest).Entries(f.Context()) {
		if err != nil {
			f.Fatal(err)
		}
		if e.Path == path {
			return e
		}
	}
	f.Fatalf("%s has no %s", c.ID, path)
	return manifest.Entry{}
}

var errKilled = errors.New("killed")

// killAt makes the store fail for good from the nth operation that pick chooses.
func (t *traced) killAt(n int, pick func(op string) bool) {
	dead := false
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = func(op string) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !dead && pick(op) {
			n--
			dead = n < 0
		}
		if dead {
			return fmt.Errorf("%s: %w", op, errKilled)
		}
		return nil
	}
}

func (t *traced) heal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = nil
}

func (f *fixture) put(key, content string) {
	f.Helper()
	if err := f.store.Store.Create(f.Context(), key, objstore.Bytes([]byte(content)), objstore.Attributes{}); err != nil {
		f.Fatal(err)
	}
}

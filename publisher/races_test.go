package publisher

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/retain"
)

// janitorStore is the store as a collection sees it: its deletions happen within
// a batch's time, or not at all. The clock of these tests jumps by hours; a real
// request's context would end first.
type janitorStore struct {
	objstore.Store
	clock *clock
	mu    sync.Mutex
	began time.Time // of the batch
}

func (s *janitorStore) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	if prefix == manifest.PinPrefix {
		s.mu.Lock()
		s.began = s.clock.Now()
		s.mu.Unlock()
	}
	return s.Store.List(ctx, prefix, after)
}

func (s *janitorStore) Delete(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.still.RLock()
	defer s.clock.still.RUnlock()
	if s.clock.Now().Sub(s.began) > reliance.BatchTime {
		return context.DeadlineExceeded
	}
	return s.Store.Delete(ctx, key)
}

// Publishers of several repos, whose content comes, goes and returns, run with
// prune, gc and gc --now, and a clock that jumps. No checkpoint is lost, ids grow, no final
// answer changes, and nothing that a checkpoint needs is deleted.
func TestEverythingAtOnce(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("mem ", seed), func(t *testing.T) {
			everythingAtOnce(t, newFixture(t, manifest.Full, isos()), seed)
		})
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("dir ", seed), func(t *testing.T) {
			store, err := dirstore.New(t.TempDir(), dirstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			everythingAtOnce(t, agedFixture(t, store), seed)
		})
	}
	t.Run("minio", func(t *testing.T) {
		server := miniotest.Start(t)
		server.Setenv(t)
		store, err := storeurl.Open(t.Context(), "minio://"+server.Endpoint+"/"+server.NewBucket(t), storeurl.Options{})
		if err != nil {
			t.Fatal(err)
		}
		everythingAtOnce(t, agedFixture(t, store), 0)
	})
}

// agedFixture is a fixture on a real store whose objects get their age from the
// test's own clock.
func agedFixture(t *testing.T, store objstore.Store) *fixture {
	f := newFixture(t, manifest.Full, isos())
	f.store = trace(&agedStore{Store: store, now: f.clock.Now, made: map[string]time.Time{}})
	f.pub = f.publisher(f.store)
	return f
}

type agedStore struct {
	objstore.Store
	now  func() time.Time
	mu   sync.Mutex
	made map[string]time.Time
}

// stamp notes when an object is made. It does so before the object exists, so
// that nobody can find it without an age.
func (s *agedStore) stamp(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.made[key]; !ok {
		s.made[key] = s.now()
	}
}

func (s *agedStore) aged(info objstore.Info) objstore.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	if made, ok := s.made[info.Key]; ok {
		info.Modified = made
	}
	return info
}

func (s *agedStore) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	s.stamp(key)
	return s.Store.Create(ctx, key, body, attr)
}

func (s *agedStore) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	s.stamp(dst)
	return s.Store.Copy(ctx, src, dst, attr, vacant)
}

func (s *agedStore) Delete(ctx context.Context, key string) error {
	err := s.Store.Delete(ctx, key)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.made, key)
	}
	return err
}

func (s *agedStore) Stat(ctx context.Context, key string) (objstore.Info, error) {
	info, err := s.Store.Stat(ctx, key)
	return s.aged(info), err
}

func (s *agedStore) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		for info, err := range s.Store.List(ctx, prefix, after) {
			if !yield(s.aged(info), err) {
				return
			}
		}
	}
}

func everythingAtOnce(t *testing.T, f *fixture, seed uint64) {
	repos := []Repo{
		{Repo: manifest.Repo{Name: "full", Base: "full"}, Layout: manifest.Full},
		{Repo: manifest.Repo{Name: "thin", Base: "thin"}, Layout: manifest.Thin},
		{Repo: manifest.Repo{Name: "other", Base: "other"}, Layout: manifest.Thin},
	}
	f.seals(2, 3)
	var mu sync.Mutex
	reported := map[string][]manifest.Checkpoint{}
	answers := map[string]map[manifest.ID]manifest.ID{} // final ones that were seen

	look := func(repo Repo) {
		mu.Lock()
		defer mu.Unlock()
		read, err := catalog.Index(repo.Repo).Load(t.Context(), f.store.Store)
		if err != nil {
			t.Error(err)
			return
		}
		index := read.Doc
		history := catalog.NewHistory(f.store.Store, index)
		for at, was := range answers[repo.Name] {
			if a, err := history.Resolve(t.Context(), manifest.At(at), manifest.MaxID); err != nil || a.ID != was || !a.Final || a.Outcome > manifest.Gone {
				t.Errorf("%s: %s resolved to %s for good, and now to %+v, %v", repo.Name, at, was, a, err)
			}
		}
		if a, err := history.Resolve(t.Context(), manifest.At(index.Horizon), manifest.MaxID); err == nil && a.Outcome == manifest.Found {
			if answers[repo.Name] == nil {
				answers[repo.Name] = map[manifest.ID]manifest.ID{}
			}
			answers[repo.Name][index.Horizon] = a.ID
		}
	}

	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for range 6 {
				repo := repos[random.IntN(len(repos))]
				files := map[string]string{"stays": "stays"}
				for range 3 {
					n := random.IntN(4)
					files[fmt.Sprint("file", n)] = fmt.Sprint("content ", n, random.IntN(2))
				}
				repo.Remote = upstream(files)
				r, err := f.publisher(f.store.Store).Publish(t.Context(), repo, PublishOptions{})
				if err != nil {
					t.Errorf("publish %s: %v", repo.Name, err)
					continue
				}
				if r.Outcome == Published {
					mu.Lock()
					// Two publishers of the same content may share a checkpoint.
					if !slices.Contains(reported[repo.Name], r.Checkpoint) {
						reported[repo.Name] = append(reported[repo.Name], r.Checkpoint)
					}
					mu.Unlock()
				}
				look(repo)
				f.clock.add(time.Duration(random.IntN(30)) * time.Hour)
			}
		})
	}
	wg.Go(func() {
		random := rand.New(rand.NewPCG(seed, 99))
		janitor := f.publisher(&janitorStore{Store: f.store.Store, clock: f.clock})
		for range 30 {
			repo := repos[random.IntN(len(repos))]
			_, err := retain.Prune(t.Context(), tools(janitor), repo.Repo, retain.PruneOptions{Policy: retain.Policy{Last: 1 + random.IntN(2)}, Apply: true})
			if err != nil {
				t.Errorf("prune %s: %v", repo.Name, err)
			}
			_, err = retain.Collect(t.Context(), tools(janitor), retain.CollectOptions{Apply: true, Grace: reliance.MinGrace})
			if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, retain.ErrNoRegistry) {
				t.Errorf("gc: %v", err)
			}
			_, err = retain.Free(t.Context(), tools(janitor), repo.Repo, retain.FreeOptions{Apply: true})
			if refusedOpen(err) != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, retain.ErrNoRegistry) {
				t.Errorf("gc --now: %v", err)
			}
		}
	})
	wg.Wait()

	for _, repo := range repos {
		f.repo = repo
		f.check()
		all := f.all()
		pruned := map[manifest.ID]bool{}
		for _, tombstone := range all.Pruned {
			pruned[tombstone.ID] = true
		}
		for _, c := range reported[repo.Name] {
			if now, ok := all.Find(c.ID); !(ok && now == c) && !pruned[c.ID] {
				t.Errorf("%s: checkpoint %s was reported and is lost", repo.Name, c.ID)
			}
		}
		f.listsAll()
		if n := all.Len(); n != len(reported[repo.Name]) {
			t.Errorf("%s: %d checkpoints in all, %d were reported", repo.Name, n, len(reported[repo.Name]))
		}
	}
}

package publisher

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/retain"
)

// listsAll checks that the pages show every checkpoint once: the list shows those
// of the index, and the segments' pages the others.
func (f *fixture) listsAll() {
	f.Helper()
	if f.index().Generation == 0 {
		return
	}
	list := f.read(manifest.ListKey(f.repo.Base))
	for _, c := range f.index().Checkpoints {
		if !strings.Contains(list, `<a href="`+c.ID.String()+`/">`) {
			f.Errorf("the list lacks %s", c.ID)
		}
	}
	history := f.history()
	for _, ref := range history.Index.Segments {
		segment, err := history.Segment(f.Context(), ref)
		if err != nil {
			f.Fatal(err)
		}
		want, err := page.Bytes(func(w io.Writer) error { return page.WriteSegment(w, f.repo.Base, segment) })
		if err != nil {
			f.Fatal(err)
		}
		if got := f.read(manifest.SegmentListKey(f.repo.Base, ref.First)); got != string(want) {
			f.Errorf("the page of segment %s does not show it", ref.First)
		}
	}
}

func TestSealing(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(4, 5)
	ids := f.publishes(20)
	index := f.index()
	var sizes []int
	for _, ref := range index.Segments {
		sizes = append(sizes, ref.Checkpoints+ref.Pruned)
	}
	if want := []int{5, 5, 5, 3}; !slices.Equal(sizes, want) || index.Tail().Len() != 2 {
		t.Errorf("segments of %v entries and %d behind them, want %v", sizes, index.Tail().Len(), want)
	}
	f.check()
	f.listsAll()
	var got []manifest.ID
	for _, c := range f.all().Checkpoints {
		got = append(got, c.ID)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("the history is %v, want %v", got, ids)
	}
	for i, id := range ids {
		if a, err := f.history().Resolve(t.Context(), manifest.At(id+1), manifest.MaxID); err != nil || a.ID != id || !a.Final && i < 19 {
			t.Errorf("%s resolves to %+v, %v", id+1, a, err)
		}
	}
}

// Segments cost a publish no extra request. A publish that seals reads the newest
// segment if it has room, pins it, stores its successor, and rewrites its page.
func TestSealingRequests(t *testing.T) {
	trees := regexp.MustCompile(`[/]\d{8}T\d{6}Z(/|$)`)
	publish := func(f *fixture) (ops []string) {
		f.store.take()
		f.pub.Concurrency = 1
		f.publishes(1)
		for _, op := range f.store.take() {
			op = trees.ReplaceAllString(op, "/<id>$1")
			name, key, _ := strings.Cut(op, " ")
			for _, prefix := range []string{manifest.ManifestPrefix, manifest.SegmentPrefix, manifest.BlobPrefix, manifest.PinPrefix, manifest.RecordPrefix("checkpoints/myfile")} {
				if strings.HasPrefix(key, prefix) {
					op = name + " " + prefix
				}
			}
			ops = append(ops, op)
		}
		return ops
	}
	plain := newFixture(t, manifest.Full, isos())
	plain.publishes(1)
	want := publish(plain)

	f := newFixture(t, manifest.Full, isos())
	f.seals(3, 4)
	first := f.publishes(4)[0] // the fourth seals three
	if got := publish(f); !slices.Equal(got, want) {
		t.Errorf("with a segment:\n%s\nwithout:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	publish(f)
	got := publish(f)
	const base = "checkpoints/myfile/"
	reread := "load " + base + "checkpoints.json"
	page := func(id manifest.ID) string { return base + "index-" + id.String() + ".html" }
	second := f.index().Segments[1].First
	swap := slices.Index(want, "swap "+base+"checkpoints.json")
	sealing := slices.Concat(want[:swap],
		[]string{"open " + manifest.SegmentPrefix, "create " + manifest.PinPrefix, "create " + manifest.SegmentPrefix, "create " + manifest.SegmentPrefix},
		[]string{"swap " + base + "checkpoints.json"},
		[]string{"load " + page(first), reread, "open " + manifest.SegmentPrefix, "swap " + page(first)},
		[]string{"load " + page(second), reread, "open " + manifest.SegmentPrefix, "swap " + page(second)},
		[]string{"create " + manifest.RecordPrefix("checkpoints/myfile"), "swap " + base + "index.html"})
	if !slices.Equal(got, sealing) {
		t.Errorf("sealing:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(sealing, "\n"))
	}

	unchanged := func(f *fixture) []string {
		f.store.take()
		f.publish(PublishOptions{})
		return f.store.take()
	}
	if got, want := unchanged(f), unchanged(plain); !slices.Equal(got, want) {
		t.Errorf("unchanged: %q, want %q", got, want)
	}
}

// Pruning reaches into segments. What stays is unchanged.
func TestPruneInSegments(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(3, 4)
	ids := f.publishes(10)
	f.prune(retain.Policy{Last: 2, IDs: []manifest.ID{ids[1], ids[5]}})
	all := f.all()
	var got []manifest.ID
	for _, c := range all.Checkpoints {
		got = append(got, c.ID)
	}
	if want := []manifest.ID{ids[1], ids[5], ids[8], ids[9]}; !slices.Equal(got, want) || len(all.Pruned) != 6 {
		t.Errorf("%v and %d tombstones, want %v", got, len(all.Pruned), want)
	}
	a, err := f.history().Resolve(t.Context(), manifest.At(ids[3]+1), manifest.MaxID)
	if err != nil || a.Outcome != manifest.Gone || a.ID != ids[3] || a.Reason != "old" {
		t.Errorf("%+v, %v", a, err)
	}
	f.check()
	f.listsAll()

	_, err = retain.Prune(t.Context(), tools(f.pub), f.repo.Repo, retain.PruneOptions{Policy: retain.Policy{IDs: []manifest.ID{ids[0]}}, Apply: true})
	if !errors.Is(err, manifest.ErrNoCheckpoint) {
		t.Errorf("keeping a pruned one: %v", err)
	}
}

// A sealed checkpoint that a channel names is not pruned.
func TestPruneSparesSealedChannel(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(3, 4)
	ids := f.publishes(10)
	current, err := f.pub.ledger.Load(t.Context(), f.repo.Repo)
	if err != nil {
		t.Fatal(err)
	}
	next, err := current.Doc.SetChannel("stable", ids[2], ids[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.pub.ledger.Swap(t.Context(), f.repo.Repo, current, next); err != nil {
		t.Fatal(err)
	}
	f.prune(retain.Policy{Last: 1})
	all := f.all()
	if _, ok := all.Find(ids[2]); !ok || len(all.Checkpoints) != 2 {
		t.Errorf("%+v", all.Checkpoints)
	}
	if list := f.read(manifest.ListKey(f.repo.Base)); !strings.Contains(list, `<mark><a href="`+ids[2].String()+`/">stable</a></mark>`) {
		t.Error("the list does not show where the channel is")
	}
}

// A replaced segment stays for the grace period after its replacement, however
// old it is: resolvers may still use the old index.
func TestCollectSegments(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(3, 4)
	f.publishes(6)
	before := f.history()
	old := before.Index.Segments[0]
	f.clock.add(30 * day)
	f.publishes(1)
	if f.index().Segments[0] == old {
		t.Fatal("the segment did not change")
	}
	collect := func() int { return f.collect(retain.CollectOptions{Apply: true})["index segments"] }
	for range 7 {
		if n := collect(); n != 0 {
			t.Fatalf("%d segments were collected", n)
		}
		if _, err := catalog.Segment(t.Context(), catalog.From(f.store.Store), "myfile", old); err != nil {
			t.Fatal(err)
		}
		f.clock.add(day)
	}
	f.clock.add(day)
	collect() // also the pin
	if n := collect(); n != 1 {
		t.Errorf("%d segments were collected in the end", n)
	}
	if _, err := catalog.Segment(t.Context(), catalog.From(f.store.Store), "myfile", old); !errors.Is(err, objstore.ErrNotFound) {
		t.Error(err)
	}
	f.check()
	f.listsAll()
}

// A publish killed between the segment and the index leaves an unused segment. If
// it is old when found again, it is pinned like everything else.
func TestSealingAgainAfterLong(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(3, 4)
	f.publishes(3)
	f.up.set("n", "new")
	f.store.killAt(0, func(op string) bool { return op == "swap checkpoints/myfile/checkpoints.json" })
	if _, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	f.store.heal()
	left := f.keys(manifest.SegmentPrefix)
	f.clock.add(5 * day)
	f.store.take()
	f.publish(PublishOptions{})
	segment := manifest.SegmentKey(f.index().Segments[0].Digest)
	if !slices.Equal(left, []string{segment}) {
		t.Errorf("left was %q, the index has %s", left, segment)
	}
	pinned := false
	for _, key := range f.keys(manifest.PinPrefix) {
		pinned = pinned || strings.Contains(f.read(key), segment)
	}
	if !pinned {
		t.Error("it was relied on without a pin")
	}
	f.check()
}

func TestVerifySegments(t *testing.T) {
	sealed := func(t *testing.T) (*fixture, []manifest.ID) {
		f := newFixture(t, manifest.Thin, isos())
		f.seals(3, 4)
		ids := f.publishes(10)
		f.prune(retain.Policy{Last: 8})
		return f, ids
	}
	f, ids := sealed(t)
	if r := f.verify(false); len(r.Problems) > 0 || r.Checkpoints != 8 || len(r.Unfinished) > 0 {
		t.Errorf("%+v", r)
	}
	r, err := readback.Verify(t.Context(), reading(f.pub), f.repo.Repo, []manifest.ID{ids[3]}, false)
	if err != nil || r.Checkpoints != 1 || len(r.Problems) > 0 {
		t.Errorf("one: %+v, %v", r, err)
	}
	if _, err = readback.Verify(t.Context(), reading(f.pub), f.repo.Repo, []manifest.ID{ids[0]}, false); !errors.Is(err, manifest.ErrNoCheckpoint) {
		t.Errorf("a pruned one: %v", err)
	}

	first := f.index().Segments[0].First
	page := manifest.SegmentListKey(f.repo.Base, first)
	for name, c := range map[string]struct {
		damage  func(f *fixture)
		problem func(f *fixture) string
	}{
		"segment missing": {
			func(f *fixture) { f.remove(manifest.SegmentKey(f.index().Segments[0].Digest)) },
			func(f *fixture) string { return manifest.SegmentKey(f.index().Segments[0].Digest) + ": missing" },
		},
		"segment damaged": {
			func(f *fixture) {
				key := manifest.SegmentKey(f.index().Segments[0].Digest)
				f.remove(key)
				f.put(key, "else")
			},
			func(f *fixture) string {
				return manifest.SegmentKey(f.index().Segments[0].Digest) + ": content does not match its name: sha256 is " + manifest.Sum([]byte("else")).String()
			},
		},
		"page missing": {
			func(f *fixture) { f.remove(page) },
			func(*fixture) string { return page + ": missing" },
		},
		"page of no segment": {
			func(f *fixture) { f.put("checkpoints/myfile/index-20990101T000000Z.html", "x") },
			func(*fixture) string {
				return "checkpoints/myfile/index-20990101T000000Z.html: stray: nothing of a repo stands here"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := sealed(t)
			c.damage(f)
			r := f.verify(false)
			var got []string
			for _, p := range r.Problems {
				got = append(got, p.Key+": "+p.What)
			}
			if want := []string{c.problem(f)}; !slices.Equal(got, want) {
				t.Errorf("problems %q, want %q", got, want)
			}
		})
	}
}

// A rebuild restores deleted lists, with all pages of segments.
func TestListsComeBack(t *testing.T) {
	f := newFixture(t, manifest.Thin, isos())
	f.seals(3, 4)
	f.publishes(10)
	for _, key := range f.keys("checkpoints/myfile/index") {
		f.remove(key)
	}
	f.rebuild(rebuild.Options{Write: true})
	f.listsAll()
	if n := len(f.keys("checkpoints/myfile/index")); n != 1+len(f.index().Segments) {
		t.Error(fmt.Sprint(n, " pages"))
	}
}

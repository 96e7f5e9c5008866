package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// book is a ledger of one repo in memory, whose index changes without a publish.
type book struct {
	*testing.T
	*Ledger
	store *noting
	repo  manifest.Repo
	index manifest.Index
	state State
}

// noting writes down what is stored, and calls before ahead of it.
type noting struct {
	objstore.Store
	stored []string
	before func(key string)
}

func (s *noting) note(key string) {
	s.stored = append(s.stored, key)
	if s.before != nil {
		s.before(key)
	}
}

func (s *noting) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	s.note(key)
	return s.Store.Create(ctx, key, body, attr)
}

func (s *noting) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (objstore.Version, error) {
	s.note(key)
	return s.Store.Swap(ctx, key, old, data, attr)
}

func newBook(t *testing.T) *book {
	b := &book{T: t, store: &noting{Store: memstore.New(memstore.Options{})}, repo: manifest.Repo{Name: "a", Base: "a"}}
	b.Ledger = New(Options{Store: b.store, Tail: 3, Segment: 4})
	b.index = manifest.NewIndex("a")
	return b
}

// commit adds a checkpoint to the index, and does nothing that follows.
func (b *book) commit() {
	b.Helper()
	id := b.index.Horizon + 10
	next, err := b.index.Append(manifest.Checkpoint{ID: id, Layout: manifest.Full})
	if err == nil {
		next, err = b.Seal(b.Context(), next)
	}
	if err == nil {
		b.state, err = b.Swap(b.Context(), b.repo, b.state, next)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.index = next
}

// stored are the keys that were written since the last call, without the parts that
// count.
func (b *book) stored() string {
	keys := b.store.stored
	b.store.stored = nil
	for i, key := range keys {
		if strings.HasPrefix(key, manifest.RecordPrefix("a")) {
			keys[i] = "record"
		}
	}
	return strings.Join(keys, " ")
}

// right holds that all is done which follows from the index.
func (b *book) right(what string) {
	b.Helper()
	show := func(key string, write func(io.Writer) error) {
		b.Helper()
		want, err := page.Bytes(write)
		have, loadErr := catalog.Page(key).Load(b.Context(), b.store)
		if err := errors.Join(err, loadErr); err != nil || !bytes.Equal(have.Doc, want) {
			b.Errorf("%s: %s does not show the index: %v", what, key, err)
		}
	}
	now, err := b.Load(b.Context(), b.repo)
	if err != nil {
		b.Fatal(err)
	}
	show(manifest.ListKey("a"), func(w io.Writer) error { return page.WriteList(w, "a", now.Doc) })
	for _, ref := range now.Doc.Segments {
		segment, err := catalog.Segment(b.Context(), catalog.From(b.store), "a", ref)
		if err != nil {
			b.Fatal(err)
		}
		show(manifest.SegmentListKey("a", ref.First), func(w io.Writer) error { return page.WriteSegment(w, "a", segment) })
	}
	if record, err := catalog.LatestRecord(b.Context(), b.store, b.repo); err != nil || !record.Lists(now.Doc) {
		b.Errorf("%s: the latest record is %+v, %v, want %+v", what, record, err, now.Doc)
	}
}

// The pages of segments come before the record, which says that they are right, and
// the record before the list, which says that all is done. Only pages of segments that
// changed are written.
func TestFollow(t *testing.T) {
	b := newBook(t)
	follow := func() string {
		shown, err := b.Shown(t.Context(), b.repo)
		if err != nil {
			t.Fatal(err)
		}
		before := b.index
		b.commit()
		b.stored()
		if err := b.Follow(t.Context(), b.repo, shown, before, b.index); err != nil {
			t.Fatal(err)
		}
		b.right("follow")
		return b.stored()
	}
	first, second, third := "a/index-00010101T000010Z.html", "a/index-00010101T000050Z.html", "a/index-00010101T000130Z.html"
	for i, want := range []string{
		"record a/index.html", "record a/index.html", "record a/index.html",
		first + " record a/index.html", // three are sealed
		"record a/index.html", "record a/index.html",
		first + " " + second + " record a/index.html", // the first is full
		"record a/index.html", "record a/index.html",
		second + " " + third + " record a/index.html",
	} {
		if got := follow(); got != want {
			t.Errorf("commit %d: %s, want %s", i+1, got, want)
		}
	}
	if err := b.CatchUp(t.Context(), b.repo, b.index); err != nil || b.stored() != "" {
		t.Errorf("nothing is left to do: %v", err)
	}
}

// A run that was killed behind its commits left all undone. The next one finds by the
// record which pages it need not write.
func TestCatchUp(t *testing.T) {
	b := newBook(t)
	for range 4 {
		b.commit()
	}
	if err := b.CatchUp(t.Context(), b.repo, b.index); err != nil {
		t.Fatal(err)
	}
	b.right("catch up")
	for range 4 {
		b.commit() // the first segment grows once
	}
	grown := b.index.Segments[0]
	b.stored()
	if err := b.CatchUp(t.Context(), b.repo, b.index); err != nil {
		t.Fatal(err)
	}
	b.right("catch up again")
	b.commit()
	b.commit()
	b.stored()
	if err := b.CatchUp(t.Context(), b.repo, b.index); err != nil || b.index.Segments[0] != grown {
		t.Fatal(err)
	}
	if got := b.stored(); strings.Contains(got, manifest.SegmentListKey("a", grown.First)) {
		t.Errorf("it wrote %s, and the first segment is as it was", got)
	}
	b.right("catch up behind more")
}

// Somebody commits and shows that, between what Follow reads and its swap of the list.
// The last to swap shows the last index.
func TestFollowAfterALostRace(t *testing.T) {
	b := newBook(t)
	b.commit()
	shown, err := b.Shown(t.Context(), b.repo)
	if err != nil {
		t.Fatal(err)
	}
	mine := b.index
	raced := false
	b.store.before = func(key string) {
		if raced || key != "a/index.html" {
			return
		}
		raced = true
		for range 5 {
			b.commit()
		}
		if err := b.CatchUp(t.Context(), b.repo, b.index); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Follow(t.Context(), b.repo, shown, manifest.NewIndex("a"), mine); err != nil || !raced {
		t.Fatal(err, raced)
	}
	b.right("follow")
}

// Restore makes right whatever became of pages and records.
func TestRestore(t *testing.T) {
	for name, damage := range map[string]func(b *book, key string) bool{
		"nothing":           func(*book, string) bool { return false },
		"all pages":         func(_ *book, key string) bool { return strings.HasSuffix(key, ".html") },
		"pages of segments": func(_ *book, key string) bool { return strings.Contains(key, "/index-") },
		"the list":          func(_ *book, key string) bool { return key == "a/index.html" },
		"records":           func(_ *book, key string) bool { return strings.HasPrefix(key, manifest.RecordPrefix("a")) },
		"the latest record": func(b *book, key string) bool { return key == manifest.RecordKey("a", b.index.Generation) },
		"records, and a page": func(_ *book, key string) bool {
			return key == "a/index-00010101T000010Z.html" || strings.Contains(key, "/records/")
		},
	} {
		for _, lost := range []bool{false, true} {
			b := newBook(t)
			for range 8 {
				b.commit()
				if err := b.CatchUp(t.Context(), b.repo, b.index); err != nil {
					t.Fatal(err)
				}
			}
			for info, err := range b.store.List(t.Context(), "", "") {
				if err != nil {
					t.Fatal(err)
				}
				if !damage(b, info.Key) {
					continue
				}
				err := b.store.Delete(t.Context(), info.Key)
				if err == nil && !lost && strings.HasSuffix(info.Key, ".html") {
					_, err = b.store.Store.Swap(t.Context(), info.Key, "", []byte("another design"), objstore.Attributes{})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Restore(t.Context(), b.repo, b.index); err != nil {
				t.Fatal(err)
			}
			b.right(name)
		}
	}
}

// A record is kept where the latest one says another thing, and only there.
func TestEnsureRecord(t *testing.T) {
	b := newBook(t)
	ensure := func() string {
		t.Helper()
		b.stored()
		if err := b.EnsureRecord(t.Context(), b.repo, b.index); err != nil {
			t.Fatal(err)
		}
		return b.stored()
	}
	for range 4 {
		b.commit()
	}
	if got := ensure(); got != "a/index-00010101T000010Z.html record" {
		t.Error(got)
	}
	if got := ensure(); got != "" {
		t.Errorf("again: %s", got)
	}
	next, err := b.index.Fence() // lists the same
	if err != nil {
		t.Fatal(err)
	}
	if b.state, err = b.Swap(t.Context(), b.repo, b.state, next); err != nil {
		t.Fatal(err)
	}
	b.index = next
	if got := ensure(); got != "" {
		t.Errorf("behind a fence: %s", got)
	}
	b.commit()
	if got := ensure(); got != "record" {
		t.Errorf("behind a commit: %s", got)
	}
}

package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/retain"
)

// other is the fixture's other repo.
func (f *fixture) other() *fixture { return f.everyRepo()[1] }

func (f *fixture) move(opts MoveOptions) Moved {
	f.Helper()
	m, err := f.pub.Move(f.Context(), f.repo.Repo, otherThan(f.repo), opts)
	if err != nil {
		f.Fatalf("move: %v", err)
	}
	return m
}

// A moved repo answers at its new place as it did at the old one, in every respect.
func TestMove(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, isos())
		f.seals(3, 4)
		f.repo.Remote = &guidedRemote{f.up, "a key"}
		grace := 2 * time.Hour
		f.repo.Grace = &grace
		ids := f.publishes(4)
		f.publish(PublishOptions{Force: true}) // the same again
		f.repo.Remote = &modedRemote{f.up, []string{"1.iso"}}
		ids = append(ids, f.publishes(2)...)
		f.repo.Remote = f.up
		f.repo.Layout = map[manifest.Layout]manifest.Layout{manifest.Full: manifest.Thin, manifest.Thin: manifest.Full}[layout]
		ids = append(ids, f.publishes(2)...)
		clear(f.up.files)
		f.publish(PublishOptions{Empty: true, AllowShrink: true})
		f.up.set("back", "again")
		f.publishes(1)
		for name, id := range map[string]manifest.ID{"stable": ids[1], "canary": ids[6]} {
			if err := f.pub.SetChannel(f.Context(), f.repo.Repo, name, id); err != nil {
				t.Fatal(err)
			}
		}
		f.prune(retain.Policy{Drop: []manifest.ID{ids[0], ids[2], ids[3]}})
		f.publish(PublishOptions{}) // unchanged: the horizon moves
		before, old := f.all(), f.index()

		f.store.take()
		planned, err := f.pub.PlanMove(t.Context(), f.repo.Repo)
		if err != nil || writes(f.store.take()) > 0 {
			t.Fatal(err)
		}
		moved := f.move(MoveOptions{Redirect: true, Reason: "a better name"})
		if moved.Published != len(before.Checkpoints) || planned.Published != 0 {
			t.Errorf("%+v, planned %+v", moved, planned)
		}
		if planned.Published = moved.Published; planned != moved {
			t.Errorf("%+v, planned %+v", moved, planned)
		}
		there := f.other()
		after, index := there.all(), there.index()
		if index.Horizon != old.Horizon || !maps.Equal(index.Channels, old.Channels) || index.Grace == nil || *index.Grace != 7200 || !slices.Equal(after.Pruned, before.Pruned) {
			t.Errorf("%+v\nwas\n%+v", index, old)
		}
		for i, c := range after.Checkpoints {
			was := before.Checkpoints[i]
			if there.modes(c) != f.modes(was) || there.usage(c) != f.usage(was) {
				t.Errorf("%s: modes or usage differ", c.ID)
			}
			now, then := there.receipt(c), f.receipt(was)
			if now.Base != there.repo.Base || now.Content != then.Content || !slices.Equal(now.Missing, then.Missing) || now.HeldBack != then.HeldBack {
				t.Errorf("%+v\nwas\n%+v", now, then)
			}
			c.Pages, c.Changes = was.Pages, was.Changes // pages name the repo, and changes leave out what is pruned
			if c != was {
				t.Errorf("%+v\nwas\n%+v", c, was)
			}
		}
		f.followed()
		there.proven()
		if r := f.index().Retired; r == nil || r.To != there.repo.Base || r.Reason != "a better name" {
			t.Errorf("retired: %+v", r)
		}
		// Again, nothing is left to do.
		if m := f.move(MoveOptions{Redirect: true}); m.Published != 0 {
			t.Errorf("%+v", m)
		}
	}
}

func writes(ops []string) (n int) {
	for _, op := range ops {
		if !strings.HasPrefix(op, "load ") && !strings.HasPrefix(op, "open ") && !strings.HasPrefix(op, "stat ") && !strings.HasPrefix(op, "list ") {
			n++
		}
	}
	return n
}

func (f *fixture) usage(c manifest.Checkpoint) string {
	f.Helper()
	read := catalog.From(f.store.Store)
	usage, err := catalog.Generated(f.Context(), read, f.repo.Base, c, manifest.UsagePath, manifest.MaxUsage)
	if err != nil {
		f.Fatal(err)
	}
	key, err := catalog.Generated(f.Context(), read, f.repo.Base, c, manifest.GeneratedDir+"keyring.gpg", 100)
	if err != nil {
		f.Fatal(err)
	}
	return string(usage) + string(key)
}

// What is left out stays said, at the new place too.
func TestMovePartial(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.repo.Remote = &leavingOut{f.up}
	c := f.publish(PublishOptions{}).Checkpoint
	f.move(MoveOptions{Redirect: true})
	there := f.other()
	moved, _ := there.index().Newest()
	if !c.Partial || !moved.Partial || there.receipt(moved).HeldBack != f.receipt(c).HeldBack {
		t.Errorf("%+v and %+v", c, moved)
	}
}

// leavingOut holds files back.
type leavingOut struct{ *fakeRemote }

func (r *leavingOut) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	c, err := r.fakeRemote.Capture(ctx, prev)
	return leftOutCapture{c}, err
}

type leftOutCapture struct{ remote.Capture }

func (leftOutCapture) HeldBack() (files int, bytes int64) { return 3, 300 }

// Files are copied inside the store, and thin ones stay where they are.
func TestMoveUploadsNoFiles(t *testing.T) {
	for layout, want := range map[manifest.Layout]int{manifest.Full: len(isos()) + 1, manifest.Thin: 0} {
		f := newFixture(t, layout, isos())
		f.publish(PublishOptions{})
		f.up.set("new", "new")
		f.publish(PublishOptions{})
		f.store.take()
		f.move(MoveOptions{Redirect: true})
		copied := 0
		for _, op := range f.store.take() {
			if strings.HasPrefix(op, "create ") && (strings.Contains(op, ".iso") || strings.HasSuffix(op, "/new")) {
				t.Error(op)
			}
			if strings.HasPrefix(op, "copy ") && strings.Contains(op, "Z/new ") {
				copied++
			}
		}
		if want > 0 != (copied == 1) {
			t.Errorf("%s: the new file was copied %d times", layout, copied)
		}
	}
}

// What is published at the old place while the history is copied comes along.
func TestMoveMeetsPublish(t *testing.T) {
	for n := 0; ; n += 3 {
		f := newFixture(t, manifest.Thin, isos())
		f.publishes(2)
		rival, reached := f.publisher(f.store.Store), false
		f.store.at(n, func(string) error {
			reached = true
			f.up.set("rival", "rival")
			f.clock.add(time.Minute)
			_, err := rival.Publish(f.Context(), f.repo, PublishOptions{})
			if errors.Is(err, manifest.ErrRetired) {
				err = nil
			}
			return err
		})
		_, err := f.pub.Move(f.Context(), f.repo.Repo, otherThan(f.repo), MoveOptions{Redirect: true})
		if err != nil {
			t.Fatalf("operation %d: %v", n, err)
		}
		if a, b := f.all(), f.other().all(); len(a.Checkpoints) != len(b.Checkpoints) {
			t.Fatalf("operation %d: %d checkpoints came along of %d", n, len(b.Checkpoints), len(a.Checkpoints))
		}
		f.followed()
		if !reached {
			return
		}
	}
}

// A place with a history of its own takes no other, and the old place stays in use.
func TestMoveToAnothersPlace(t *testing.T) {
	for name, prepare := range map[string]func(f, there *fixture){
		"later":   func(f, there *fixture) { f.publishes(2); there.publishes(1) },
		"earlier": func(f, there *fixture) { there.publishes(1); f.publishes(2) },
	} {
		f := newFixture(t, manifest.Thin, isos())
		prepare(f, f.other())
		_, err := f.pub.Move(t.Context(), f.repo.Repo, otherThan(f.repo), MoveOptions{Redirect: true})
		if !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if f.index().Retired != nil {
			t.Errorf("%s: it is retired", name)
		}
		f.publishes(1)
	}
}

// A retired repo takes nothing more, whoever tries.
func TestRetired(t *testing.T) {
	for name, retire := range map[string]func(*fixture){
		"moved": func(f *fixture) { f.move(MoveOptions{Redirect: true}) },
		"gone":  func(f *fixture) { f.move(MoveOptions{}) },
		"deleted": func(f *fixture) {
			if err := deleting(f.Context(), f, f.pub, f.repo); err != nil {
				f.Fatal(err)
			}
		},
	} {
		f := newFixture(t, manifest.Thin, isos())
		id := f.publishes(2)[0]
		retire(f)
		was := f.index()
		_, published := f.pub.Publish(t.Context(), f.repo, PublishOptions{Force: true})
		_, synced := f.pub.Sync(t.Context(), f.repo, SyncOptions{})
		_, together := f.pub.PublishGroup(t.Context(), []Repo{f.repo, {Repo: manifest.Repo{Name: "third", Base: "third"}, Remote: f.up}}, PublishOptions{})
		_, moved := f.pub.Move(t.Context(), f.repo.Repo, Repo{Repo: manifest.Repo{Name: "fourth", Base: "fourth"}}, MoveOptions{Redirect: true})
		for what, err := range map[string]error{
			"publish": published, "sync": synced, "publish together": together, "move": moved,
			"channel": f.pub.SetChannel(t.Context(), f.repo.Repo, "stable", id),
		} {
			if !errors.Is(err, manifest.ErrRetired) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if now := f.index(); !now.Lists(was) || now.Horizon != was.Horizon {
			t.Errorf("%s: it changed", name)
		}
	}
}

// Only the janitor can delete, and a deletion answers for good.
func TestDelete(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.seals(3, 4)
	ids := f.publishes(9)
	dry, err := retain.Delete(t.Context(), tools(f.pub), f.repo.Repo, retain.DeleteOptions{Reason: "a secret"})
	if err != nil || dry.Checkpoints != 9 || f.index().Retired != nil {
		t.Fatalf("%+v, %v", dry, err)
	}
	if _, err := retain.Delete(t.Context(), tools(f.thief()), f.repo.Repo, retain.DeleteOptions{Apply: true}); !errors.Is(err, retain.ErrNotReleased) || f.index().Retired != nil {
		t.Fatalf("with a publisher's rights: %v", err)
	}
	done, err := retain.Delete(t.Context(), tools(f.pub), f.repo.Repo, retain.DeleteOptions{Reason: "a secret", Apply: true})
	if err != nil || done.Checkpoints != dry.Checkpoints || done.Bytes != dry.Bytes {
		t.Fatalf("%+v, %v", done, err)
	}
	all := f.all()
	if len(all.Checkpoints) != 0 || len(all.Pruned) != 9 || all.Pruned[0].Reason != "a secret" {
		t.Errorf("%+v", all)
	}
	if a, err := f.history().Resolve(t.Context(), manifest.At(ids[3]), manifest.MaxID); err != nil || a.Outcome != manifest.Elsewhere || a.Final {
		t.Errorf("%+v, %v", a, err)
	}
	f.followed()
	f.collect(retain.CollectOptions{Apply: true})
	f.clock.add(10 * day)
	f.collect(retain.CollectOptions{Apply: true})
	if left := f.keys(manifest.TreePrefix(f.repo.Base, ids[0])); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	f.followed()
	// A publisher that hides a repo by its register deletes nothing.
	g := newFixture(t, manifest.Full, isos())
	g.publishes(2)
	g.gc()
	kept := g.all().Checkpoints
	g.forge(func(index *manifest.Index) {
		index.Retired = &manifest.Retired{At: manifest.IDOf(g.clock.Now())}
		index.Checkpoints = nil
	})
	g.clock.add(30 * day)
	g.gc()
	g.whole(kept)
}

// A retirement can be taken back as long as the checkpoints are there, also one by a stolen
// key that took them out of the index.
func TestRevive(t *testing.T) {
	f := newFixture(t, manifest.Full, isos())
	f.publishes(2)
	f.gc()
	f.move(MoveOptions{Redirect: true})
	if err := f.pub.Revive(t.Context(), f.repo.Repo); err != nil {
		t.Fatal(err)
	}
	f.publishes(1)
	f.gc()
	kept := f.all().Checkpoints
	f.forge(func(index *manifest.Index) {
		index.Retired = &manifest.Retired{At: manifest.IDOf(f.clock.Now())}
		index.Checkpoints = nil
	})
	if err := f.pub.Revive(t.Context(), f.repo.Repo); !errors.Is(err, manifest.ErrRetired) {
		t.Errorf("without checkpoints: %v", err)
	}
	if _, err := retain.Undo(t.Context(), tools(f.pub), f.repo.Repo, retain.ChoiceOptions{Apply: true}); err != nil {
		t.Fatal(err)
	}
	if err := f.pub.Revive(t.Context(), f.repo.Repo); err != nil {
		t.Fatal(err)
	}
	if got := f.all().Checkpoints; !slices.Equal(got, kept) {
		t.Errorf("%+v\nwas\n%+v", got, kept)
	}
	f.publishes(1)
	f.followed()
}

// A lost index comes back retired.
func TestRebuildRetired(t *testing.T) {
	for name, retire := range map[string]func(*fixture){
		"moved":   func(f *fixture) { f.move(MoveOptions{Redirect: true, Reason: "why"}) },
		"deleted": func(f *fixture) { _ = deleting(f.Context(), f, f.pub, f.repo) },
	} {
		f := newFixture(t, manifest.Full, isos())
		f.seals(3, 4)
		f.publishes(6)
		retire(f)
		was, all := f.index(), f.all()
		f.lose(manifest.RegistryKey, manifest.IndexKey(f.repo.Base), manifest.ListKey(f.repo.Base))
		f.rebuild(rebuild.Options{Write: true})
		if now := f.index(); now.Retired == nil || *now.Retired != *was.Retired {
			t.Errorf("%s: %+v\nwas\n%+v", name, now, was)
		}
		if now := f.all(); !reflect.DeepEqual(now, all) {
			t.Errorf("%s: %+v\nwas\n%+v", name, now, all)
		}
		f.followed()
	}
}

// The reason of a deletion is bounded, and its place valid, before anything is released.
func TestDeleteChecksFirst(t *testing.T) {
	for _, what := range []retain.DeleteOptions{
		{Reason: strings.Repeat("x", manifest.MaxReason+1), Apply: true},
		{Reason: "two\nlines", Apply: true},
		{To: "../x", Apply: true},
	} {
		f := newFixture(t, manifest.Thin, isos())
		f.publishes(2)
		if _, err := retain.Delete(t.Context(), tools(f.pub), f.repo.Repo, what); err == nil {
			t.Errorf("%.20q and %q are taken", what.Reason, what.To)
		}
		note, err := catalog.Note(f.repo.Repo).Load(t.Context(), f.store.Store)
		if err != nil || len(note.Doc.Released) > 0 {
			t.Errorf("%s: released %v, %v", fmt.Sprint(what.To), note.Doc.Released, err)
		}
	}
}

package publisher

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// askedRemote is an upstream that gives a validator for its root document, and
// can be asked with it.
type askedRemote struct {
	*fakeRemote
	says map[string]remote.Validator
	told remote.Validator // what the last capture could ask with
}

func (r *askedRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	r.told = remote.Validator{}
	if prev != nil {
		f, ok, err := prev.Find(ctx, "PULP_MANIFEST")
		if err != nil {
			return nil, err
		}
		if ok {
			r.told = prev.Validator(ctx, f)
		}
	}
	c, err := r.fakeRemote.Capture(ctx, prev)
	return askedCapture{c, r.says}, err
}

type askedCapture struct {
	remote.Capture
	says map[string]remote.Validator
}

func (c askedCapture) Validators() map[string]remote.Validator { return c.says }

func askedFixture(t *testing.T) (*fixture, *askedRemote, remote.Validator) {
	f := newFixture(t, manifest.Full, isos())
	f.up.set("PULP_MANIFEST", "1")
	first := remote.Validator{URL: manifest.Sum([]byte("https://h/M")), ETag: `"1"`}
	up := &askedRemote{fakeRemote: f.up, says: map[string]remote.Validator{"PULP_MANIFEST": first}}
	f.repo.Remote = up
	return f, up, first
}

// Upstream's validators are kept after a publish, changed or not, and given to
// the next capture. That costs a read, and a write if they changed.
func TestValidators(t *testing.T) {
	f, up, first := askedFixture(t)
	const key = ".asof/repos/checkpoints/myfile/validators.json"
	ops := func(opts PublishOptions) (ops []string) {
		f.store.take()
		f.publish(opts)
		for _, op := range f.store.take() {
			if strings.HasSuffix(op, key) {
				ops = append(ops, strings.TrimSuffix(op, " "+key))
			}
		}
		return ops
	}
	expect := func(what string, got []string, told remote.Validator, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) || up.told != told {
			t.Errorf("%s: %q, told %+v; want %q, told %+v", what, got, up.told, want, told)
		}
	}
	expect("the first publish", ops(PublishOptions{}), remote.Validator{}, "load", "swap")
	list, err := manifest.ParseValidators([]byte(f.read(key)))
	want := manifest.Validators{{Path: "PULP_MANIFEST", SHA256: manifest.Sum([]byte("1")), URL: first.URL, ETag: `"1"`}}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("%+v, %v", list, err)
	}
	expect("nothing new", ops(PublishOptions{}), first, "load")

	timed := remote.Validator{URL: first.URL, Modified: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)}
	up.says = map[string]remote.Validator{"PULP_MANIFEST": timed}
	expect("another validator of the same", ops(PublishOptions{}), first, "load", "swap")
	f.up.set("PULP_MANIFEST", "2")
	expect("another document", ops(PublishOptions{}), timed, "load", "swap")
	expect("nothing new again", ops(PublishOptions{}), timed, "load")

	// A checkpoint was published without it, so its validator is for other bytes.
	f.up.set("PULP_MANIFEST", "3")
	if _, err := f.pub.Sync(t.Context(), f.repo, SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("a staged revision", ops(PublishOptions{NoSync: true}), timed)
	expect("after it", ops(PublishOptions{}), remote.Validator{}, "load", "swap")

	up.says = nil
	expect("an upstream that says nothing", ops(PublishOptions{}), timed, "load")
	f.check()
}

// Publishing together keeps each member's.
func TestValidatorsGroup(t *testing.T) {
	f, up, first := askedFixture(t)
	other := Repo{Repo: manifest.Repo{Name: "other", Base: "other"}, Layout: manifest.Thin, Remote: upstream(isos())}
	for range 2 {
		if _, err := f.pub.PublishGroup(t.Context(), []Repo{f.repo, other}, PublishOptions{}); err != nil {
			t.Fatal(err)
		}
		f.clock.add(time.Minute)
	}
	if up.told != first {
		t.Errorf("told %+v", up.told)
	}
	if keys := f.keys(manifest.ValidatorsKey(other.Base)); len(keys) != 0 {
		t.Errorf("%q", keys)
	}
}

// An unusable register makes no publish fail, and proves nothing.
func TestValidatorsUnusable(t *testing.T) {
	for name, breaks := range map[string]func(f *fixture, key string){
		"damaged": func(f *fixture, key string) {
			_, version, err := f.store.Store.Load(f.Context(), key, "")
			if err == nil {
				_, err = f.store.Store.Swap(f.Context(), key, version, []byte("{}"), objstore.Attributes{})
			}
			if err != nil {
				f.Fatal(err)
			}
		},
		"unreadable": func(f *fixture, key string) {
			f.store.before = func(op string) error {
				if op == "load "+key {
					return errors.New("broken")
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, up, first := askedFixture(t)
			f.publish(PublishOptions{})
			var log bytes.Buffer
			f.pub.Log = slog.New(slog.NewTextHandler(&log, nil))
			breaks(f, manifest.ValidatorsKey(f.repo.Base))
			if r := f.publish(PublishOptions{}); r.Outcome != Unchanged || up.told != (remote.Validator{}) {
				t.Errorf("%+v, told %+v", r, up.told)
			}
			if !strings.Contains(log.String(), "can't be read") {
				t.Errorf("said %s", log.String())
			}
			f.store.before = nil
			if f.publish(PublishOptions{}); up.told != first {
				t.Errorf("told %+v", up.told)
			}
		})
	}

	f, up, _ := askedFixture(t)
	var log bytes.Buffer
	f.pub.Log = slog.New(slog.NewTextHandler(&log, nil))
	f.store.before = func(op string) error {
		if op == "swap "+manifest.ValidatorsKey(f.repo.Base) {
			return errors.New("broken")
		}
		return nil
	}
	f.publish(PublishOptions{})
	f.publish(PublishOptions{})
	if up.told != (remote.Validator{}) || strings.Count(log.String(), "can't be kept") != 2 {
		t.Errorf("told %+v, said %s", up.told, log.String())
	}
}

// The options that a checkpoint was made with are known of that checkpoint only: not of one
// that was staged by others, with the same documents.
func TestMadeWith(t *testing.T) {
	f := newFixture(t, manifest.Thin, map[string]string{"PULP_MANIFEST": "1", "a": "a"})
	options := manifest.Sum([]byte("options"))
	made := func(want bool) {
		t.Helper()
		prev, ok := f.pub.newest(f.repo.Base, f.index(), f.pub.validators(f.repo.Repo), false).(remote.Listed)
		if !ok {
			t.Fatal("it lists no files")
		}
		root, _, err := prev.Find(t.Context(), "PULP_MANIFEST")
		if err != nil || prev.MadeWith(t.Context(), root, options) != want || prev.MadeWith(t.Context(), root, manifest.Sum(nil)) {
			t.Errorf("made with them: want %t, %v", want, err)
		}
		var files []string
		for file, err := range prev.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file.Path)
		}
		if len(files) != len(f.up.files) || !prev.Whole() {
			t.Errorf("%q, whole %t", files, prev.Whole())
		}
	}
	plain := f.repo.Remote
	f.repo.Remote = &askedRemote{fakeRemote: f.up, says: map[string]remote.Validator{"PULP_MANIFEST": {Options: options}}}
	f.publish(PublishOptions{})
	made(true)
	f.publish(PublishOptions{})
	made(true)
	f.repo.Remote = plain // by other options, of which nothing is told
	f.up.set("b", "b")
	f.sync()
	f.publish(PublishOptions{NoSync: true})
	made(false)
}

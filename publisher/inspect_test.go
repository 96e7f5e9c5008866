package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// inspectedRemote refuses files that hold the word "bad", and counts what it inspects.
type inspectedRemote struct {
	*fakeRemote
	mu   sync.Mutex
	seen map[string]int // by path
}

func (r *inspectedRemote) Capture(ctx context.Context, prev remote.Previous) (remote.Capture, error) {
	c, err := r.fakeRemote.Capture(ctx, prev)
	return &inspectedCapture{c, r}, err
}

type inspectedCapture struct {
	remote.Capture
	of *inspectedRemote
}

func (c *inspectedCapture) Inspects(f remote.File) bool { return f.Path != "PULP_MANIFEST" }

func (c *inspectedCapture) Inspect(f remote.File, content io.ReadCloser) io.ReadCloser {
	data, err := io.ReadAll(content)
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.seen[f.Path]++
	if bytes.Contains(data, []byte("bad")) {
		err = fmt.Errorf("%s: %w", f.Path, remote.ErrUnverified)
	}
	return &inspectedBody{bytes.NewReader(data), err, content}
}

type inspectedBody struct {
	text io.Reader
	err  error
	io.Closer
}

func (b *inspectedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return b.text.Read(p)
}

// Every file that the newest checkpoint does not have is inspected: read from upstream, found
// in the pool, left by a killed publish, or copied from elsewhere in the tree. What it has is
// not, and nothing bad is published.
func TestInspected(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		for name, prepare := range map[string]func(f *fixture){
			"from upstream": func(*fixture) {},
			"synced before": func(f *fixture) { f.sync() },
			"published elsewhere": func(f *fixture) {
				other := otherThan(f.repo)
				if _, err := f.pub.Publish(f.Context(), other, PublishOptions{}); err != nil {
					f.Fatal(err)
				}
			},
			"left by a killed publish": func(f *fixture) {
				broken := &faulty{Store: f.store.Store, n: 9, fault: fault{dies: true, applied: true}}
				p := f.publisher(broken)
				p.Concurrency = 1
				_, _ = p.Publish(f.Context(), f.repo, PublishOptions{})
			},
		} {
			f := newFixture(t, layout, map[string]string{"a": "good", "b": "good", "c": "other"})
			plain := f.repo.Remote
			first := f.publish(PublishOptions{}).Checkpoint
			f.up.set("a", "better")
			f.up.set("d", "bad")
			f.up.set("e", "better")
			prepare(f)
			inspected := &inspectedRemote{fakeRemote: f.up, seen: map[string]int{}}
			f.repo.Remote = inspected
			_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
			_, synced := f.pub.Sync(t.Context(), f.repo, SyncOptions{})
			if newest, _ := f.index().Newest(); !errors.Is(err, remote.ErrUnverified) || !errors.Is(synced, remote.ErrUnverified) || newest.ID != first.ID {
				t.Errorf("%s, %s: %v, %v, newest %s", layout, name, err, synced, newest.ID)
			}
			f.up.set("d", "good again")
			clear(inspected.seen)
			f.publish(PublishOptions{})
			if s := inspected.seen; s["a"] == 0 || s["d"] == 0 || s["e"] == 0 || s["b"] > 0 || s["c"] > 0 {
				t.Errorf("%s, %s: %v", layout, name, s)
			}
			f.check()
			f.repo.Remote = plain
		}
	}
}

package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
)

// breaking is a store in which reading one object fails in the middle, the first
// few times.
type breaking struct {
	objstore.Store
	key   string
	err   error
	times atomic.Int64
}

func (b *breaking) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := b.Store.Open(ctx, key, offset, length)
	if err != nil || key != b.key || b.times.Add(-1) < 0 {
		return r, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r, 1), iotest.ErrReader(b.err)), r}, nil
}

// A lost connection is tried again. An object that stays unreadable while the
// store is available is damage: a bad disk.
func TestReadingBreaksOff(t *testing.T) {
	lost := fmt.Errorf("%w: connection reset", objstore.ErrUnavailable)
	tests := []struct {
		name   string
		err    error
		times  int64
		damage string
		fails  error
	}{
		{"lost once", lost, 1, "", nil},
		{"cut off once", fmt.Errorf("%w: %w", objstore.ErrUnavailable, io.ErrUnexpectedEOF), 1, "", nil},
		{"lost for good", lost, 100, "", objstore.ErrUnavailable},
		{"unreadable once", errors.New("input/output error"), 1, "", nil},
		{"unreadable for good", errors.New("input/output error"), 100, "it can't be read: input/output error", nil},
		{"refused", objstore.ErrDenied, 100, "", objstore.ErrDenied},
	}
	for _, tt := range tests {
		f := newFixture(t, manifest.Full, isos())
		c := f.publish(PublishOptions{}).Checkpoint
		for _, key := range []string{manifest.TreeKey(f.repo.Base, c.ID, "3.iso"), manifest.ManifestKey(c.Manifest)} {
			store := &breaking{Store: f.store, key: key, err: tt.err}
			pub := f.publisher(store)

			store.times.Store(tt.times)
			r, err := readback.Verify(t.Context(), reading(pub), f.repo.Repo, nil, false)
			found := ""
			if len(r.Problems) == 1 && r.Problems[0].Key == key {
				found = r.Problems[0].What
			}
			if !errors.Is(err, tt.fails) || found != tt.damage || found == "" && len(r.Problems) > 0 {
				t.Errorf("%s: verify %s: %+v, %v", tt.name, key, r.Problems, err)
			}

			store.times.Store(tt.times)
			dir := t.TempDir()
			_, err = readback.Restore(t.Context(), reading(pub), f.repo.Base, c, dir)
			switch {
			case tt.times == 1:
				if err != nil {
					t.Errorf("%s: restore %s: %v", tt.name, key, err)
				}
				f.holds(dir, f.up.files)
			case tt.damage != "" && (!errors.Is(err, catalog.ErrCorrupt) || !strings.Contains(err.Error(), tt.damage)):
				t.Errorf("%s: restore %s: %v, want %s", tt.name, key, err, tt.damage)
			case tt.fails != nil && !errors.Is(err, tt.fails):
				t.Errorf("%s: restore %s: %v, want %v", tt.name, key, err, tt.fails)
			}
		}
	}
}

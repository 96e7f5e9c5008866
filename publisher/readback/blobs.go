package readback

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/asof/asof/manifest"
)

// blob checks the blob of an item once per run, however many checkpoints share
// it. If it is damaged, each of them has a problem.
func (v *verification) blob(ctx context.Context, id manifest.ID, it item) error {
	first, err := v.pool.ask(content{it.SHA256, it.Size}, id)
	if !first {
		v.done(it)
		return v.note(&id, err)
	}
	v.inBackground(func() error {
		defer v.done(it)
		err := v.look(ctx, manifest.BlobKey(it.SHA256), it.Entry)
		d, ok := errors.AsType[*damage](err)
		if err != nil && !ok {
			return err
		}
		for _, id := range v.pool.tell(content{it.SHA256, it.Size}, d) {
			if d != nil {
				_ = v.note(&id, d)
			}
		}
		return nil
	})
	return nil
}

// content is the expected content of a blob. A manifest that states another size
// for it expects another content.
type content struct {
	digest manifest.Digest
	size   int64
}

// blobs are the blobs that a run has checked, or is checking. The zero value is
// ready to use. It is safe for concurrent use.
type blobs struct {
	mu      sync.Mutex
	seen    map[content]struct{}
	waiting map[content][]manifest.ID // checkpoints that wait for a blob being checked
	damaged map[content]*damage
}

// ask reports whether the caller is the first to want a blob. Then the caller
// must check it and call tell. If the blob is known to be damaged, err says how.
// If somebody is checking it, the checkpoint is remembered.
func (b *blobs) ask(c content, id manifest.ID) (first bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen, b.waiting, b.damaged = map[content]struct{}{}, map[content][]manifest.ID{}, map[content]*damage{}
	}
	if _, ok := b.seen[c]; !ok {
		b.seen[c] = struct{}{}
		b.waiting[c] = []manifest.ID{id}
		return true, nil
	}
	if d, ok := b.damaged[c]; ok {
		return false, d
	}
	if ids, ok := b.waiting[c]; ok && !slices.Contains(ids, id) {
		b.waiting[c] = append(ids, id)
	}
	return false, nil
}

// tell records the result of a check, nil for no damage. It returns the
// checkpoints that wait for it.
func (b *blobs) tell(c content, d *damage) []manifest.ID {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := b.waiting[c]
	delete(b.waiting, c)
	if d != nil {
		b.damaged[c] = d
	}
	return ids
}

package resolver

import (
	"context"
	"iter"

	"github.com/asof/asof/manifest"
)

// from yields the repo's listed checkpoints at or behind an instant, oldest
// first. Sealed segments are read as they are reached.
func (r *repo) from(ctx context.Context, m *manifests, at manifest.ID) iter.Seq2[manifest.Checkpoint, error] {
	return func(yield func(manifest.Checkpoint, error) bool) {
		ix := r.timeline.Index()
		for _, ref := range ix.Segments {
			if ref.Last < at || ref.Checkpoints == 0 {
				continue
			}
			segment, err := m.segment(ctx, ix.Repo, ref)
			if err != nil {
				yield(manifest.Checkpoint{}, err)
				return
			}
			for _, c := range segment.From(at) {
				if !yield(c, nil) {
					return
				}
			}
		}
		for _, c := range r.timeline.From(at) {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// next is the oldest listed checkpoint at or behind an instant.
func (r *repo) next(ctx context.Context, m *manifests, at manifest.ID) (manifest.Checkpoint, bool, error) {
	for c, err := range r.from(ctx, m, at) {
		return c, err == nil, err
	}
	return manifest.Checkpoint{}, false, nil
}

// prev is the newest listed checkpoint at or before an instant, behind
// tombstones, however many they are.
func (r *repo) prev(ctx context.Context, m *manifests, at manifest.ID) (manifest.Checkpoint, bool, error) {
	for {
		answer, err := r.at(ctx, m, at)
		if err != nil || answer.Outcome == manifest.Before || answer.Outcome == manifest.Empty {
			return manifest.Checkpoint{}, false, err
		}
		if answer.Outcome == manifest.Found {
			return *answer.Checkpoint, true, nil
		}
		at = answer.ID - 1
	}
}

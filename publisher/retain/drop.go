package retain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// Drop is a checkpoint that a policy names to go.
type Drop struct {
	Checkpoint manifest.Checkpoint // only its id where it was pruned already
	Pruned     *manifest.Tombstone // it was pruned already, and nothing more happens; nil: no
	// Channels name it. With it they go: their names answer 404 until they are set again.
	Channels []string
	// Rings stand on it. They stay there, and answer 410 in this repo until they move.
	Rings []string
	// Back are rings that would be rolled back to it, and can't be any more.
	Back []string
	// Same are the checkpoints of all repos that have the same content, and stay.
	Same []Twin
}

// Twin is a checkpoint with the content of another one.
type Twin struct {
	Repo string      `json:"repo"`
	ID   manifest.ID `json:"checkpoint"`
}

// String returns the twin as <repo> <id>.
func (t Twin) String() string { return t.Repo + " " + t.ID.String() }

// UsedError: a checkpoint that is to go is the newest, or a name leads to it. It is a
// manifest.ErrInUse.
type UsedError struct {
	ID     manifest.ID
	Newest bool
	By     []string // names that lead to it, with what they are
}

func (e *UsedError) Error() string {
	if e.Newest {
		return fmt.Sprintf("drop %s: %s: it is the newest checkpoint", e.ID, manifest.ErrInUse)
	}
	return fmt.Sprintf("drop %s: %s: %s", e.ID, manifest.ErrInUse, joinAnd(e.By))
}

func (e *UsedError) Unwrap() error { return manifest.ErrInUse }

// Hint says what the user can do.
func (e *UsedError) Hint() string {
	if e.Newest {
		return "publish a newer checkpoint first"
	}
	return "point the channel at another checkpoint, or move the ring, first; --force drops it all the same, and its dry run says what breaks"
}

// drops looks at what is to go. All that may not is one error.
func (p Policy) drops(ctx context.Context, history *manifest.History) (drops []Drop, err error) {
	newest, _ := history.Index.Newest()
	var used []error
	for _, id := range slices.Compact(slices.Sorted(slices.Values(p.Drop))) {
		d := Drop{Checkpoint: manifest.Checkpoint{ID: id}}
		if t, pruned, err := history.FindPruned(ctx, id); err != nil {
			return nil, err
		} else if pruned {
			d.Pruned = &t
			drops = append(drops, d)
			continue
		}
		listed := false
		if d.Checkpoint, listed, err = history.Find(ctx, id); err != nil {
			return nil, err
		}
		if !listed {
			used = append(used, fmt.Errorf("drop %s: %w", id, manifest.ErrNoCheckpoint))
			continue
		}
		if err := d.namedIn(ctx, history); err != nil {
			return nil, err
		}
		if by := d.names(); id == newest.ID || len(by) > 0 && !p.Force {
			used = append(used, &UsedError{id, id == newest.ID, by})
		}
		drops = append(drops, d)
	}
	return drops, errors.Join(used...)
}

// namedIn finds the channels and rings that lead to the checkpoint.
func (d *Drop) namedIn(ctx context.Context, history *manifest.History) error {
	for name, id := range history.Index.Channels {
		if id == d.Checkpoint.ID {
			d.Channels = append(d.Channels, name)
		}
	}
	slices.Sort(d.Channels)
	on, err := history.RingsOn(ctx, d.Checkpoint.ID)
	for _, s := range on {
		if s.Current {
			d.Rings = append(d.Rings, s.Ring)
		} else {
			d.Back = append(d.Back, s.Ring)
		}
	}
	return err
}

// names says of each name that leads to the checkpoint what it is.
func (d Drop) names() (by []string) {
	for _, name := range d.Channels {
		by = append(by, fmt.Sprintf("channel %s names it", name))
	}
	for _, name := range d.Rings {
		by = append(by, fmt.Sprintf("ring %s stands on it", name))
	}
	for _, name := range d.Back {
		by = append(by, fmt.Sprintf("ring %s would be rolled back to it", name))
	}
	return by
}

func joinAnd(list []string) string {
	text := ""
	for i, s := range list {
		switch {
		case i == 0:
		case i == len(list)-1:
			text += ", and "
		default:
			text += ", "
		}
		text += s
	}
	return text
}

// findTwins fills in which checkpoints have the same content as what goes, in all repos, and
// stay: to drop one of two takes nothing back.
func (d *Decisions) findTwins(ctx context.Context, opts Options) error {
	same := map[manifest.Digest][]*Drop{}
	for i := range d.Drops {
		if drop := &d.Drops[i]; drop.Pruned == nil && drop.Checkpoint.Files > 0 {
			same[drop.Checkpoint.Content] = append(same[drop.Checkpoint.Content], drop)
		}
	}
	if len(same) == 0 {
		return nil
	}
	registry, err := catalog.Registry().Load(ctx, opts.Store)
	if err != nil {
		return err
	}
	for _, repo := range registry.Doc.Repos {
		history := d.history
		own := repo.Name == history.Index.Repo
		if !own {
			index, err := catalog.Index(repo).Load(ctx, opts.Store)
			if err != nil {
				return fmt.Errorf("repo %s: %w", repo.Name, err)
			}
			history = catalog.NewHistory(opts.Store, index.Doc)
		}
		for part, err := range history.All(ctx) {
			if err != nil {
				return fmt.Errorf("repo %s: %w", repo.Name, err)
			}
			for _, c := range part.Checkpoints {
				if own && d.why(c.ID) == 0 {
					continue // it goes
				}
				for _, drop := range same[c.Content] {
					drop.Same = append(drop.Same, Twin{repo.Name, c.ID})
				}
			}
		}
	}
	return nil
}

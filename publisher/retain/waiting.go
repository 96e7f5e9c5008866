package retain

import (
	"cmp"
	"slices"

	"github.com/asof/asof/manifest"
)

// Why is why something waits.
type Why string

const (
	// InGrace: pruned and released, and in its grace period.
	InGrace Why = "pruned"
	// Unfinished: the tree of a publish that may still be at work.
	Unfinished Why = "unfinished publish"
	// Unreferenced: objects to which nothing refers. A publisher may be about to.
	Unreferenced Why = "unreferenced"
	// NotReleased: a tombstone stands for the checkpoint, and the janitor has not
	// released it.
	NotReleased Why = "pruned, not released"
	// Hidden: the index does not list the checkpoint any more, and has no tombstone.
	Hidden Why = "no longer listed"
	// Replaced: the index lists another checkpoint under the same id.
	Replaced Why = "listed as another"
	// Inserted: the index lists the checkpoint, which was not there when all up to it was
	// final. Collect does nothing before somebody has decided.
	Inserted Why = "listed, and never was"
)

// Confirmable reports whether it waits until somebody confirms that it may go.
func (w Why) Confirmable() bool { return w == NotReleased || w == Hidden || w == Replaced }

// Waiting is what a collection left alone, and why.
type Waiting struct {
	Repo        string        `json:"repo,omitempty"`
	Why         Why           `json:"why"`
	Kind        string        `json:"kind,omitempty"` // of objects, where there are no checkpoints
	Checkpoints []manifest.ID `json:"checkpoints,omitempty"`
	Objects     int           `json:"objects,omitempty"`
	Bytes       int64         `json:"bytes,omitempty"`
	// Until is when the last of it may be deleted. nil: not before somebody confirms
	// that it may go.
	Until *manifest.ID `json:"until"`
}

// waiting gathers what waits. Checkpoints are together that wait for the same reason
// and until the same moment, and so are objects of a kind.
type waiting map[waitingKey]*Waiting

type waitingKey struct {
	repo, kind string
	why        Why
	until      manifest.ID
}

func (w *waiting) at(key waitingKey) *Waiting {
	if *w == nil {
		*w = waiting{}
	}
	if (*w)[key] == nil {
		(*w)[key] = &Waiting{Repo: key.repo, Why: key.why, Kind: key.kind}
	}
	return (*w)[key]
}

func (w *waiting) checkpoint(repo string, why Why, id manifest.ID, until *manifest.ID) {
	key := waitingKey{repo: repo, why: why}
	if until != nil {
		key.until = *until
	}
	entry := w.at(key)
	entry.Checkpoints, entry.Until = append(entry.Checkpoints, id), until
}

func (w *waiting) object(kind string, size int64, until *manifest.ID) {
	w.objects(kind, 1, size, until)
}

func (w *waiting) objects(kind string, n int, size int64, until *manifest.ID) {
	entry := w.at(waitingKey{kind: kind, why: Unreferenced})
	entry.Objects += n
	entry.Bytes += size
	if entry.Until == nil || *until > *entry.Until {
		entry.Until = until
	}
}

// list returns all that waits: by repo, what can only be confirmed last.
func (w waiting) list() []Waiting {
	list := []Waiting{}
	for _, entry := range w {
		list = append(list, *entry)
	}
	until := func(w Waiting) manifest.ID {
		if w.Until == nil {
			return manifest.MaxID
		}
		return *w.Until
	}
	slices.SortFunc(list, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(until(a), until(b)), cmp.Compare(a.Why, b.Why), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}

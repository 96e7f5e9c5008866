package publisher

import (
	"fmt"
	"strings"

	"github.com/asof/asof/publisher/transfer"
)

const (
	// DefaultMaxRemoved is the default of Repo.MaxRemoved.
	DefaultMaxRemoved = 50
	// minFiles is from how many files up Repo.MaxRemoved holds: what a small repo
	// loses, its owner sees.
	minFiles = 20
)

// LossError: a revision lacks so many files of the newest checkpoint that it may be a
// mistake, in the configuration or upstream. Nothing was written.
type LossError struct {
	transfer.Loss
	MaxRemoved int // percent
}

func (e *LossError) Error() string {
	var names strings.Builder
	for _, name := range e.Names {
		names.WriteString("\n  " + name)
	}
	if more := e.Gone - int64(len(e.Names)); more > 0 {
		fmt.Fprintf(&names, "\n  and %d more", more)
	}
	if e.Has == 0 {
		return fmt.Sprintf("it has no files any more; the newest checkpoint's %d would be removed:%s", e.Had, names.String())
	}
	return fmt.Sprintf("%d of the newest checkpoint's %d files would be removed, more than max_removed: %d%%; %d would be added:%s",
		e.Gone, e.Had, e.MaxRemoved, e.Has-(e.Had-e.Gone), names.String())
}

// Hint says what the user can do.
func (e *LossError) Hint() string {
	const once = "look for a mistake in the configuration or upstream; if they are meant to go, --allow-shrink removes them this once"
	if e.Has == 0 {
		return once
	}
	return once + "; where every publish replaces most files, set the repo's max_removed: 100%"
}

// checkLoss refuses a loss of more files than the repo may lose at once, or of all.
func (r Repo) checkLoss(loss transfer.Loss, allow bool) error {
	limit := DefaultMaxRemoved
	if r.MaxRemoved != nil {
		limit = *r.MaxRemoved
	}
	vanished := loss.Had > 0 && loss.Has == 0
	tooMany := loss.Had >= minFiles && loss.Gone*100 > loss.Had*int64(limit)
	if allow || !vanished && !tooMany {
		return nil
	}
	return &LossError{loss, limit}
}

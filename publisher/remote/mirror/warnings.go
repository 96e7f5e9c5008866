package mirror

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// Warner records a harmless problem and its place.
type Warner func(place, problem string)

// warning is one line in the log.
type warning struct{ place, problem string }

// MaxWarnings is how many warnings of a capture are logged one by one.
const MaxWarnings = 20

// Warnings collects the warnings of a capture. It is safe for concurrent use.
type Warnings struct {
	mu   sync.Mutex
	list []warning
	more int
}

// maxKept limits how many warnings are in memory.
const maxKept = 1000

// Add adds a warning. It is a Warner.
func (w *Warnings) Add(place, problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.list) == maxKept {
		w.more++
		return
	}
	w.list = append(w.list, warning{place, problem})
}

// Said is what the last capture of a remote warned about.
type Said struct {
	mu   sync.Mutex
	last map[warning]bool
}

// Tell logs the warnings of a capture, except those that the previous capture also had.
// where names the upstream.
func (s *Said) Tell(w *Warnings, log *slog.Logger, where string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(w.list, func(a, b warning) int {
		return cmp.Or(strings.Compare(a.place, b.place), strings.Compare(a.problem, b.problem))
	})
	now := make(map[warning]bool, len(w.list))
	n, more := 0, w.more
	for _, one := range w.list {
		switch {
		case s.last[one] || now[one]:
		case n == MaxWarnings:
			more++
		default:
			n++
			log.Warn(one.problem, "at", one.place)
		}
		now[one] = true
	}
	s.last = now
	if more > 0 && n > 0 {
		log.Warn(fmt.Sprintf("and %d more warnings about this archive", more), "at", where)
	}
}

package transfer

import (
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Loss is how many files of the newest checkpoint a revision lacks. Files are what
// clients come for ([remote.Payload]), so that a PULP_MANIFEST or the indexes of an
// empty archive do not count. If the newest checkpoint has none of these, all count.
type Loss struct {
	Had  int64 // files of the newest checkpoint
	Has  int64 // files of the revision
	Gone int64 // files of the newest checkpoint whose paths the revision lacks
	// Names are the paths of the first that are gone, in ascending order.
	Names []string
}

// maxNames is how many paths a Loss names.
const maxNames = 10

// tally counts files of one kind.
type tally Loss

func (t *tally) had(path string, listed bool) {
	t.Had++
	if listed {
		return
	}
	if t.Gone++; len(t.Names) < maxNames {
		t.Names = append(t.Names, path)
	}
}

// Loss says what the newest checkpoint has and the revision lacks.
func (pl *Plan) Loss() Loss {
	if pl.payload.Had > 0 {
		return Loss(pl.payload)
	}
	return Loss(pl.every)
}

// had counts a file of the newest checkpoint; listed: the revision has its path.
func (pl *Plan) had(path string, listed bool) {
	pl.every.had(path, listed)
	if remote.PhaseOf(path) == remote.Payload {
		pl.payload.had(path, listed)
	}
}

// has counts the files of the revision.
func (pl *Plan) has(entries []manifest.Entry) {
	pl.every.Has = int64(len(entries))
	for _, e := range entries {
		if remote.PhaseOf(e.Path) == remote.Payload {
			pl.payload.Has++
		}
	}
}

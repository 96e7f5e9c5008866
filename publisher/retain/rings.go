package retain

import "github.com/asof/asof/manifest"

// standings are what rings stand for in a repo, or would be rolled back to, as far as a walk from
// the newest checkpoint to the oldest has not come there.
type standings []standing

type standing struct {
	ring manifest.Ring
	time manifest.ID // the next checkpoint at or before it is what the ring stands for, or stood for
	back bool        // a roll-back would lead there
}

func stands(rings []manifest.Ring) (all standings) {
	for _, ring := range rings {
		now, _ := ring.Now()
		all = append(all, standing{ring, now.Time, false})
	}
	return all
}

// on reports whether a ring stands on the next checkpoint of the walk, or would after a roll-back.
func (all *standings) on(id manifest.ID) (on bool) {
	var left standings
	for _, s := range *all {
		if id > s.time {
			left = append(left, s)
			continue
		}
		on = true
		if before, err := s.ring.Before(id); err == nil && !s.back {
			left = append(left, standing{s.ring, before.Time, true})
		}
	}
	*all = left
	return on
}

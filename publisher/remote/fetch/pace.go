package fetch

import (
	"fmt"
	"time"
)

// A body that comes more slowly than this has no end that anybody could wait for: an
// upstream that sends a byte a minute would hold a run for years without ever being idle.
const (
	minPace  = 1 << 10         // bytes per second
	paceOver = 5 * time.Minute // the least time that is looked at, without what the reader takes
)

// pace measures how fast a body comes.
type pace struct {
	over   time.Duration // the time that is looked at
	waited time.Duration // for the bytes since the last look
	got    int
}

// newPace allows any pause that the idle time-out allows.
func newPace(idle time.Duration) pace { return pace{over: max(paceOver, idle)} }

// add counts what a read brought, and says whether it all came too slowly.
func (p *pace) add(n int, waited time.Duration) error {
	p.got += n
	p.waited += waited
	if p.waited < p.over {
		return nil
	}
	defer func() { *p = pace{over: p.over} }()
	if float64(p.got) >= minPace*p.waited.Seconds() {
		return nil
	}
	return &timeoutError{fmt.Sprintf("only %d bytes in %v, less than %d a second", p.got, p.waited.Round(time.Second), minPace)}
}

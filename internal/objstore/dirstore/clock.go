package dirstore

import (
	"sync"
	"time"
)

const (
	// sameClock is how far a file's time may be from this machine's and still be its own:
	// some file systems keep times to two seconds only.
	sameClock = 10 * time.Second
	// lookEvery is how often the clock is looked at.
	lookEvery = time.Minute
)

// fileClock is the clock that gives new files their times.
type fileClock struct {
	mu     sync.Mutex
	looked time.Time     // zero: never
	ahead  time.Duration // of this machine's clock; 0: it can't be told from that
}

// Time implements objstore.Clock. A folder may be on another machine, whose clock gives
// files their times. If a new file has this machine's time, its clock is this one, most
// likely, and tells nothing. Nor does a folder in which nothing can be written.
func (s *Store) Time(write bool) (time.Time, bool) {
	c := &s.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if write && (c.looked.IsZero() || time.Since(c.looked) > lookEvery) {
		before := time.Now()
		if at, ok := s.newFile(); ok {
			c.ahead = another(before, at, time.Now())
		}
		c.looked = before
	}
	return time.Now().Add(c.ahead), c.ahead != 0
}

// newFile returns the time that the file system gives a new file, which goes again.
func (s *Store) newFile() (time.Time, bool) {
	f, name, err := s.temp()
	if err != nil {
		return time.Time{}, false
	}
	defer s.root.Remove(name)
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return time.Time{}, false
	}
	return fi.ModTime(), true
}

// another returns how far the clock of a file that was made between two moments is ahead of
// this machine's; 0 if it is the same clock.
func another(before, made, after time.Time) time.Duration {
	switch {
	case made.After(after.Add(sameClock)):
		return made.Sub(after)
	case made.Before(before.Add(-sameClock)):
		return made.Sub(before)
	}
	return 0
}

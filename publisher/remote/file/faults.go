package file

import (
	"errors"
	"io/fs"

	"github.com/asof/asof/publisher/remote/mirror"
)

// faulty marks an error that lies in what the manifest says: the file is not there, or its
// size is another. A refused file (403) is not missing: its error has a better hint.
func faulty(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return mirror.Gone(err)
	}
	return mirror.Differs(err)
}

// leaveOut splits the listed files into those that the capture has and the missing ones.
func (c *capture) leaveOut() {
	for _, f := range c.doc.Files {
		if c.memory.LeavesOut(f.Path) {
			c.missing = append(c.missing, f.Path)
		} else {
			c.files = append(c.files, f)
		}
	}
}

// Moving implements remote.Moving.
func (c *capture) Moving() {}

// Lasting implements remote.Lasting.
func (c *capture) Lasting() bool { return c.lasting }

// Missing implements remote.Lasting.
func (c *capture) Missing() []string { return c.missing }

// Skip implements remote.Lasting. An upstream without a single one of its files is
// broken, so its files are never skipped.
func (c *capture) Skip(missing []string) bool {
	left := len(c.files) - 1 - len(missing) // without the manifest
	if !c.policy.Skip() || left <= 0 {
		return false
	}
	c.memory.LeaveOut(missing)
	return true
}

// Advice implements remote.Lasting.
func (c *capture) Advice(missing bool) string {
	return c.policy.Advice("upstream has to mend these files or its list, "+c.name, missing)
}

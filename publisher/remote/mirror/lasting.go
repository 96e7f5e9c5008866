package mirror

import (
	"sync"

	"github.com/asof/asof/manifest"
)

// Missing is the option that says what to do if upstream lists a file and lastingly does
// not have it: "fail", the default, or "skip", which publishes without the file.
type Missing string

// Skip reports whether missing files are left out.
func (m Missing) Skip() bool { return m == "skip" }

// Advice adds the option to what a user can do about faults, if it would help.
func (m Missing) Advice(advice string, missing bool) string {
	if missing && !m.Skip() {
		advice += "; missing: skip publishes without those that upstream does not have"
	}
	return advice
}

// Memory is what a remote remembers about its earlier captures, to tell lasting faults
// from those of an update in progress. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	roots   map[string]manifest.Digest // in the last capture, by their folder
	missing map[string]bool            // paths to leave out until the roots change
}

// Saw remembers the root documents of a folder. It reports whether the last capture saw
// the same ones. New roots clear the list of missing files.
func (m *Memory) Saw(dir string, roots manifest.Digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	have, ok := m.roots[dir]
	if ok && have == roots {
		return true
	}
	if m.roots == nil {
		m.roots = map[string]manifest.Digest{}
	}
	m.roots[dir], m.missing = roots, nil
	return false
}

// LeaveOut adds paths to leave out.
func (m *Memory) LeaveOut(paths []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing == nil {
		m.missing = map[string]bool{}
	}
	for _, path := range paths {
		m.missing[path] = true
	}
}

// LeaveOutNothing forgets the paths to leave out.
func (m *Memory) LeaveOutNothing() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.missing = nil
}

// LeavesOut reports whether a path is to be left out.
func (m *Memory) LeavesOut(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.missing[path]
}

package mirror

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/asof/asof/publisher/remote"
)

// Faults collects the lasting faults of a capture and what it leaves out because of them.
// Faults last if the last capture saw the same root documents. With the remote's capture
// it implements remote.Lasting. It is safe for concurrent use.
type Faults struct {
	memory *Memory
	option Missing
	advice string // what else a user can do about faults
	where  string // the upstream
	seen   func() bool

	mu   sync.Mutex
	list []remote.Fault
	left []string // paths left out because upstream does not have the files, ascending
}

// NewFaults makes the faults of one capture. seen reports whether the last capture saw the
// same root documents; it may change until the root documents are read.
func NewFaults(memory *Memory, option Missing, advice, where string, seen func() bool) *Faults {
	return &Faults{memory: memory, option: option, advice: advice, where: where, seen: seen}
}

// Add adds faults.
func (f *Faults) Add(list ...remote.Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, list...)
}

// Meet records an error of a file if it is lasting, and returns any other error.
func (f *Faults) Meet(path string, err error) error {
	if err == nil || !f.seen() || !errors.Is(err, remote.ErrMoved) {
		return err
	}
	if errors.Is(err, remote.ErrMissing) {
		err = remote.WhyMissing(err)
	}
	f.Add(remote.Fault{Path: path, Err: err})
	return nil
}

// Settle fails the capture if it has faults. If the user chose to skip missing files,
// files that are only missing are left out instead. A file that clients can't do without
// is never left out.
func (f *Faults) Settle() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return nil
	}
	err := remote.NewFaultsError(f.list, f.Advice)
	f.list = nil
	missing := err.Missing()
	if !f.option.Skip() || missing == nil {
		return err
	}
	f.left = append(f.left, missing...)
	slices.Sort(f.left)
	return nil
}

// LeftOut reports whether a file is left out.
func (f *Faults) LeftOut(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, out := slices.BinarySearch(f.left, path)
	return out
}

// LeavesOut leaves a file out if an earlier capture has found that it is missing.
func (f *Faults) LeavesOut(path string) bool {
	if !f.memory.LeavesOut(path) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, out := slices.BinarySearch(f.left, path); !out {
		f.left = slices.Insert(f.left, i, path)
	}
	return true
}

// none is the error of an upstream that has none of its files.
func (f *Faults) none(files int) error {
	f.memory.LeaveOutNothing() // upstream may have them at the next capture
	return remote.NewFaultsError([]remote.Fault{{Path: f.where, Err: &noneError{files, f.left[0]}, Required: true}}, f.Advice)
}

// End ends the capture: what it saw does not change any more.
func (f *Faults) End() {
	seen := f.seen()
	f.seen = func() bool { return seen }
}

// Lasting implements remote.Lasting.
func (f *Faults) Lasting() bool { return f.seen() }

// Missing implements remote.Lasting.
func (f *Faults) Missing() []string { return f.left }

// Skip implements remote.Lasting.
func (f *Faults) Skip(missing []string) bool {
	if !f.option.Skip() {
		return false
	}
	f.memory.LeaveOut(missing)
	return true
}

// Advice implements remote.Lasting.
func (f *Faults) Advice(missing bool) string { return f.option.Advice(f.advice, missing) }

// noneError means that upstream has none of the files that its indexes list.
type noneError struct {
	files   int
	example string // path
}

func (e *noneError) Error() string {
	return fmt.Sprintf("upstream has none of the files that it lists (%d, the first is %s), so missing: skip does not apply", e.files, e.example)
}

// Is makes it a missing file.
func (e *noneError) Is(target error) bool { return target == remote.ErrMissing }

// Hint says what the user can do.
func (e *noneError) Hint() string {
	return "upstream may refuse this client: check its credentials and whether it is blocked"
}

// Held counts the files that a filter holds back. It implements remote.Partial.
type Held struct {
	files int
	bytes int64
}

// Add counts a file of so many bytes; less than 0: unknown.
func (h *Held) Add(size int64) {
	h.files++
	h.bytes += max(size, 0)
}

// HeldBack implements remote.Partial.
func (h *Held) HeldBack() (files int, bytes int64) { return h.files, h.bytes }

package remote

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Lasting is implemented by captures of moving upstreams that recognize root documents
// from an earlier capture. If the roots have not changed, errors are not caused by an
// update in progress, so capturing again does not help. The publisher then tries all
// files and reports every fault in one [*FaultsError].
type Lasting interface {
	Moving
	// Lasting reports whether the root documents are the same as in an earlier capture.
	Lasting() bool
	// Skip gets the files that upstream does not have. If it returns true, the
	// remote's next capture leaves them out and the publisher starts again. It returns
	// false unless the user chose to do without missing files.
	Skip(missing []string) bool
	// Advice says what a user can do about faults. missing: files are among them that
	// upstream does not have, and it can be published without these.
	Advice(missing bool) string
	// Missing lists the files that this capture leaves out because upstream does not have
	// them. They are in ascending order.
	Missing() []string
}

// ErrMissing means that upstream lists a file but does not have it.
var ErrMissing = errors.New("upstream lists it and does not have it")

// ErrRefused is an ErrMissing of a file that upstream refuses. It may be there: some servers
// say so of what they do not have, too.
var ErrRefused error = refusedError{}

type refusedError struct{}

func (refusedError) Error() string { return "upstream lists it and refuses it: 403 Forbidden" }

func (refusedError) Is(target error) bool { return target == ErrMissing }

// Hint says what the user can do.
func (refusedError) Hint() string {
	return "check the credentials and the client certificate. Some servers answer 403 for files that they do not have: then missing: skip publishes without them"
}

// WhyMissing returns ErrRefused or ErrMissing for an error that is one of them.
func WhyMissing(err error) error {
	if errors.Is(err, ErrRefused) {
		return ErrRefused
	}
	return ErrMissing
}

// Fault is a lasting problem with a file or with its entry in a document.
type Fault struct {
	Path string // of the file, or a place in a document
	Err  error  // ErrMissing, ErrRefused, or what is wrong
	// Required means that clients can't do without the file, so it is never left out.
	Required bool
}

// skippable reports whether upstream can be published without the file.
func (f Fault) skippable() bool { return !f.Required && errors.Is(f.Err, ErrMissing) }

func (f Fault) String() string { return f.Path + ": " + f.Err.Error() }

// FaultsError lists all lasting faults of an upstream. It is ErrMissing if a file is
// missing, and ErrUnverified if anything else is wrong.
type FaultsError struct {
	Faults []Fault
	advice string
}

// NewFaultsError sorts the faults by path. It keeps the slice. advice is the remote's, see
// [Lasting].
func NewFaultsError(faults []Fault, advice func(missing bool) string) *FaultsError {
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Path, b.Path) })
	e := &FaultsError{Faults: faults}
	// With a required one among them, to skip the others ends in the same error.
	required := slices.ContainsFunc(faults, func(f Fault) bool { return f.Required })
	e.advice = advice(!required && slices.ContainsFunc(faults, Fault.skippable))
	return e
}

// maxFaults is how many entries of a list a message shows.
const maxFaults = 20

func (e *FaultsError) Error() string {
	if len(e.Faults) == 1 {
		return e.Faults[0].String()
	}
	list := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		list[i] = f.String()
	}
	return fmt.Sprintf("%d files are missing or wrong upstream:\n  %s", len(list), strings.Join(First(list), "\n  "))
}

// First shortens a list to 20 entries for a message and says how many it left out.
func First(list []string) []string {
	if len(list) <= maxFaults {
		return list
	}
	return append(slices.Clone(list[:maxFaults]), fmt.Sprintf("and %d more", len(list)-maxFaults))
}

// Is distinguishes wrong files from missing ones.
func (e *FaultsError) Is(target error) bool {
	switch target {
	case ErrUnverified:
		return slices.ContainsFunc(e.Faults, func(f Fault) bool { return !errors.Is(f.Err, ErrMissing) })
	case ErrMissing:
		return slices.ContainsFunc(e.Faults, func(f Fault) bool { return errors.Is(f.Err, ErrMissing) })
	}
	return false
}

// Missing returns the paths if every fault is a missing file that clients can do without,
// and nil otherwise.
func (e *FaultsError) Missing() (paths []string) {
	for _, f := range e.Faults {
		if !f.skippable() {
			return nil
		}
		paths = append(paths, f.Path)
	}
	return paths
}

// Hint says what the user can do. A fault's own hint comes before the remote's advice.
func (e *FaultsError) Hint() string {
	for _, f := range e.Faults {
		if errors.Is(f.Err, ErrMoved) {
			continue // its hint would say to wait, which does not help
		}
		if own, ok := errors.AsType[interface {
			error
			Hint() string
		}](f.Err); ok {
			return own.Hint()
		}
	}
	return e.advice
}

package publisher

import "errors"

// Errors that callers tell apart with errors.Is.
var (
	// ErrConflict: another publisher got in the way for good, or the id is taken.
	ErrConflict = errors.New("conflict")
	// ErrNothingStaged: there is no staged revision to publish.
	ErrNothingStaged = errors.New("nothing is staged")
	// ErrNoRemote: the repo has no remote to sync.
	ErrNoRemote = errors.New("no remote is configured")
	// ErrEmptyRevision: the revision holds no files, and nobody said that it may.
	ErrEmptyRevision = errors.New("the revision is empty")
	// ErrClock: the clock is behind the repo's horizon.
	ErrClock = errors.New("the clock is behind the horizon")
	// ErrBadID: an id that was asked for can't be taken.
	ErrBadID = errors.New("the id can't be used")
	// ErrBadNewest: a checkpoint that is said to be the newest decides nothing.
	ErrBadNewest = errors.New("it can't be said to be the newest")
	// ErrTwice: a repo can't be published twice at one id.
	ErrTwice = errors.New("is listed twice")
	// ErrUnsafeStore: the store lacks a working compare-and-swap.
	ErrUnsafeStore = errors.New("the store has no working compare-and-swap")
	// ErrLost: a document that must be there is gone.
	ErrLost = errors.New("lost")
	// ErrCorrupt: the store holds something else than its own documents say.
	ErrCorrupt = errors.New("corrupt")
)

// errOvertaken: another publisher committed while this one worked, so that its
// capture may be older than the newest checkpoint. It starts again.
var errOvertaken = errors.New("overtaken by another publisher")

package publisher

import (
	"errors"

	"github.com/asof/asof/publisher/reliance"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrConflict: another publisher got in the way too often, or the id is
	// taken.
	ErrConflict = errors.New("conflict")
	// ErrNothingStaged: there is no staged revision to publish.
	ErrNothingStaged = errors.New("nothing is staged")
	// ErrNoRemote: the repo has no remote to sync.
	ErrNoRemote = errors.New("no remote is configured")
	// ErrEmptyRevision: the revision has no files, and the caller did not allow
	// that.
	ErrEmptyRevision = errors.New("the revision is empty")
	// ErrBadID: the requested id can't be taken.
	ErrBadID = errors.New("the id can't be used")
	// ErrTwice: a repo can't be published twice at one id.
	ErrTwice = errors.New("is listed twice")
)

// RepoError says which repo an error is about. The text of Err names it already.
type RepoError struct {
	Repo string
	Err  error
}

func (e *RepoError) Error() string { return e.Err.Error() }
func (e *RepoError) Unwrap() error { return e.Err }

// errOvertaken: another publisher committed meanwhile, so this capture may be
// older than the newest checkpoint. The run starts again.
var errOvertaken = errors.New("overtaken by another publisher")

// errSkipped: the remote now leaves out files that upstream does not have.
// The run starts again.
var errSkipped = errors.New("upstream is published without files that it does not have")

// mustStartAgain reports whether a run failed only because of other publishers,
// or because files are now left out.
func mustStartAgain(err error) bool {
	return errors.Is(err, errOvertaken) || errors.Is(err, errSkipped) || errors.Is(err, errAbandoned) || errors.Is(err, reliance.ErrCollected)
}

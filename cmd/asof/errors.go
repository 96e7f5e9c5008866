package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/rebuild"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/retain"
	"github.com/asof/asof/publisher/rollout"
)

// The exit codes, the same for every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 4
	exitConflict    = 5
	exitVerify      = 6
	exitInterrupted = 130
)

var (
	errInterrupted = errors.New("interrupted")
	errNotFound    = errors.New("not found")
	errUsage       = errors.New("usage")
)

// hinted is an error with a hint: what the user can do about it.
type hinted struct {
	err  error
	hint string
	is   error // what errors.Is finds besides err; nil: nothing
}

func (e *hinted) Error() string { return e.err.Error() }

func (e *hinted) Unwrap() []error {
	if e.is == nil {
		return []error{e.err}
	}
	return []error{e.err, e.is}
}

// usage is a mistake in the command line or the configuration.
func usage(err error, hint string) error { return &hinted{err, hint, errUsage} }

// notFound is a repo, checkpoint or time that the store does not know.
func notFound(err error, hint string) error { return &hinted{err, hint, errNotFound} }

// meaning is what an error says to the user, by exit code and hint.
type meaning struct {
	err  error
	code int
	hint string
}

// meanings lists the errors that a user can act on. The first that fits decides.
func meanings() []meaning {
	return []meaning{
		{errInterrupted, exitInterrupted, "run the same command again to finish the work"},
		{errUsage, exitUsage, ""},
		{errNotFound, exitNotFound, ""},
		{manifest.ErrNewer, exitFailed, "this is asof " + version().Version + ": install the later version here, too; see docs/operations/upgrading.md"},
		{job.ErrClock, exitFailed, ""},
		{catalog.ErrLost, exitVerify, "asof rebuild writes it again, from what the store holds"},
		{rebuild.ErrUnconfirmed, exitUsage, "look at a clock that is right, and say what time it is: --now 2025-03-18T14:03:38Z"},
		{rebuild.ErrBadNewest, exitUsage, "asof rebuild says which checkpoints exclude each other"},
		{ledger.ErrUnsafeStore, exitConflict, "asof probe shows what the store does; --unsafe-store accepts it, for one publisher at a time"},
		{publisher.ErrConflict, exitConflict, "look at asof list, then run it again"},
		{objstore.ErrMismatch, exitVerify, "nothing was published; run it again, or tell whoever runs the remote"},
		{remote.ErrUnverified, exitVerify, "nothing was published; run it again, or tell whoever runs the remote"},
		{remote.ErrOptions, exitUsage, ""},
		{remote.ErrMoved, exitFailed, "the upstream may be in the middle of a change; run it again later"},
		{catalog.ErrDamaged, exitVerify, "asof rebuild writes it anew from the store's records"},
		{catalog.ErrCorrupt, exitVerify, "asof verify lists all that is wrong in the store"},
		{ledger.ErrNotAnnounced, exitFailed, "the next asof publish announces it again"},
		{publisher.ErrTwice, exitUsage, ""},
		{publisher.ErrBadID, exitUsage, "leave --at out to take the present second"},
		{publisher.ErrEmptyRevision, exitFailed, "if it is meant to be empty, add --empty"},
		{publisher.ErrNothingStaged, exitNotFound, "asof sync stages the remote's state; --empty publishes the empty revision of a repo never synced"},
		{retain.ErrNoPolicy, exitUsage, "for instance --keep-last 10 --keep-monthly 12"},
		{retain.ErrDropAndKeep, exitUsage, "leave out --drop, or what keeps"},
		{retain.ErrShortGrace, exitUsage, "publishers at work need it; --exclusive says that there are none"},
		{retain.ErrContradicts, exitVerify, "somebody wrote another history: asof prune REPO --undo shows what differs, and with --apply puts it right; --confirm accepts it"},
		{manifest.ErrInUse, exitConflict, "publish a newer checkpoint, or point the channel at another one, first"},
		{retain.ErrAtWork, exitConflict, ""},
		{retain.ErrPartlyGone, exitNotFound, "nothing lists it again; publish its content anew"},
		{retain.ErrListed, exitConflict, "asof prune REPO --drop takes it back"},
		{retain.ErrWaits, exitConflict, "asof prune REPO --confirm releases it"},
		{retain.ErrNotHeld, exitNotFound, "asof prune REPO --confirm shows what waits"},
		{retain.ErrNoRegistry, exitFailed, "check the store's URL; asof rebuild writes a lost registry again"},
		{manifest.ErrRetired, exitConflict, "take it out of asof.yaml, or give it another path"},
		{retain.ErrNotReleased, exitFailed, "use the janitor's credentials; see docs/operations/security.md"},
		{rollout.ErrHeld, exitConflict, ""},
		{rollout.ErrBack, exitConflict, ""},
		{rollout.ErrNotAllowed, exitConflict, ""},
		{manifest.ErrNoRing, exitNotFound, "asof ring lists the rings; rollout.rings in asof.yaml makes them"},
		{manifest.ErrNothingBefore, exitNotFound, "give a time: --to"},
		{manifest.ErrNotBlocked, exitNotFound, "asof ring shows what is blocked"},
		{manifest.ErrNoChannel, exitNotFound, "asof channel REPO lists the channels"},
		{manifest.ErrNoCheckpoint, exitNotFound, "asof list shows what there is"},
		{publisher.ErrNoRemote, exitUsage, "give the repo a remote in asof.yaml"},
		{manifest.ErrTaken, exitUsage, "choose another name or path in asof.yaml"},
		{objstore.ErrNoStore, exitNotFound, "create the bucket or folder first, or check the store's URL"},
		{objstore.ErrRetained, exitFailed, "only time helps; --grace as long as the retention leaves alone what is still kept"},
		{objstore.ErrNoLock, exitUsage, "take retention out of asof.yaml, or use a bucket with object lock"},
		{syscall.ENOSPC, exitFailed, "free space on the disk"},
		{fs.ErrPermission, exitFailed, "check the permissions of the folder"},
		{syscall.EROFS, exitFailed, "its file system can only be read: mount it for writing, or use another folder"},
		{syscall.EDQUOT, exitFailed, "free space, or raise the quota on the disk"},
		{syscall.EMFILE, exitFailed, "allow more open files (ulimit -n), or lower concurrency"},
		{syscall.ENFILE, exitFailed, "this machine has too many open files: close some, or lower concurrency"},
		{objstore.ErrSkewed, exitFailed, "set the clock that is wrong, this machine's or the store's"},
		{objstore.ErrDenied, exitFailed, "check the credentials in the environment and what they may do"},
		{retry.ErrGaveUp, exitFailed, "run the same command again when it is back; patience says how long to wait"},
		{objstore.ErrUnavailable, exitFailed, "check the store's address; if it is busy, run the same command again"},
		{objstore.ErrDiffers, exitConflict, ""},
		{objstore.ErrChanged, exitConflict, "run it again"},
		{objstore.ErrNotFound, exitNotFound, ""},
	}
}

func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if m, ok := meaningOf(err); ok {
		return m.code
	}
	return exitFailed
}

// meaningOf finds an error among the meanings.
func meaningOf(err error) (meaning, bool) {
	for _, m := range meanings() {
		if errors.Is(err, m.err) {
			return m, true
		}
	}
	return meaning{}, false
}

func isHinted(err error) bool {
	_, ok := err.(*hinted)
	return ok
}

func hintOf(err error) string {
	var h *hinted
	if errors.As(err, &h) && h.hint != "" {
		return h.hint
	}
	var own interface{ Hint() string }
	if errors.As(err, &own) {
		return own.Hint()
	}
	m, _ := meaningOf(err)
	if m.err == syscall.ENOSPC || m.err == syscall.EDQUOT {
		return m.hint + diskOf(err)
	}
	return m.hint
}

// diskOf says which disk is full, if the error tells.
func diskOf(err error) string {
	var at *fs.PathError
	if !errors.As(err, &at) || !filepath.IsAbs(at.Path) {
		return ""
	}
	if strings.HasPrefix(at.Path, filepath.Join(os.TempDir(), "asof-")) {
		return fmt.Sprintf(" of %s, or let TMPDIR name another folder", os.TempDir())
	}
	return " of " + filepath.Dir(at.Path)
}

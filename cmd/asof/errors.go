package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/remote"
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

// hinted is an error with what the user can do about it.
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
		{publisher.ErrLost, exitVerify, "asof rebuild writes a lost index again, from what the store holds"},
		{publisher.ErrBadNewest, exitUsage, "asof rebuild says which checkpoints exclude each other"},
		{publisher.ErrUnsafeStore, exitConflict, "asof probe shows what the store does; --unsafe-store accepts it, for one publisher at a time"},
		{publisher.ErrConflict, exitConflict, "look at asof list, then run it again"},
		{objstore.ErrMismatch, exitVerify, "nothing was published; run it again, or tell whoever runs the remote"},
		{remote.ErrUnverified, exitVerify, "nothing was published; run it again, or tell whoever runs the remote"},
		{remote.ErrMoved, exitFailed, "the upstream may be in the middle of a change; run it again later"},
		{publisher.ErrCorrupt, exitVerify, "asof verify lists all that is wrong in the store"},
		{publisher.ErrNotAnnounced, exitFailed, "the next asof publish announces it again"},
		{publisher.ErrClock, exitFailed, "set this machine's clock; ids only grow"},
		{publisher.ErrTwice, exitUsage, ""},
		{publisher.ErrBadID, exitUsage, "leave --at away to take the present second"},
		{publisher.ErrEmptyRevision, exitFailed, "if it is meant to be empty, add --empty"},
		{publisher.ErrNothingStaged, exitNotFound, "asof sync stages the remote's state; --empty publishes the empty revision of a repo never synced"},
		{publisher.ErrNoPolicy, exitUsage, "for instance --keep-last 10 --keep-monthly 12"},
		{publisher.ErrShortGrace, exitUsage, "publishers at work need it; --exclusive says that there are none"},
		{publisher.ErrNoRegistry, exitFailed, "check the store's URL; asof publish makes a registry"},
		{manifest.ErrNoChannel, exitNotFound, "asof channel REPO lists the channels"},
		{manifest.ErrNoCheckpoint, exitNotFound, "asof list shows what there is"},
		{publisher.ErrNoRemote, exitUsage, "give the repo a remote in asof.yaml"},
		{manifest.ErrTaken, exitUsage, "choose another name or path in asof.yaml"},
		{objstore.ErrNoStore, exitNotFound, "create the bucket or folder first, or check the store's URL"},
		{objstore.ErrRetained, exitFailed, "only time helps; --grace as long as the retention leaves alone what is still kept"},
		{objstore.ErrNoLock, exitUsage, "take retention out of asof.yaml, or use a bucket with object lock"},
		{objstore.ErrDenied, exitFailed, "check the credentials in the environment and what they may do"},
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
	for _, m := range meanings() {
		if errors.Is(err, m.err) {
			return m.code
		}
	}
	return exitFailed
}

// report writes "error:" and, where there is one, "hint:".
func report(w io.Writer, err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok && !isHinted(err) {
		for _, e := range many.Unwrap() {
			report(w, e)
		}
		return
	}
	fmt.Fprintf(w, "error: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(w, "hint: %s\n", hint)
	}
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
	for _, m := range meanings() {
		if errors.Is(err, m.err) {
			return m.hint
		}
	}
	return ""
}

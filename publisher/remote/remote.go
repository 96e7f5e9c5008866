// Package remote defines the contract between the publisher and the upstreams that it
// syncs from. Each type of remote is a package below this one (file, dir, …) and one line
// in the command's table of types.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/asof/asof/manifest"
)

// Remote reads one upstream. It never writes.
type Remote interface {
	// Capture reads the upstream's current state: its root documents, and from them the
	// list of all files. It verifies what it reads as far as the upstream allows. The
	// caller must close the Capture.
	//
	// prev is the repo's newest checkpoint, or nil. With it a remote can ask
	// conditionally, read unchanged files from the store, and notice that the upstream
	// went back in time.
	//
	// The error is ErrMoved if the upstream is in the middle of a change. The publisher
	// then captures again. It does not retry after any other error.
	Capture(ctx context.Context, prev Previous) (Capture, error)
}

// Tree is a tree in the store, as a remote sees it. It is safe for concurrent use.
type Tree interface {
	// Find looks up a path. The result is false if the tree has no such file. It does not
	// set Phase.
	Find(ctx context.Context, path string) (File, bool, error)
	// Open reads a file that Find returned from the store. It does not verify the bytes.
	Open(ctx context.Context, f File) (io.ReadCloser, error)
}

// Previous is the newest checkpoint. It is valid until Capture returns.
type Previous interface {
	Tree
	// Validator returns what upstream said about a file that Find returned, or zero if
	// nothing is known. The first call may send a request to the store.
	Validator(ctx context.Context, f File) Validator
}

// Listed is implemented by a Previous that can list its files.
type Listed interface {
	Previous
	// Whole reports whether Files gives all that the upstream's documents list. It does not
	// if some were left out, or if nothing in the store is to be trusted.
	Whole() bool
	// MadeWith reports whether the checkpoint was captured by these options, as the document
	// f tells: see Validator.Options.
	MadeWith(ctx context.Context, f File, options manifest.Digest) bool
	// Files yields the files in ascending order of their paths, without phases, and ends with
	// the first error.
	Files(ctx context.Context) iter.Seq2[File, error]
}

// Capture is an upstream's state at one moment. It is safe for concurrent use.
type Capture interface {
	// Files lists every file in ascending byte order of the paths. Paths are unique and
	// valid by manifest.CheckPath. The caller must not change the slice.
	Files() []File

	// Open starts reading a file from its first byte. The caller checks size and digest,
	// and stops reading if the upstream sends more than File.Size bytes. If a retry may
	// help, Open and the body's Read return a *TemporaryError.
	Open(ctx context.Context, f File) (Content, error)

	// Modified asks the upstream for a file's modification time without reading the file.
	// It returns the zero time if the upstream does not say.
	Modified(ctx context.Context, f File) (time.Time, error)

	// Close releases the capture's resources.
	Close() error
}

// Moving is implemented by captures of upstreams that may replace files while asof reads
// them, as mirrors of package archives do. If a file is gone or has other bytes than
// listed, the publisher captures again.
type Moving interface {
	Capture
	// Moving does nothing. It marks the type.
	Moving()
}

// ErrMoved means that a file is gone or has changed, so the upstream is no longer the one
// that was captured.
var ErrMoved = errors.New("the upstream has changed meanwhile")

// ErrUnverified means that content does not match its signatures or digests, or that an
// upstream went back in time.
var ErrUnverified = errors.New("verification failed")

// ErrOptions means that a remote's options ask for what the upstream does not have.
var ErrOptions = errors.New("the options do not fit the upstream")

// Checked is implemented by captures that verify their own files: their readers return
// exactly the bytes that File.SHA256 was computed from, or an error. They also know when
// their files were modified. The publisher reads them with OpenAt and does not hash them
// again.
type Checked interface {
	Capture
	// OpenAt starts reading a file at an offset from 0 to the file's size.
	OpenAt(ctx context.Context, f File, offset int64) (io.ReadCloser, error)
}

// Inspected is implemented by captures that check more of a file than its digest, such as a
// signature inside it. The publisher inspects every file that the newest checkpoint does not
// have, whether it comes from upstream or is in the store already.
type Inspected interface {
	Capture
	// Inspects reports whether there is anything to check in a file.
	Inspects(f File) bool
	// Inspect returns the same content. Its reader fails before the last byte if the content
	// is not what it should be: with an error that wraps ErrUnverified, or the content's own.
	Inspect(f File, content io.ReadCloser) io.ReadCloser
}

// Partial is implemented by captures that may leave out files that the upstream's
// documents list.
type Partial interface {
	Capture
	// HeldBack returns the number of these files and their total size in bytes.
	HeldBack() (files int, bytes int64)
}

// Moded is implemented by captures that may know which of their files are executable. If
// they do, a change of that is a change of the upstream.
type Moded interface {
	Capture
	// Modes returns nil if they are not known. The caller must not change them.
	Modes() *manifest.Modes
}

// Lossy is implemented by captures of upstreams that have more than a tree keeps.
type Lossy interface {
	Capture
	// Lost says what is not kept, one thing an entry.
	Lost() []string
}

// Dated is implemented by captures of upstreams that may tell what time it is: servers.
type Dated interface {
	Capture
	// Date returns the time now by the clock of the upstream's host. The result is false if
	// it did not tell.
	Date() (now time.Time, host string, known bool)
}

// Listing is implemented by remotes that may add their own document to every tree: a list
// of its files. Even a tree without files has it.
type Listing interface {
	Remote
	// Empty returns the capture of an upstream without files.
	Empty() Capture
}

// File is one file of an upstream, as its root documents describe it.
type File struct {
	Path     string // below the tree's root, slash-separated
	Size     int64  // bytes
	SHA256   manifest.Digest
	Modified time.Time // zero: unknown until the file is opened
	Phase    Phase
}

// Content is an open file.
type Content struct {
	Body     io.ReadCloser
	Modified time.Time // zero: the upstream does not say
}

// Phase says when a file is written into a tree. Phases are written in this order, so
// that a client that sees a root document can get everything it leads to (invariant 7).
type Phase uint8

const (
	Payload   Phase = iota // packages, images: files that refer to no others
	Index                  // lists of payload: Packages.xz, primary.xml.gz
	Signature              // detached signatures of root documents
	Root                   // where clients start: PULP_MANIFEST, InRelease, repomd.xml
	phases
)

// Phases is the number of phases.
const Phases = int(phases)

// TemporaryError wraps an error that a retry may fix: a lost connection, a time-out, a
// busy upstream, a body that ended too early.
type TemporaryError struct {
	Err   error
	After time.Duration // how long the upstream asked to wait (Retry-After); 0: it did not say
}

func (e *TemporaryError) Error() string { return e.Err.Error() }
func (e *TemporaryError) Unwrap() error { return e.Err }

// InputError means that an upstream document breaks the rules of its format or ours. It
// says where and why. A retry does not help.
type InputError struct {
	Where string // the document: a URL or path without credentials
	Line  int    // counted from 1; 0: no line
	Err   error
}

func (e *InputError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", e.Where, e.Line, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Where, e.Err)
}

func (e *InputError) Unwrap() error { return e.Err }

// Package remote is the contract between the publisher and the upstreams it
// syncs from. Each type of remote is one package below this one (file, dir, …)
// and one line in the command's table of types.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/asof/asof/manifest"
)

// Remote reads one upstream. It never writes.
type Remote interface {
	// Capture reads the upstream's state now: its root documents and, from
	// them, the list of all its files. It verifies what it reads as far as the
	// upstream lets it. A Capture is released with Close.
	//
	// prev is the repo's newest checkpoint, nil where there is none: by it a
	// remote asks conditionally, reads from the store what did not change, and
	// notices that the upstream went back in time.
	//
	// An upstream that is in the middle of a change is ErrMoved: the publisher
	// captures it again. It tries again after no other error.
	Capture(ctx context.Context, prev Previous) (Capture, error)
}

// Previous is the newest checkpoint, as a remote may look at it. It is safe for
// concurrent use, and valid until Capture returns.
type Previous interface {
	// Find tells what the checkpoint has at a path; false: nothing. Phase is
	// not set.
	Find(ctx context.Context, path string) (File, bool, error)
	// Open reads a file that Find gave, from the store. The bytes are not
	// verified.
	Open(ctx context.Context, f File) (io.ReadCloser, error)
}

// Capture is an upstream's state at one moment. It is safe for concurrent use.
type Capture interface {
	// Files lists every file, in ascending byte order of the paths, each path
	// valid by manifest.CheckPath and no two the same. The caller must not
	// change it.
	Files() []File

	// Open starts reading a file from its first byte. The caller checks size
	// and digest; an upstream that sends more than File.Size is cut off by it.
	// An error that a later try may not meet is a *TemporaryError, from Open
	// and from the body's Read alike.
	Open(ctx context.Context, f File) (Content, error)

	// Modified asks the upstream for a file's modification time without
	// reading the file; the zero time if the upstream does not say.
	Modified(ctx context.Context, f File) (time.Time, error)

	// Close releases what the capture holds.
	Close() error
}

// Moving is implemented by captures of upstreams that replace files while they
// are read, as mirrors of package archives do. When such a file is gone or has
// other bytes than its documents said, the publisher captures again.
type Moving interface {
	Capture
	// Moving does nothing.
	Moving()
}

// ErrMoved is what a file that is gone, or is another one, comes to: the
// upstream is no longer what was captured.
var ErrMoved = errors.New("the upstream has changed meanwhile")

// ErrUnverified is content that is not what signatures or digests say, or an
// upstream that went back in time.
var ErrUnverified = errors.New("verification failed")

// Checked is implemented by captures that see to it themselves that they give the
// bytes that File.SHA256 was taken of, or end in an error, and know when their files
// were modified. These are read by OpenAt and not hashed again.
type Checked interface {
	Capture
	// OpenAt starts reading a file at an offset from 0 to its size.
	OpenAt(ctx context.Context, f File, offset int64) (io.ReadCloser, error)
}

// Partial is implemented by captures that may leave out files to which the
// upstream's documents lead.
type Partial interface {
	Capture
	// HeldBack counts these files and their bytes.
	HeldBack() (files int, bytes int64)
}

// File is one file of an upstream, as its root documents describe it.
type File struct {
	Path     string // below the tree's root, slash-separated
	Size     int64  // bytes
	SHA256   manifest.Digest
	Modified time.Time // zero: not known before the file is opened
	Phase    Phase
}

// Content is an open file.
type Content struct {
	Body     io.ReadCloser
	Modified time.Time // zero: the upstream does not say
}

// Phase says when a file is written into a tree: a client that meets a root
// document must find everything that it leads to (invariant 7). The phases are
// written in this order.
type Phase uint8

const (
	Payload   Phase = iota // packages, images, anything that refers to nothing
	Index                  // lists of payload: Packages.xz, primary.xml.gz
	Signature              // detached signatures of root documents
	Root                   // where clients begin: PULP_MANIFEST, InRelease, repomd.xml
	phases
)

// Phases is the number of phases.
const Phases = int(phases)

// TemporaryError wraps a failure that trying again may mend: a lost
// connection, a time-out, a busy upstream, a body that ended too early.
type TemporaryError struct {
	Err   error
	After time.Duration // how long the upstream asked to wait (Retry-After); 0: it did not say
}

func (e *TemporaryError) Error() string { return e.Err.Error() }
func (e *TemporaryError) Unwrap() error { return e.Err }

// InputError is a document from upstream that breaks its format's rules or
// ours: its place and what is wrong there. Trying again does not help.
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

// Package objstore is the contract between asof and an object store: what the
// publisher and the resolver may rely on, whatever stands behind it.
//
// A store holds two kinds of things, with two levels of trust:
//
//   - Objects are immutable. They are only ever created: Create and Copy fail
//     with ErrExists where an object already stands, so nothing that goes
//     through this contract can overwrite one.
//   - Registers are small mutable objects (the checkpoint index, the registry,
//     list pages). They change by compare-and-swap only.
//
// Keys are UTF-8, segments joined by "/", at most [MaxKey] bytes, with no empty,
// "." or ".." segment and no control character ([CheckKey]). A key that ends in
// "/" is legal only where [Store.SlashKeys] says so. A store whose keys are paths
// cannot have an object "a" beside objects "a/…": dirstore refuses the second with
// ErrUnsupported, MinIO takes it but leaves "a/…" out of its listings. Nobody
// should try ("a/" beside "a/…" is fine where there are slash keys).
//
// The drivers live in sub-packages, one each (dirstore, memstore, s3store,
// miniostore); storetest holds the one conformance suite that all of them pass.
// A Store is safe for concurrent use. Every method honours its context.
package objstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Errors that callers tell apart with errors.Is. Drivers wrap them with the
// operation and the key.
var (
	// ErrNotFound: no object stands under the key.
	ErrNotFound = errors.New("not found")
	// ErrExists: an object already stands under the key of a Create or Copy.
	ErrExists = errors.New("already exists")
	// ErrChanged: the register is no longer at the version that Swap named.
	ErrChanged = errors.New("changed by someone else")
	// ErrNotModified: the register is still at the version that Load named.
	ErrNotModified = errors.New("not modified")
	// ErrBadKey: the key breaks the rules above. No request was made.
	ErrBadKey = errors.New("invalid key")
	// ErrMismatch: the body is not what its size and digest said. Nothing was stored.
	ErrMismatch = errors.New("content does not match")
	// ErrTooLarge: the register is larger than MaxRegister.
	ErrTooLarge = errors.New("larger than a register may be")
	// ErrNoStore: the bucket or folder itself is missing.
	ErrNoStore = errors.New("no such store")
	// ErrDenied: the store refused the credentials or the right to do this.
	ErrDenied = errors.New("access denied")
	// ErrUnsupported: the store cannot do this (for instance, no conditional writes).
	ErrUnsupported = errors.New("not supported by the store")
	// ErrRetained: the store's Object Lock keeps the object from being deleted.
	ErrRetained = errors.New("kept by the store's object lock")
	// ErrNoLock: objects are to be retained, and the store has no Object Lock.
	ErrNoLock = errors.New("no object lock")
	// ErrUnavailable: the store did not answer, or answered that it is busy,
	// after the driver's own retries. Trying again later may help.
	ErrUnavailable = errors.New("store unavailable")
)

// MaxKey is the longest key, in bytes: the limit of S3.
const MaxKey = 1024

// MaxRegister is the largest register, in bytes, that Load reads and Swap writes.
const MaxRegister = 64 << 20

// Info describes an object.
type Info struct {
	Key      string
	Size     int64     // bytes
	Modified time.Time // when the store created the object, not upstream's time
}

// Attributes are stored with an object and sent with it by a store that serves
// HTTP. Stores without metadata of their own (dir) ignore them.
type Attributes struct {
	ContentType  string // empty: application/octet-stream
	CacheControl string // empty: none
}

// Version names one state of a register. The empty version is "absent".
type Version string

// Whole, as the length given to Open, means everything from the offset on.
const Whole int64 = -1

// Store is an object store.
type Store interface {
	// Open streams length bytes of an object from offset on; Whole for all the
	// rest. A range that reaches past the end is cut there; an offset at the end
	// reads nothing, one past the end is an error. The caller closes the reader.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Stat describes an object without reading it.
	Stat(ctx context.Context, key string) (Info, error)

	// Create stores body under key if nothing stands there, atomically: a
	// reader sees nothing or all of it, also after a crash. It fails with
	// ErrExists otherwise, and tries to find that out before it opens a large
	// body. Nothing is stored unless body's size and digest hold (ErrMismatch).
	// An error that came from body.Open or its reader is returned as it was.
	// Once Create has returned, nobody reads the body any more.
	//
	// A driver whose own retry may meet the object that its first try created
	// returns ErrExists then, too: [Put] tells the two apart.
	Create(ctx context.Context, key string, body Body, attr Attributes) error

	// Copy creates dst with src's bytes inside the store, of any size, if
	// nothing stands at dst. On stores whose copy takes no condition (MinIO)
	// the driver looks first, which is no guard against a race: callers copy
	// only into places that are theirs alone, or content-addressed. vacant
	// spares the look: the caller knows that nothing stood at dst, and that
	// whoever else writes there writes the same bytes.
	Copy(ctx context.Context, src, dst string, attr Attributes, vacant bool) error

	// List yields the objects whose keys start with prefix and sort after
	// after (empty: from the start), in ascending byte order of their keys,
	// reading page by page. Registers are objects too and are listed.
	List(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

	// Delete removes an object or a register. One that is not there is no error.
	// It fails with ErrRetained, and removes nothing, where Object Lock keeps it.
	Delete(ctx context.Context, key string) error

	// Load reads a register and its version. With have set, an unchanged
	// register gives ErrNotModified and costs no body.
	Load(ctx context.Context, key string, have Version) ([]byte, Version, error)

	// Swap writes a register if it is still at version old (empty: absent) and
	// returns its new version; ErrChanged if it is not. Of any number of
	// concurrent swaps from one version exactly one succeeds. When Swap
	// returns nil, everything stored before it is as durable as the register.
	//
	// A driver whose own retry may meet the effect of its first try returns
	// ErrChanged then, too: [Update] tells the two apart.
	Swap(ctx context.Context, key string, old Version, data []byte, attr Attributes) (Version, error)

	// SlashKeys reports whether keys may end in "/".
	SlashKeys() bool
}

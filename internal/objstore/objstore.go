// Package objstore is the contract between asof and an object store: what the
// publisher and the resolver may rely on with every kind of store.
//
// A store holds two kinds of things, with two levels of trust:
//
//   - Objects are immutable. They are only ever created: Create and Copy fail
//     with ErrExists where there is an object already, so nothing that
//     goes through this contract can overwrite one.
//   - Registers are small mutable objects (the checkpoint index, the registry,
//     list pages). They change by compare-and-swap only.
//
// Keys are UTF-8, segments joined by "/", at most [MaxKey] bytes, with no empty,
// "." or ".." segment and no control character ([CheckKey]). A key that ends in
// "/" is legal only if [Reader.SlashKeys] says so. A store whose keys are paths
// can't have an object "a" beside objects "a/…": dirstore refuses the second with
// ErrUnsupported, and MinIO takes it but leaves "a/…" out of its listings. So
// never store both. In a store with slash keys, "a/" beside "a/…" is fine.
//
// Each driver is a sub-package (dirstore, memstore, s3store, miniostore). All of
// them pass one conformance suite, storetest. A Store is safe for concurrent use.
// Every method honours its context.
package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Errors that callers tell apart with errors.Is. Drivers wrap them with the
// operation and the key.
var (
	// ErrNotFound: there is no object under the key.
	ErrNotFound = errors.New("not found")
	// ErrExists: a Create or Copy found an object under its key.
	ErrExists = errors.New("already exists")
	// ErrChanged: the register no longer has the version given to Swap.
	ErrChanged = errors.New("changed by someone else")
	// ErrNotModified: the register still has the version given to Load.
	ErrNotModified = errors.New("not modified")
	// ErrBadKey: the key breaks the rules above. No request was made.
	ErrBadKey = errors.New("invalid key")
	// ErrMismatch: the body does not match its size and digest. Nothing was
	// stored.
	ErrMismatch = errors.New("content does not match")
	// ErrTooLarge: the register is larger than MaxRegister.
	ErrTooLarge = errors.New("larger than a register may be")
	// ErrNoStore: the bucket or folder itself is missing.
	ErrNoStore = errors.New("no such store")
	// ErrDenied: the store refused the credentials, or they lack the right.
	ErrDenied = errors.New("access denied")
	// ErrSkewed: the store refused a request because its clock and this machine's are too
	// far apart. It is an ErrDenied.
	ErrSkewed = fmt.Errorf("%w: the clocks differ", ErrDenied)
	// ErrUnsupported: the store cannot do this (for instance, no conditional writes).
	ErrUnsupported = errors.New("not supported by the store")
	// ErrRetained: the store's Object Lock keeps the object from being deleted.
	ErrRetained = errors.New("kept by the store's object lock")
	// ErrNoLock: objects are to be retained, but the store has no Object Lock.
	ErrNoLock = errors.New("no object lock")
	// ErrUnavailable: the store did not answer, or answered that it is busy,
	// after the driver's own retries. Trying again later may help.
	ErrUnavailable = errors.New("store unavailable")
)

// MaxKey is the longest key in bytes: S3's limit.
const MaxKey = 1024

// MaxRegister is the largest register in bytes that Load reads and Swap writes.
const MaxRegister = 64 << 20

// Info describes an object.
type Info struct {
	Key      string
	Size     int64     // bytes
	Modified time.Time // when the store created the object, not upstream's time
}

// Attributes are stored with an object, and sent with it if the store serves
// HTTP. Stores without metadata (dir) ignore them.
type Attributes struct {
	ContentType  string // empty: application/octet-stream
	CacheControl string // empty: none
}

// Version names one state of a register. The empty version is "absent".
type Version string

// Whole, as Open's length, means everything from the offset on.
const Whole int64 = -1

// Reader is the read-only part of an object store.
type Reader interface {
	// Open streams length bytes of an object from offset on; Whole for all the
	// rest. A range beyond the end is cut there. An offset at the end reads
	// nothing; one beyond the end is an error. The caller closes the reader.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Stat describes an object without reading it.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields the objects whose keys start with prefix and sort after after
	// (empty: from the start), in ascending byte order of their keys, page by
	// page. Registers are objects too, and are listed.
	List(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

	// Load reads a register and its version. If the register still has the
	// version have, it returns ErrNotModified and transfers no body.
	Load(ctx context.Context, key string, have Version) ([]byte, Version, error)

	// SlashKeys reports whether keys may end in "/".
	SlashKeys() bool
}

// Store is an object store.
type Store interface {
	Reader

	// Create stores body under key atomically if the key is free. A reader sees
	// all of it or nothing, even after a crash. If there is an object, it fails
	// with ErrExists, and tries to find that out before it opens a large body.
	// Nothing is stored unless body's size and digest are right (ErrMismatch).
	// Errors of body.Open or its reader are returned unchanged. Once Create has
	// returned, nobody reads the body any more.
	//
	// A driver's own retry may find the object that its first try created. It
	// then returns ErrExists, too: [Put] tells the two cases apart.
	Create(ctx context.Context, key string, body Body, attr Attributes) error

	// Copy creates dst with src's bytes inside the store, of any size, if there
	// is no object at dst. If the store's copy takes no condition (MinIO), the
	// driver looks first. That does not prevent a race: callers copy only to keys
	// that are theirs alone, or content-addressed. vacant skips the look: the
	// caller knows that dst was free, and that any other writer there writes the
	// same bytes.
	Copy(ctx context.Context, src, dst string, attr Attributes, vacant bool) error

	// Delete removes an object or a register. If there is none, that is no error.
	// If Object Lock keeps it, Delete fails with ErrRetained and removes nothing.
	Delete(ctx context.Context, key string) error

	// Swap writes a register if it still has version old (empty: absent), and
	// returns its new version; otherwise it returns ErrChanged. Of concurrent
	// swaps from one version exactly one succeeds. When Swap returns nil,
	// everything stored before it is as durable as the register.
	//
	// A driver's own retry may find the effect of its first try. It then returns
	// ErrChanged, too: [Update] tells the two cases apart.
	Swap(ctx context.Context, key string, old Version, data []byte, attr Attributes) (Version, error)
}

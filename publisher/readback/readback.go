// Package readback reads back what was published. Verify proves it, from the
// index down to the bytes, and Restore writes a checkpoint's files into a folder.
// Its store is read-only.
package readback

import (
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/publisher/job"
)

// Options configure Verify and Restore.
type Options struct {
	Store objstore.Reader // required
	// Headers makes a quick Verify ask for the headers of every object, too: a request
	// each. A whole one gets them with the objects.
	Headers bool
	job.Env
}

// damage is an object whose content contradicts its name, or a document that
// refers to it. A verification reports damage; any other error keeps it from
// looking.
type damage struct {
	key, what string
	is        error // what errors.Is also finds; nil: only catalog.ErrCorrupt
}

func (d *damage) Error() string { return d.key + ": " + d.what }

func (d *damage) Is(target error) bool {
	return target == catalog.ErrCorrupt || d.is != nil && target == d.is
}

func damaged(key, format string, args ...any) error {
	return &damage{key: key, what: fmt.Sprintf(format, args...)}
}

func missing(key string) error {
	return &damage{key, "missing", objstore.ErrNotFound}
}

func wrongSize(key string, got, want int64) error {
	return damaged(key, "its size is %d, want %d", got, want)
}

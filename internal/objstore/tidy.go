package objstore

import (
	"context"
	"time"
)

// Tidier is a store in which a killed writer leaves data that is not an object,
// so that no listing shows it.
type Tidier interface {
	// Tidy counts what unfinished writes left and nobody has written to since
	// before, in files and bytes. With apply it removes that. A write can lose
	// its data to Tidy only if it made no progress since before. Such a write
	// fails as a whole: Tidy never touches an object or a register.
	Tidy(ctx context.Context, before time.Time, apply bool) (files int, bytes int64, err error)
}

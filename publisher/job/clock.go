package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// What a publish says of a time is final for ever, so a machine whose clock is wrong must
// not write. Nobody knows the right time, but others have clocks, too:
//
//   - A store on a server says what time it is with every answer. [Guard] lets nothing be
//     written while that is another time than here.
//   - An upstream does the same. It decides only where the store says nothing: a store is
//     chosen and looked after by whoever publishes, an upstream is not.
//   - What is in the store was written in the past. If it lies in the future, either this
//     clock is behind or that of the machine that wrote it was ahead.
//
// All of them may differ by [manifest.MaxSkew].

// MaxSkew is how far this machine's clock may be from another's.
const MaxSkew = manifest.MaxSkew * time.Second

// ErrClock: a clock is wrong, this machine's or another's.
var ErrClock = errors.New("a clock is wrong")

// StoreTime returns what time it is by the store's clock, if it has one and has told.
func StoreTime(store objstore.Reader) (time.Time, bool) {
	clock, ok := objstore.As[objstore.Clock](store)
	if !ok {
		return time.Time{}, false
	}
	return clock.Time(false)
}

// Apart reports whether two clocks differ by more than they may.
func Apart(a, b time.Time) bool { return a.Sub(b).Abs() > MaxSkew }

// OtherClockError: this machine's clock differs from another one. It is an [ErrClock].
type OtherClockError struct {
	Whose       string      // the other one, such as "the store's"
	Here, There manifest.ID // what time it is
	Advice      string
}

func (e *OtherClockError) Error() string {
	off := span(e.Here-e.There) + " ahead of"
	if e.Here < e.There {
		off = span(e.There-e.Here) + " behind"
	}
	return fmt.Sprintf("this machine's clock is %s %s: the time is %s here, and %s there", off, e.Whose, e.Here, e.There)
}

func (e *OtherClockError) Is(target error) bool { return target == ErrClock }

// Hint says what the user can do.
func (e *OtherClockError) Hint() string { return e.Advice }

// FutureError: what the store holds lies in the future. It is an [ErrClock].
type FutureError struct {
	What      string // with its time
	At, Now   manifest.ID
	Confirmed bool // the store's clock says the same as this machine's
}

func (e *FutureError) Error() string {
	by := "by this machine's clock alone"
	if e.Confirmed {
		by = "by this machine's clock and the store's"
	}
	return fmt.Sprintf("%s lies %s in the future: the time now is %s, %s", e.What, span(e.At-e.Now), e.Now, by)
}

func (e *FutureError) Is(target error) bool { return target == ErrClock }

// Hint says what the user can do.
func (e *FutureError) Hint() string {
	back := "a machine whose clock was ahead has published it; asof rebuild --future takes it back"
	if e.Confirmed {
		return back
	}
	return "look at a clock that is right. If this machine's is wrong, set it; if not, " + back
}

// CheckFuture makes sure that a time in the store does not lie in the future. what says
// what it is the time of.
func (e Env) CheckFuture(store objstore.Reader, what string, at manifest.ID) error {
	now := e.Now()
	if at <= manifest.IDOf(now)+manifest.MaxSkew {
		return nil
	}
	there, known := StoreTime(store)
	return &FutureError{fmt.Sprintf("%s %s", what, at), at, manifest.IDOf(now), known && !Apart(now, there)}
}

// Guard returns a store that works only while its clock agrees with this machine's, as far
// as it has one: with the first answer it knows, so before anything is written. A store
// that is guarded already is not guarded twice.
func (e Env) Guard(store objstore.Store) objstore.Store {
	if g, already := store.(guarded); already {
		store = g.Store
	}
	clock, ok := objstore.As[objstore.Clock](store)
	if !ok {
		return store
	}
	return guarded{store, clock, e.WithDefaults().Now}
}

type guarded struct {
	objstore.Store
	clock objstore.Clock
	now   func() time.Time
}

// Unwrap gives access to the store's abilities. None of them writes an object.
func (g guarded) Unwrap() objstore.Reader { return g.Store }

// check returns err, or what explains it: a server refuses requests that are signed for
// another time.
func (g guarded) check(write bool, err error) error {
	there, known := g.clock.Time(write)
	if here := g.now(); known && Apart(here, there) {
		return &OtherClockError{"the store's", manifest.IDOf(here), manifest.IDOf(there), "set the clock that is wrong, here or at the store, and run it again"}
	}
	return err
}

// write is one that the guard allows.
func (g guarded) write(do func() error) error {
	if err := g.check(true, nil); err != nil {
		return err
	}
	if err := do(); err != nil {
		return g.check(false, err)
	}
	return nil
}

func (g guarded) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := g.Store.Open(ctx, key, offset, length)
	if checked := g.check(false, err); checked != nil {
		if err == nil {
			r.Close()
		}
		return nil, checked
	}
	return r, nil
}

func (g guarded) Stat(ctx context.Context, key string) (objstore.Info, error) {
	info, err := g.Store.Stat(ctx, key)
	return info, g.check(false, err)
}

func (g guarded) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		for info, err := range g.Store.List(ctx, prefix, after) {
			err = g.check(false, err)
			if !yield(info, err) || err != nil {
				return
			}
		}
	}
}

func (g guarded) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	data, version, err := g.Store.Load(ctx, key, have)
	return data, version, g.check(false, err)
}

func (g guarded) Create(ctx context.Context, key string, body objstore.Body, attr objstore.Attributes) error {
	return g.write(func() error { return g.Store.Create(ctx, key, body, attr) })
}

func (g guarded) Copy(ctx context.Context, src, dst string, attr objstore.Attributes, vacant bool) error {
	return g.write(func() error { return g.Store.Copy(ctx, src, dst, attr, vacant) })
}

func (g guarded) Delete(ctx context.Context, key string) error {
	return g.write(func() error { return g.Store.Delete(ctx, key) })
}

func (g guarded) Swap(ctx context.Context, key string, old objstore.Version, data []byte, attr objstore.Attributes) (version objstore.Version, err error) {
	err = g.write(func() error {
		version, err = g.Store.Swap(ctx, key, old, data, attr)
		return err
	})
	return version, err
}

// span is so many seconds, for people.
func span(seconds manifest.ID) string {
	const day = 24 * 60 * 60
	switch {
	case seconds >= 2*365*day:
		return fmt.Sprintf("%d years", seconds/(365*day))
	case seconds >= 2*day:
		return fmt.Sprintf("%d days", seconds/day)
	}
	return (time.Duration(seconds) * time.Second).String()
}

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"time"
)

// body holds a document to the size that is expected of it, to the idle time-out and to
// a least pace, and tells what broke it. It is for one goroutine.
type body struct {
	ex    *exchange
	url   *url.URL
	src   io.ReadCloser
	timer *time.Timer // runs while Read waits: a slow consumer is not the upstream's fault
	size  int64       // -1: unknown
	got   int64
	pace  pace
	err   error // sticky

	resume  func(from int64) (io.ReadCloser, error) // asks for the rest; nil: it can't be
	resumes int
	resumed int64 // how much had come by the last time
}

func newBody(ex *exchange, u *url.URL, src io.ReadCloser, size int64, resume func(int64) (io.ReadCloser, error)) *body {
	b := &body{ex: ex, url: u, src: src, timer: ex.watchdog(), size: size, pace: newPace(ex.idle), resume: resume}
	b.timer.Stop()
	return b
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if left := b.left(); int64(len(p)) > left {
		p = p[:left]
	}
	began := time.Now()
	b.timer.Reset(b.ex.idle)
	n, err := b.src.Read(p)
	b.timer.Stop()
	b.got += int64(n)
	if slow := b.pace.add(n, time.Since(began)); slow != nil && err == nil {
		b.ex.cancel(slow)
		err = slow
	}
	if err == nil && b.left() == 0 {
		err = io.EOF // cut off
	}
	if err != nil && !b.goesOn(err) {
		b.finish(err)
	}
	if n > 0 {
		return n, nil // the error comes with the next call
	}
	if b.err == nil && err != nil {
		return b.Read(p) // from the rest
	}
	return n, b.err
}

// goesOn turns to the rest after the connection broke. It gives up where nothing more
// came since the last time.
func (b *body) goesOn(err error) bool {
	whole := err == io.EOF && b.got >= b.size
	if whole || b.resume == nil || b.got <= b.resumed || b.resumes == maxResumes || b.ex.ctx.Err() != nil {
		return false
	}
	b.resumes, b.resumed = b.resumes+1, b.got
	rest, err := b.resume(b.got)
	if err != nil {
		return false
	}
	b.src.Close()
	b.src = rest
	return true
}

// left is the number of bytes to let through: one more than expected.
func (b *body) left() int64 {
	if b.size < 0 || b.size == math.MaxInt64 {
		return math.MaxInt64
	}
	return b.size + 1 - b.got
}

func (b *body) finish(err error) {
	b.err = b.explain(err)
	b.src.Close()
	b.ex.end()
}

func (b *body) explain(err error) error {
	switch {
	case err == io.EOF && b.got >= b.size:
		return io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = b.short()
	}
	return opError("get", b.url, b.ex.classify(err))
}

func (b *body) short() error {
	if b.size < 0 {
		return fmt.Errorf("broke off after %d bytes", b.got)
	}
	return fmt.Errorf("broke off after %d of %d bytes", b.got, b.size)
}

func (b *body) Close() error {
	if b.err == nil {
		b.finish(io.EOF)
		b.err = errClosed
	}
	return nil
}

var errClosed = errors.New("read from a closed body")

// localExchange is the exchange of a file that is read without a request.
func localExchange(parent context.Context) *exchange {
	ctx, cancel := context.WithCancelCause(parent)
	return &exchange{parent: parent, ctx: ctx, cancel: cancel, idle: math.MaxInt64, end: func() { cancel(nil) }}
}

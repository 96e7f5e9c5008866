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

// body holds a document to the size that is expected of it and to the idle
// time-out, and tells what broke it. It is for one goroutine.
type body struct {
	ex    *exchange
	url   *url.URL
	src   io.ReadCloser
	timer *time.Timer // runs while Read waits: a slow consumer is not the upstream's fault
	size  int64       // -1: unknown
	got   int64
	err   error // sticky
}

func newBody(ex *exchange, u *url.URL, src io.ReadCloser, size int64) *body {
	b := &body{ex: ex, url: u, src: src, timer: ex.watchdog(), size: size}
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
	b.timer.Reset(b.ex.idle)
	n, err := b.src.Read(p)
	b.timer.Stop()
	b.got += int64(n)
	if err == nil && b.left() == 0 {
		err = io.EOF // cut off
	}
	if err != nil {
		b.finish(err)
	}
	if n > 0 {
		return n, nil // the error comes with the next call
	}
	return n, b.err
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

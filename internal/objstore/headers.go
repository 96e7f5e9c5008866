package objstore

import (
	"context"
	"io"
)

// Headers are what a store sends over HTTP with an object's bytes.
type Headers struct {
	Attributes
	// asof sets none of these. A tool that copies objects may.
	ContentEncoding, ContentDisposition, ContentLanguage string

	Version Version // of the object, registers or not
}

// Described is implemented by what [Reader.Open] returns, if the store has headers: the
// answer brings them along.
type Described interface {
	Headers() Headers
}

// HeadersOf returns the headers that came with an open object.
func HeadersOf(body io.ReadCloser) (Headers, bool) {
	if d, ok := body.(Described); ok {
		return d.Headers(), true
	}
	return Headers{}, false
}

// Headed is a store that keeps headers with its objects.
type Headed interface {
	// Headers returns the headers of an object or a register, and describes it.
	Headers(ctx context.Context, key string) (Headers, Info, error)
}

// Mender is a store that can replace the headers of an object that exists. It is not part
// of Store, as nothing but a repair needs it.
type Mender interface {
	Headed
	// Mend gives an object the headers of attr, and no others, if it still has the
	// version: otherwise it fails with ErrChanged. It can't give it other bytes: the
	// store copies the object onto itself. A retention that is longer than that of a new
	// object stays.
	//
	// Registers must be swapped for themselves instead: on most stores the condition is
	// on what is read, so another writer's swap could be undone. An object that somebody
	// deletes at the same moment may come back. An object too large for one copy is
	// ErrUnsupported.
	Mend(ctx context.Context, key string, version Version, attr Attributes) error
}

// prefixedHeaded is the part of a store with a prefix.
type prefixedHeaded struct {
	part  prefixed
	store Headed
}

func (h prefixedHeaded) Headers(ctx context.Context, key string) (Headers, Info, error) {
	full, err := h.part.full(key)
	if err != nil {
		return Headers{}, Info{}, err
	}
	headers, info, err := h.store.Headers(ctx, full)
	info.Key = key
	return headers, info, err
}

// prefixedMender mends in that part.
type prefixedMender struct {
	prefixedHeaded
	mender Mender
}

func (m prefixedMender) Mend(ctx context.Context, key string, version Version, attr Attributes) error {
	key, err := m.part.full(key)
	if err != nil {
		return err
	}
	return m.mender.Mend(ctx, key, version, attr)
}

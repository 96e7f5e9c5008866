package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// MaxUnlisted limits a file whose size upstream does not give, in bytes.
const MaxUnlisted = 4 << 30

// Spooled is a verified file, in a temporary file or in the newest checkpoint.
type Spooled struct {
	Size     int64 // bytes
	SHA256   manifest.Digest
	Modified time.Time // zero: upstream does not say

	name string // of the temporary file; empty: none
}

// Kept reports whether the file is in a temporary file.
func (f Spooled) Kept() bool { return f.name != "" }

// Open opens the temporary file of a kept file.
func (f Spooled) Open() (*os.File, error) { return os.Open(f.name) }

// InStore returns a file of the newest checkpoint without reading it.
func InStore(f remote.File) Spooled {
	return Spooled{Size: f.Size, SHA256: f.SHA256, Modified: f.Modified}
}

// Download reads a file from upstream into a temporary file. It retries temporary errors.
// If the file does not match want, the error is remote.ErrMoved. Without a digest in want it is
// read from the first place only: nothing would show that another one is at another state.
func (s *Session) Download(ctx context.Context, path string, want Listed) (out Spooled, err error) {
	if want.Sums == (Sums{}) {
		return s.download(ctx, s.client, path, want)
	}
	err = s.anywhere(ctx, func(client *fetch.Client) (err error) {
		out, err = s.download(ctx, client, path, want)
		return err
	})
	return out, err
}

func (s *Session) download(ctx context.Context, client *fetch.Client, path string, want Listed) (out Spooled, err error) {
	u := s.url(client, path)
	err = client.Retry(ctx, func(ctx context.Context) error {
		resp, err := client.Get(ctx, u, want.Size)
		if err != nil {
			return Differs(err)
		}
		defer resp.Body.Close()
		out, err = s.take(resp.Body, want, true)
		if errors.Is(err, remote.ErrMoved) {
			return fmt.Errorf("%s: %w", fetch.Redact(u), err)
		}
		out.Modified = resp.Modified
		return err
	})
	return out, err
}

// Empty returns an empty file without a request. If want lists something else, the error
// is remote.ErrMoved.
func (s *Session) Empty(want Listed) (Spooled, error) {
	return s.take(strings.NewReader(""), want, true)
}

// Reuse reads a file from the newest checkpoint and verifies it. The result is false if
// the checkpoint does not have it or has another one. If upstream gives no SHA-256, only
// reading can tell. With keep the file goes into a temporary file.
func (s *Session) Reuse(ctx context.Context, path string, want Listed, keep bool) (Spooled, bool, error) {
	have, ok, err := s.Find(ctx, path)
	sum := want.Sums[SHA256]
	if err != nil || !ok || (want.Size >= 0 && have.Size != want.Size) || (sum != "" && have.SHA256.String() != sum) {
		return Spooled{}, false, err
	}
	body, err := s.prev.Open(ctx, have)
	if err != nil {
		return Spooled{}, false, err
	}
	defer body.Close()
	out, err := s.take(body, want, keep)
	if errors.Is(err, remote.ErrMoved) {
		s.log.Debug("the newest checkpoint has another content", "file", path)
		return Spooled{}, false, nil
	}
	out.Modified = have.Modified
	return out, err == nil, err
}

// take reads a whole file and verifies it. With keep it goes into a temporary file.
func (s *Session) take(r io.Reader, want Listed, keep bool) (out Spooled, err error) {
	v := NewVerifier(want)
	var w io.Writer = v
	if keep {
		f, err := os.CreateTemp(s.dir, "")
		if err != nil {
			return out, err
		}
		out.name = f.Name()
		defer func() {
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
			if err != nil {
				os.Remove(out.name)
			}
		}()
		w = io.MultiWriter(f, v)
	}
	limit := int64(MaxUnlisted)
	if want.Size >= 0 && want.Size < math.MaxInt64 {
		limit = want.Size + 1
	}
	if _, err = io.Copy(w, io.LimitReader(r, limit)); err != nil {
		return out, err
	}
	out.Size = v.size
	out.SHA256, err = v.Done()
	return out, err
}

// Cancellable returns a reader that stops when the context ends.
func Cancellable(ctx context.Context, r io.Reader) io.Reader { return cancellable{ctx, r} }

type cancellable struct {
	ctx context.Context
	io.Reader
}

func (r cancellable) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

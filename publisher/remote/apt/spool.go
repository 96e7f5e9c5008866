package apt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// spooled is a file of the archive, verified, in a temporary file.
type spooled struct {
	name     string // of the temporary file; empty: the store has it, and it was only verified
	size     int64  // bytes
	sha256   manifest.Digest
	modified time.Time
}

// spool is a folder of temporary files. Its files are gone once it is closed.
type spool struct{ dir string }

func newSpool() (*spool, error) {
	dir, err := os.MkdirTemp("", "asof-apt-")
	return &spool{dir}, err
}

func (s *spool) Close() error { return os.RemoveAll(s.dir) }

// take reads a file whole and verifies it. With keep it stays in the spool.
func (s *spool) take(r io.Reader, want listed, keep bool) (out spooled, err error) {
	v := newVerifier(want)
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
	limit := int64(MaxUnpacked) // of a size that nobody knows
	if want.size >= 0 && want.size < math.MaxInt64 {
		limit = want.size + 1
	}
	if _, err = io.Copy(w, io.LimitReader(r, limit)); err != nil {
		return out, err
	}
	out.size = v.size
	out.sha256, err = v.done()
	return out, err
}

// download reads a file of the archive into the spool, with several tries.
func (c *capture) download(ctx context.Context, path string, want listed) (out spooled, err error) {
	u := c.client.URL(path)
	err = c.client.Retry(ctx, func(ctx context.Context) error {
		resp, err := c.client.Get(ctx, u, want.size)
		if err != nil {
			return changed(err)
		}
		defer resp.Body.Close()
		out, err = c.spool.take(resp.Body, want, true)
		if err != nil {
			return inFile(fetch.Redact(u), err)
		}
		out.modified = resp.Modified
		return nil
	})
	return out, err
}

// inFile names the file that is not what upstream said.
func inFile(where string, err error) error {
	if errors.Is(err, remote.ErrMoved) {
		return fmt.Errorf("%s: %w", where, err)
	}
	return err
}

// changed marks the answer of an archive that is no longer what was captured.
func changed(err error) error {
	if _, ok := errors.AsType[*fetch.SizeError](err); ok {
		return &sizeError{err}
	}
	return err
}

// sizeError is a file that has another size than it should.
type sizeError struct{ error }

func (e *sizeError) Unwrap() error { return e.error }

// Is makes it the same as other content.
func (e *sizeError) Is(target error) bool {
	return target == remote.ErrMoved || target == remote.ErrUnverified
}

// reuse takes a file from the newest checkpoint if that has it: by its SHA-256,
// or, where upstream gives none, by reading it. With keep it is put in the spool.
func (c *capture) reuse(ctx context.Context, path string, want listed, keep bool) (spooled, bool, error) {
	have, ok, err := find(ctx, c.prev, path)
	if err != nil || !ok || (want.size >= 0 && have.Size != want.size) || (want.sums.sha256 != "" && have.SHA256.String() != want.sums.sha256) {
		return spooled{}, false, err
	}
	body, err := c.prev.Open(ctx, have)
	if err != nil {
		return spooled{}, false, err
	}
	defer body.Close()
	out, err := c.spool.take(body, want, keep)
	if errors.Is(err, remote.ErrMoved) {
		c.log.Debug("the newest checkpoint has another content", "file", path)
		return spooled{}, false, nil
	}
	out.modified = have.Modified
	return out, err == nil, err
}

// open opens what the spool holds.
func (s *spool) open(f spooled) (*os.File, error) {
	return os.Open(f.name)
}

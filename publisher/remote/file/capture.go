package file

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/asof/asof/publisher/remote"
)

// capture holds the manifest; all other files are read when they are opened.
type capture struct {
	*upstream
	doc      *document
	modified time.Time // of the manifest
}

// Files implements remote.Capture.
func (c *capture) Files() []remote.File { return c.doc.files }

// Open implements remote.Capture. The manifest is the one that was captured,
// whatever stands upstream by now.
func (c *capture) Open(ctx context.Context, f remote.File) (remote.Content, error) {
	if f.Path == c.name {
		return remote.Content{Body: io.NopCloser(bytes.NewReader(c.doc.text)), Modified: c.modified}, nil
	}
	resp, err := c.client.Get(ctx, c.client.URL(f.Path), f.Size)
	if err != nil {
		return remote.Content{}, err
	}
	return remote.Content{Body: resp.Body, Modified: resp.Modified}, nil
}

// Modified implements remote.Capture.
func (c *capture) Modified(ctx context.Context, f remote.File) (time.Time, error) {
	if f.Path == c.name {
		return c.modified, nil
	}
	return c.client.Modified(ctx, c.client.URL(f.Path))
}

// Close implements remote.Capture.
func (c *capture) Close() error {
	c.client.Close()
	return nil
}

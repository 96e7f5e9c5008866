package file

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/pulp"
)

// capture holds the manifest; all other files are read when they are opened.
type capture struct {
	*upstream
	client   *fetch.Client // for the files that the manifest lists
	doc      *pulp.Document
	modified time.Time // of the manifest
	lasting  bool      // the last capture had the same manifest
	files    []remote.File
	missing  []string // paths left out because upstream does not have the files
}

// Files implements remote.Capture.
func (c *capture) Files() []remote.File { return c.files }

// Open implements remote.Capture. The manifest is the one that was captured,
// whatever stands upstream by now.
func (c *capture) Open(ctx context.Context, f remote.File) (remote.Content, error) {
	if f.Path == c.name {
		return remote.Content{Body: io.NopCloser(bytes.NewReader(c.doc.Text)), Modified: c.modified}, nil
	}
	resp, err := c.client.Get(ctx, c.client.URL(f.Path), f.Size)
	if err != nil {
		return remote.Content{}, faulty(err)
	}
	return remote.Content{Body: resp.Body, Modified: resp.Modified}, nil
}

// Modified implements remote.Capture.
func (c *capture) Modified(ctx context.Context, f remote.File) (time.Time, error) {
	if f.Path == c.name {
		return c.modified, nil
	}
	modified, err := c.client.Modified(ctx, c.client.URL(f.Path))
	return modified, faulty(err)
}

// Date implements remote.Dated.
func (c *capture) Date() (now time.Time, host string, known bool) { return c.client.Date() }

// Close implements remote.Capture.
func (c *capture) Close() error {
	c.client.Close()
	return nil
}

package remotetest

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// Checkpoint is a capture that was published. It implements remote.Previous.
type Checkpoint struct {
	Files map[string]remote.File
	Data  map[string]string
	Known map[string]remote.Validator

	mu    sync.Mutex
	opens []string
}

// Publish reads a whole capture, and verifies it as a publisher does.
func Publish(t testing.TB, c remote.Capture) *Checkpoint {
	t.Helper()
	p := &Checkpoint{Files: map[string]remote.File{}, Data: map[string]string{}, Known: c.(remote.Revalidating).Validators()}
	for _, f := range c.Files() {
		data, modified, err := ReadFile(t, c, f)
		if err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if int64(len(data)) != f.Size || manifest.Sum([]byte(data)) != f.SHA256 {
			t.Fatalf("%s: has other bytes than the capture says", f.Path)
		}
		if f.Modified.IsZero() {
			f.Modified = modified
		}
		p.Files[f.Path], p.Data[f.Path] = f, data
	}
	return p
}

// ReadFile reads a file of a capture.
func ReadFile(t testing.TB, c remote.Capture, f remote.File) (string, time.Time, error) {
	t.Helper()
	content, err := c.Open(t.Context(), f)
	if err != nil {
		return "", time.Time{}, err
	}
	defer content.Body.Close()
	data, err := io.ReadAll(content.Body)
	return string(data), content.Modified, err
}

// Paths lists the files of a capture.
func Paths(c remote.Capture) []string {
	var list []string
	for _, f := range c.Files() {
		list = append(list, f.Path)
	}
	return list
}

// Find implements remote.Tree.
func (p *Checkpoint) Find(_ context.Context, path string) (remote.File, bool, error) {
	f, ok := p.Files[path]
	return f, ok, nil
}

// Validator implements remote.Previous.
func (p *Checkpoint) Validator(_ context.Context, f remote.File) remote.Validator {
	return p.Known[f.Path]
}

// Open implements remote.Tree.
func (p *Checkpoint) Open(_ context.Context, f remote.File) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opens = append(p.opens, f.Path)
	return io.NopCloser(strings.NewReader(p.Data[f.Path])), nil
}

// Opened returns what was read since the last call.
func (p *Checkpoint) Opened() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.opens
	p.opens = nil
	return list
}

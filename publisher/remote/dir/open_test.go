package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/asof/asof/publisher/remote"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"in/f": "0123456789", "in/g": "x", "out": "secret"})
	in := filepath.Join(dir, "in")
	c, err := capturePath(t, Options{Path: in})
	must(t, err)
	f := c.Files()[0]

	ctx, cancel := context.WithCancel(t.Context())
	content, err := c.Open(ctx, f)
	must(t, err)
	defer content.Body.Close()
	cancel()
	if _, err := content.Body.Read(make([]byte, 1)); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	other := f
	other.SHA256[0]++
	if _, err := c.Open(t.Context(), other); err == nil || err.Error() != "open "+in+"/f: not a file of this capture" {
		t.Errorf("got %v", err)
	}

	moved := remote.ErrMoved.Error()
	for _, tt := range []struct {
		change func() error
		err    string
	}{
		{func() error { return nil }, "open " + in + "/f: " + moved},
		{func() error { return os.Symlink("../out", filepath.Join(in, "f")) }, "open " + in + "/f: path escapes from parent"},
		{func() error { return os.Mkdir(filepath.Join(in, "f"), 0o755) }, "open " + in + "/f: no longer a regular file"},
		{func() error { return syscall.Mkfifo(filepath.Join(in, "f"), 0o600) }, "open " + in + "/f: no longer a regular file"},
		{func() error { return c.Close() }, "open " + in + "/f: file already closed"},
	} {
		must(t, os.RemoveAll(filepath.Join(in, "f")))
		must(t, tt.change())
		if _, err := c.Open(t.Context(), f); err == nil || err.Error() != tt.err {
			t.Errorf("got %v, want %s", err, tt.err)
		}
	}
}

// TestReadAgain changes a file of several blocks behind the capture.
func TestReadAgain(t *testing.T) {
	const size = 2*blockSize + 1000
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i % 251)
	}
	dir := t.TempDir()
	tree(t, dir, map[string]string{"sub/f": string(content)})
	name := filepath.Join(dir, "sub", "f")
	c, err := capturePath(t, Options{Path: dir})
	must(t, err)

	for _, tt := range []struct {
		change string
		at     int64 // one byte is another one
		size   int64 // the file is so long
		read   int   // so much is read before it is seen
	}{
		{"none", -1, size, size},
		{"longer", -1, size + 1, size},
		{"the first byte", 0, size, 0},
		{"in the second block", blockSize + 5, size, blockSize},
		{"the last byte", size - 1, size, 2 * blockSize},
		{"cut at a block", -1, 2 * blockSize, 2 * blockSize},
		{"cut in a block", -1, 2*blockSize + 10, 2 * blockSize},
		{"empty", -1, 0, 0},
	} {
		changed := slices.Clone(content)
		if tt.at >= 0 {
			changed[tt.at]++
		}
		must(t, os.WriteFile(name, changed, 0o600))
		must(t, os.Truncate(name, tt.size))
		for _, buffer := range []int{1000, blockSize - 1, blockSize, 10 * blockSize} {
			t.Run(fmt.Sprint(tt.change, ", ", buffer, " bytes at a time"), func(t *testing.T) {
				for _, offset := range []int64{0, 1, blockSize - 1, blockSize, blockSize + 7, 2*blockSize + 1, size - 1, size} {
					got, err := readAt(t, c, offset, buffer)
					// What stands before the offset is checked only in the offset's own block.
					if tt.at >= 0 && offset/blockSize > tt.at/blockSize || tt.read == size {
						must(t, err)
						if !bytes.Equal(got, content[offset:]) {
							t.Errorf("from %d: read %d bytes, want those that were captured", offset, len(got))
						}
						continue
					}
					if want := content[min(offset, int64(tt.read)):tt.read]; !bytes.Equal(got, want) {
						t.Errorf("from %d: read %d bytes, want %d that were captured", offset, len(got), len(want))
					}
					if want := "read " + name + ": " + remote.ErrMoved.Error(); !errors.Is(err, remote.ErrMoved) || err.Error() != want {
						t.Errorf("from %d: got %v, want %s", offset, err, want)
					}
				}
			})
		}
	}
}

// readAt reads the capture's only file from an offset, so many bytes at a time.
func readAt(t *testing.T, c remote.Capture, offset int64, buffer int) ([]byte, error) {
	body, err := c.(remote.Checked).OpenAt(t.Context(), c.Files()[0], offset)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var got bytes.Buffer
	_, err = io.CopyBuffer(struct{ io.Writer }{&got}, struct{ io.Reader }{body}, make([]byte, buffer))
	return got.Bytes(), err
}

// TestNearby opens files by folders that come and go.
func TestNearby(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"a/1": "a1", "a/2": "a2", "b/c/1": "bc1", "top": "top", "a/out": "-> ../top", "b/link": "-> ../a"}
	tree(t, dir, files)
	root, err := os.OpenRoot(dir)
	must(t, err)
	n := &nearby{}
	read := func(name string) string {
		f, err := n.open(place{root, name})
		if err != nil {
			return err.Error()
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		must(t, err)
		return string(data)
	}
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			for range 200 {
				for name, want := range map[string]string{
					"a/1": "a1", "a/2": "a2", "b/c/1": "bc1", "top": "top", "a/out": "top", "b/link/1": "a1",
					"a/3": "openat a/3: no such file or directory", "d/1": "openat d/1: no such file or directory",
				} {
					if got := read(name); got != want {
						t.Errorf("%s: got %q, want %q", name, got, want)
					}
				}
			}
		})
	}
	g.Wait()
	n.close()
	must(t, root.Close())
	if _, err := n.open(place{root, "a/1"}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

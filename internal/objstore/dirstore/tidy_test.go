package dirstore_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
)

// leave puts a temporary file into a store, as a killed writer would.
func leave(t *testing.T, dir, name, content string, written time.Time) {
	t.Helper()
	path := filepath.Join(dir, ".dirstore", "tmp", name)
	if err := os.WriteFile(path, []byte(content), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, written, written); err != nil {
		t.Fatal(err)
	}
}

func tidied(t *testing.T, s *dirstore.Store, before time.Time, apply bool, files int, bytes int64) {
	t.Helper()
	if gotFiles, gotBytes, err := s.Tidy(t.Context(), before, apply); gotFiles != files || gotBytes != bytes || err != nil {
		t.Errorf("tidied %d files of %d bytes, %v, want %d of %d", gotFiles, gotBytes, err, files, bytes)
	}
}

// Tidy removes temporary files that are old enough, and nothing else.
func TestTidy(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	now := time.Now()
	tidied(t, s, now, true, 0, 0) // nothing was ever written
	if err := create(t, s, "object"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(t.Context(), "register", "", []byte("{}"), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	leave(t, dir, "OLD", "12345", now.Add(-2*time.Hour))
	leave(t, dir, "OLDER", "1234567", now.Add(-3*time.Hour))
	leave(t, dir, "YOUNG", "1", now.Add(-time.Minute))
	if err := os.Mkdir(filepath.Join(dir, ".dirstore", "tmp", "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := now.Add(-time.Hour)
	tidied(t, s, before, false, 2, 12)
	tidied(t, s, before, true, 2, 12)
	tidied(t, s, before, true, 0, 0)
	left, err := filepath.Glob(filepath.Join(dir, ".dirstore", "tmp", "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left %q, %v, want YOUNG and the folder", left, err)
	}
	for _, key := range []string{"object", "register"} {
		if _, err := s.Stat(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Tidy(ctx, now, true); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// midway calls a function when the reader before it has been read.
type midway func()

func (f midway) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

// A write in progress is not touched within the grace period. Without a grace
// period it fails as a whole, and can be repeated.
func TestTidyDuringCreate(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	during := func(tidy midway) objstore.Body {
		body := objstore.Bytes([]byte("content"))
		body.OpenAt = nil
		body.Open = func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("con"), tidy, strings.NewReader("tent"))), nil
		}
		return body
	}
	within := func() { tidied(t, s, time.Now().Add(-time.Hour), true, 0, 0) }
	if err := s.Create(t.Context(), "a", during(within), objstore.Attributes{}); err != nil {
		t.Errorf("tidied within the grace period: %v", err)
	}
	beyond := func() { tidied(t, s, time.Now().Add(time.Hour), true, 1, int64(len("con"))) }
	if err := s.Create(t.Context(), "b", during(beyond), objstore.Attributes{}); !errors.Is(err, objstore.ErrUnavailable) {
		t.Errorf("tidied beyond it: %v, want ErrUnavailable", err)
	}
	if _, err := s.Stat(t.Context(), "b"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("stat: %v, want ErrNotFound", err)
	}
	if err := create(t, s, "b"); err != nil {
		t.Error(err)
	}
}

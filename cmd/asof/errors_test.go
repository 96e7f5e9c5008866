package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// What a user can do about an error, and the exit code.
func TestHints(t *testing.T) {
	parse := errors.New("it does not begin with {")
	for _, tt := range []struct {
		err  error
		code int
		hint string
	}{
		{&fs.PathError{Op: "write", Path: "a", Err: syscall.ENOSPC}, 1, "free space on the disk"},
		{fmt.Errorf("open store: %w", fmt.Errorf("%w: %w", objstore.ErrDenied, &fs.PathError{Op: "open", Path: "a", Err: syscall.EACCES})), 1, "check the permissions of the folder"},
		{fmt.Errorf("create a: %w", fmt.Errorf("%w: %w", objstore.ErrDenied, syscall.EROFS)), 1, "its file system can only be read: mount it for writing, or use another folder"},
		{objstore.ErrDenied, 1, "check the credentials in the environment and what they may do"},
		{&catalog.DamagedError{Key: manifest.RegistryKey, Err: parse}, 6, "asof rebuild writes it anew from the store's records"},
		{&catalog.DamagedError{Key: manifest.IndexKey("a/b"), Err: parse}, 6, "asof rebuild writes it anew from the store's records"},
		{&catalog.DamagedError{Key: manifest.StagedKey("a/b"), Err: parse}, 1, ""},
		{fmt.Errorf("create k: %w", &fs.PathError{Op: "write", Path: "/srv/store/.dirstore/tmp/x", Err: syscall.ENOSPC}), 1, "free space on the disk of /srv/store/.dirstore/tmp"},
		{&fs.PathError{Op: "write", Path: filepath.Join(os.TempDir(), "asof-apt-1/2"), Err: syscall.ENOSPC}, 1, "free space on the disk of " + os.TempDir() + ", or let TMPDIR name another folder"},
		{&fs.PathError{Op: "write", Path: "/srv/store/x", Err: syscall.EDQUOT}, 1, "free space, or raise the quota on the disk of /srv/store"},
		{&fs.PathError{Op: "open", Path: "/srv/store/x", Err: syscall.EMFILE}, 1, "allow more open files (ulimit -n), or lower concurrency"},
		{fmt.Errorf("open: %w", fmt.Errorf("%w: %w", objstore.ErrUnavailable, syscall.ENFILE)), 1, "this machine has too many open files: close some, or lower concurrency"},
		{&retry.GaveUpError{Err: &remote.TemporaryError{Err: errors.New("503 Service Unavailable")}}, 1, "run the same command again when it is back; patience says how long to wait"},
	} {
		if code := exitCode(tt.err); code != tt.code {
			t.Errorf("%v: exit code %d, want %d", tt.err, code, tt.code)
		}
		var out strings.Builder
		report(&out, tt.err)
		want := fmt.Sprintf("error: %v\n", tt.err)
		if tt.hint != "" {
			want += "hint: " + tt.hint + "\n"
		}
		if out.String() != want {
			t.Errorf("it says %q, want %q", out.String(), want)
		}
	}
}

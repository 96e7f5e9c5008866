package fetch

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLocal(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "in side")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	must(os.WriteFile(filepath.Join(top, "outside"), []byte("secret"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "sub", "a#b"), []byte("hello"), 0o600))
	must(os.Symlink("sub/a#b", filepath.Join(dir, "inner")))
	must(os.Symlink("../outside", filepath.Join(dir, "outer")))
	must(os.Symlink("nothing", filepath.Join(dir, "dangling")))
	modified := time.Date(2025, 3, 18, 14, 3, 40, 0, time.UTC)
	must(os.Chtimes(filepath.Join(dir, "sub", "a#b"), modified, modified.Add(999*time.Millisecond)))

	base := &url.URL{Scheme: "file", Path: dir + "/PULP_MANIFEST"}
	c := newClient(t, base.String(), Options{}, Env{})
	host := (&url.URL{Scheme: "file", Path: dir}).String()
	for _, tt := range []struct {
		path string
		size int64
		body string
		err  string
	}{
		{"sub/a#b", 5, "hello", "nil"},
		{"sub/a#b", -1, "hello", "nil"},
		{"inner", 5, "hello", "nil"},
		{"sub/a#b", 6, "", "get HOST/sub/a%23b: has 5 bytes, expected 6"},
		{"outer", -1, "", "get HOST/outer: a symbolic link leads out of the folder"},
		{"../outside", -1, "", "get HOST/../outside: path escapes from parent"},
		{"dangling", -1, "", "get HOST/dangling: no such file or directory"},
		{"sub", -1, "", "get HOST/sub: not a regular file"},
	} {
		body, err := read(t.Context(), c, c.URL(tt.path), tt.size)
		check(t, err, host, tt.err, false)
		if body != tt.body {
			t.Errorf("%s: %q", tt.path, body)
		}
	}
	if got, err := c.Modified(t.Context(), c.URL("inner")); err != nil || !got.Equal(modified) {
		t.Errorf("modified %v, %v", got, err)
	}
	_, err := c.Modified(t.Context(), c.URL("nothing"))
	check(t, err, host, "head HOST/nothing: no such file or directory", false)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("does not match fs.ErrNotExist")
	}
	_, err = c.Get(t.Context(), &url.URL{Scheme: "file", Path: filepath.Join(top, "outside")}, -1)
	check(t, err, "file://"+top, "get HOST/outside: not in the upstream's folder", false)
	_, err = c.Get(t.Context(), &url.URL{Scheme: "http", Host: "host", Path: dir + "/inner"}, -1)
	check(t, err, (&url.URL{Scheme: "http", Host: "host", Path: dir}).String(), "get HOST/inner: not in the upstream's folder", false)

	ctx, cancel := context.WithCancel(t.Context())
	resp, err := c.Get(ctx, c.URL("inner"), 5)
	must(err)
	cancel()
	_, err = resp.Body.Read(make([]byte, 1))
	check(t, err, host, "get HOST/inner: context canceled", false)
	_, err = c.Get(ctx, c.URL("inner"), 5)
	check(t, err, host, "get HOST/inner: context canceled", false)
}

func TestLocalMissingFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	c := newClient(t, "file://"+dir+"/M", Options{}, Env{})
	_, err := c.Get(t.Context(), c.URL("M"), -1)
	check(t, err, dir, "get file://HOST/M: no such file or directory", false)
}

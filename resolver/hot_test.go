package resolver

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/manifest"
)

// TestHot holds that a small file is read once, and then answered from memory in
// every form; also where another checkpoint has the same content.
func TestHot(t *testing.T) {
	s := serve(t, Options{})
	target := "/checkpoints/full/" + exact + "/big.bin"
	s.get(target, "Range", "bytes=8-15")
	s.wantCalls("manifest", "manifest", "open checkpoints/full/"+exact+"/big.bin 8 8")
	cold := s.get(target)
	s.wantCalls("open checkpoints/full/" + exact + "/big.bin 0 -1")
	warm := s.get(target)
	if !bytes.Equal(cold.Body.Bytes(), warm.Body.Bytes()) || warm.Body.Len() != bigSize {
		t.Errorf("%d bytes, then %d", cold.Body.Len(), warm.Body.Len())
	}
	for name, want := range cold.Result().Header {
		if got := warm.Result().Header[name]; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: %q, then %q", name, want, got)
		}
	}
	if res := s.get(target, "Range", "bytes=8-15"); res.Code != http.StatusPartialContent || res.Body.String() != "0000001\n" {
		t.Errorf("range: %d %q", res.Code, res.Body)
	}
	if res := s.get(target, "Range", "bytes=0-0,8-15"); res.Code != http.StatusPartialContent || !strings.Contains(res.Body.String(), "0000001\n") {
		t.Errorf("ranges: %d %q", res.Code, res.Body)
	}
	s.wantCalls()
	s.want("/checkpoints/thin/"+newest+"/big.bin", http.StatusOK, "")
	s.wantCalls("manifest", "manifest")
}

// TestHotBound holds that what does not fit streams, and that reading into
// memory is bounded.
func TestHotBound(t *testing.T) {
	target := "/checkpoints/full/" + exact + "/big.bin"
	s := serve(t, Options{HotBytes: bigSize})
	for range 2 {
		s.want(target, http.StatusOK, "")
	}
	s.wantCalls("manifest", "manifest", "open checkpoints/full/"+exact+"/big.bin 0 -1", "open checkpoints/full/"+exact+"/big.bin 0 -1")
	s = serve(t, Options{})
	for range hotLoads {
		s.hot.slots <- struct{}{}
	}
	if res := s.want(target, http.StatusOK, ""); res.Body.Len() != bigSize || s.hot.cache.bytes != 0 {
		t.Errorf("%d bytes, %d in memory", res.Body.Len(), s.hot.cache.bytes)
	}
}

// TestHotCorrupt holds that a small file with wrong bytes is not served.
func TestHotCorrupt(t *testing.T) {
	s := serve(t, Options{})
	target := "/checkpoints/thin/" + exact + "/big.bin"
	s.store.set(nil, func(key string, r io.ReadCloser) io.ReadCloser {
		if strings.HasPrefix(key, manifest.ManifestPrefix) {
			return r
		}
		return io.NopCloser(io.MultiReader(strings.NewReader("x"), r))
	})
	s.want(target, http.StatusServiceUnavailable, "")
	if !strings.Contains(s.log.String(), errCorrupt.Error()) {
		t.Errorf("log: %s", s.log)
	}
	s.store.set(nil, nil)
	s.want(target, http.StatusOK, "")
}

// TestSendfile covers a file that is too large for memory, from a folder to a
// real connection: whole, in part, and shorter than it should be.
func TestSendfile(t *testing.T) {
	dir := t.TempDir()
	folder, err := dirstore.New(dir, dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), hotSize/8)
	build := oneFile(t, folder, "large.bin", content)
	var log bytes.Buffer
	r := New(Options{Store: folder, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	get := func(ranged string) (int, []byte, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/large/"+build+"/large.bin", nil)
		if err != nil {
			t.Fatal(err)
		}
		if ranged != "" {
			req.Header.Set("Range", ranged)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return res.StatusCode, body, err
	}
	if status, got, err := get(""); status != http.StatusOK || err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d with %d bytes, %v", status, len(got), err)
	}
	if status, got, err := get("bytes=5-300004"); status != http.StatusPartialContent || err != nil || !bytes.Equal(got, content[5:300005]) {
		t.Errorf("%d with %d bytes, %v", status, len(got), err)
	}
	name := filepath.Join(dir, "large", build, "large.bin")
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, hotSize); err != nil {
		t.Fatal(err)
	}
	if status, got, err := get(""); err == nil {
		t.Errorf("of a file that was cut: %d with %d bytes and no error", status, len(got))
	}
	server.Close() // waits for the handler that writes the log
	if !strings.Contains(log.String(), errCorrupt.Error()) {
		t.Errorf("log: %s", log.String())
	}
}

// oneFile writes a repo of one full checkpoint with one file, under the file's
// name up to its point, and returns the checkpoint's id.
func oneFile(t testing.TB, store objstore.Store, name string, content []byte) string {
	t.Helper()
	const id = "20250101T000000Z"
	put := func(key string, data []byte) {
		if _, err := objstore.Put(t.Context(), store, key, objstore.Bytes(data), objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	tree := func(entries ...manifest.Entry) manifest.Root {
		b := manifest.NewBuilder()
		for _, e := range entries {
			if err := b.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		root, err := b.Finish()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(root.Object(entries))
		if err != nil {
			t.Fatal(err)
		}
		put(manifest.ManifestKey(root.Name), data)
		return root
	}
	base, _, _ := strings.Cut(name, ".")
	files := tree(manifest.Entry{Path: name, Size: int64(len(content)), SHA256: manifest.Sum(content)})
	pages := tree()
	put(base+"/"+id+"/"+name, content)
	index, err := manifest.NewIndex(base).Append(manifest.Checkpoint{
		ID: mustID(t, id), Manifest: files.Name, Content: files.Content, Pages: pages.Name, Files: files.Files, Bytes: files.Bytes, Layout: manifest.Full,
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := index.Encode()
	if err == nil {
		_, err = store.Swap(t.Context(), manifest.IndexKey(base), "", data, objstore.Attributes{})
	}
	registry := manifest.Registry{Generation: 1, Repos: []manifest.Repo{{Name: base, Base: base}}}
	if err == nil {
		data, err = registry.Encode()
	}
	if err == nil {
		_, err = store.Swap(t.Context(), manifest.RegistryKey, "", data, objstore.Attributes{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

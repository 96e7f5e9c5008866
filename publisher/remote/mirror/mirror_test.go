package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// upstream is a web server whose documents have digests as ETags.
type upstream struct {
	*testing.T
	client *fetch.Client

	mu       sync.Mutex
	files    map[string]string
	state    string // a folder to which all other names redirect; empty: none
	requests []string
}

func newUpstream(t *testing.T, files map[string]string) *upstream {
	t.Helper()
	up := &upstream{T: t, files: files}
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	base, err := fetch.ParseURL(server.URL + "/")
	must(t, err)
	up.client, err = fetch.New(base, fetch.Options{}, fetch.Env{
		LookupEnv: func(string) (string, bool) { return "", false },
		Gates:     new(remotetest.Clock).Gates(nil),
	})
	must(t, err)
	return up
}

func (up *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	up.mu.Lock()
	defer up.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	request := name
	if r.Header.Get("If-None-Match") != "" {
		request += " unless"
	}
	up.requests = append(up.requests, request)
	data, ok := up.files[name]
	switch {
	case up.state != "" && !strings.Contains(name, "/"):
		http.Redirect(w, r, "/"+up.state+"/"+name, http.StatusFound)
	case ok:
		w.Header().Set("ETag", `"`+manifest.Sum([]byte(data)).String()+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(data))
	case strings.HasPrefix(name, "secret"):
		w.WriteHeader(http.StatusForbidden)
	default:
		http.NotFound(w, r)
	}
}

// take returns the requests since the last call.
func (up *upstream) take() []string {
	up.mu.Lock()
	defer up.mu.Unlock()
	list := up.requests
	up.requests = nil
	return list
}

func (up *upstream) session(prev remote.Previous) *Session {
	up.Helper()
	s, err := NewSession(up.client, prev, slog.New(slog.DiscardHandler), "test")
	must(up, err)
	up.Cleanup(func() { s.Close() })
	return s
}

// stored is a checkpoint.
type stored struct {
	files map[string]string
	known map[string]remote.Validator
}

func (p *stored) Find(_ context.Context, path string) (remote.File, bool, error) {
	data, ok := p.files[path]
	return remote.File{Path: path, Size: int64(len(data)), SHA256: manifest.Sum([]byte(data))}, ok, nil
}

func (p *stored) Open(_ context.Context, f remote.File) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(p.files[f.Path])), nil
}

func (p *stored) Validator(_ context.Context, f remote.File) remote.Validator { return p.known[f.Path] }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func names() []RootName {
	return []RootName{
		{Path: "root", Phase: remote.Root}, {Path: "root.asc", Phase: remote.Signature},
		{Path: "secret", Phase: remote.Signature}, {Path: "missing", Phase: remote.Signature},
	}
}

// Where the first root document is redirected to one state, all else is asked for
// there, whatever the name stands for by then.
func TestMovingName(t *testing.T) {
	up := newUpstream(t, map[string]string{"1/root": "1", "1/other": "1", "1/file": "1", "2/root": "2", "2/other": "2", "2/file": "2"})
	up.state = "1"
	capture := func(prev remote.Previous) *Roots {
		t.Helper()
		s := up.session(prev)
		roots, err := s.ReadRoots(t.Context(), 8, RootName{Path: "root", Phase: remote.Root}, RootName{Path: "missing", Phase: remote.Signature})
		must(t, err)
		up.state = "2"
		others, err := s.ReadRoots(t.Context(), 8, RootName{Path: "other", Phase: remote.Root})
		must(t, err)
		file, err := s.Download(t.Context(), "file", Listed{Size: 1})
		must(t, err)
		must(t, s.Settled(t.Context(), roots, 8))
		if string(roots.Documents[0].Data) != "1" || string(others.Documents[0].Data) != "1" || file.SHA256 != manifest.Sum([]byte("1")) {
			t.Errorf("%+v, %+v, %+v", roots, others, file)
		}
		up.state = "1"
		return roots
	}
	roots := capture(nil)
	if got, want := up.take(), []string{"root", "1/root", "1/missing", "1/other", "1/file", "1/root"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// So it is where a condition proves that the document did not change.
	capture(&stored{map[string]string{"root": "1"}, map[string]remote.Validator{"root": roots.Documents[0].validator}})
	if got, want := up.take(), []string{"root unless", "1/root unless", "1/other", "1/file", "1/root"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Root documents are read together, and next time by one conditional request.
func TestRoots(t *testing.T) {
	up := newUpstream(t, map[string]string{"root": "1", "root.asc": "signed 1"})
	s := up.session(nil)
	roots, err := s.ReadRoots(t.Context(), 8, names()...)
	must(t, err)
	if got := up.take(); !slices.Equal(got, []string{"root", "root.asc", "secret", "missing"}) || len(roots.Documents) != 2 || roots.Unchanged() {
		t.Errorf("%q, %+v", got, roots)
	}
	if doc := roots.Find("root.asc"); string(doc.Data) != "signed 1" || doc.Phase != remote.Signature || roots.Find("missing") != nil {
		t.Errorf("%+v", doc)
	}
	must(t, s.Settled(t.Context(), roots, 8))
	tree := s.Tree()
	tree.AddRoots(roots)

	prev := &stored{map[string]string{"root": "1", "root.asc": "signed 1"}, tree.Validators()}
	s = up.session(prev)
	up.take()
	roots, err = s.ReadRoots(t.Context(), 8, names()...)
	must(t, err)
	if got := up.take(); !slices.Equal(got, []string{"root unless"}) || !roots.Unchanged() || len(roots.Documents) != 2 || string(roots.Documents[1].Data) != "signed 1" {
		t.Errorf("%q, %+v", got, roots)
	}
	must(t, s.Settled(t.Context(), roots, 8))
	up.files["root"] = "2"
	if err := s.Settled(t.Context(), roots, 8); !errors.Is(err, remote.ErrMoved) {
		t.Error(err)
	}
	up.take()
	roots, err = s.ReadRoots(t.Context(), 8, names()...)
	must(t, err)
	if got := up.take(); len(got) != 4 || roots.Unchanged() || string(roots.Documents[0].Data) != "2" {
		t.Errorf("%q, %+v", got, roots)
	}
	delete(up.files, "root")
	if err := s.Settled(t.Context(), roots, 8); !errors.Is(err, remote.ErrMoved) {
		t.Error(err)
	}

	// What is too long, or not what the store should have.
	up.files["root"] = "123456789"
	if _, err := s.ReadRoots(t.Context(), 8, names()...); err == nil || !strings.HasSuffix(err.Error(), "/root: has more than 8 bytes") {
		t.Error(err)
	}
	if _, err := Stored(t.Context(), nil, "root", 8); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Stored(t.Context(), &damaged{prev}, "root", 8); err == nil || err.Error() != "root: the store has other bytes than the newest checkpoint says" {
		t.Error(err)
	}
}

type damaged struct{ *stored }

func (*damaged) Open(context.Context, remote.File) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("x")), nil
}

// Files are taken from the newest checkpoint or from upstream, and verified.
func TestSpool(t *testing.T) {
	up := newUpstream(t, map[string]string{"a": "test", "b": "text"})
	s := up.session(&stored{files: map[string]string{"a": "test", "b": "test"}})
	listed := func(sums Sums) Listed { return Listed{4, sums} }
	for _, tt := range []struct {
		path  string
		want  Listed
		found bool
	}{
		{"a", listed(Sums{SHA256: testSHA256}), true},
		{"a", listed(Sums{SHA512: testSHA512}), true},
		{"a", listed(Sums{SHA512: zeros(testSHA512)}), false},
		{"a", Listed{5, Sums{SHA256: testSHA256}}, false},
		{"a", listed(Sums{SHA256: zeros(testSHA256)}), false},
		{"c", listed(Sums{SHA256: testSHA256}), false},
	} {
		for _, keep := range []bool{false, true} {
			f, ok, err := s.Reuse(t.Context(), tt.path, tt.want, keep)
			if err != nil || ok != tt.found || ok && (f.Kept() != keep || f.SHA256 != manifest.Sum([]byte("test")) || f.Size != 4) {
				t.Errorf("%+v: %+v, %v, %v", tt, f, ok, err)
			}
		}
	}
	f, err := s.Download(t.Context(), "a", listed(Sums{SHA1: testSHA1}))
	if err != nil || !f.Kept() || f.SHA256 != manifest.Sum([]byte("test")) {
		t.Errorf("%+v, %v", f, err)
	}
	body, err := f.Open()
	must(t, err)
	defer body.Close()
	if data, err := io.ReadAll(body); string(data) != "test" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	for what, tt := range map[string]struct {
		path string
		want Listed
		text string
	}{
		"another":     {"b", listed(Sums{SHA256: testSHA256}), "/b: its SHA256 is "},
		"longer":      {"a", Listed{3, Sums{SHA256: testSHA256}}, "/a: has 4 bytes, expected 3"},
		"not listed":  {"a", Listed{-1, Sums{SHA1: zeros(testSHA1)}}, "/a: its SHA1 is "},
		"not there":   {"c", listed(Sums{SHA256: testSHA256}), "/c: 404 Not Found"},
		"not allowed": {"secret", listed(Sums{SHA256: testSHA256}), "/secret: 403 Forbidden"},
	} {
		_, err := s.Download(t.Context(), tt.path, tt.want)
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %s", what, err, tt.text)
		}
		if absent := strings.HasPrefix(what, "not "); absent && what != "not listed" && !Absent(err) || !absent && !errors.Is(err, remote.ErrMoved) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if size, err := s.Size(t.Context(), "b"); size != 4 || err != nil {
		t.Errorf("%d, %v", size, err)
	}
	if _, err := s.Size(t.Context(), "c"); !errors.Is(err, remote.ErrMoved) {
		t.Error(err)
	}
}

// A tree gives what was captured, and says of what upstream no longer has that it
// moved on.
func TestTree(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	up := newUpstream(t, map[string]string{"root": "1", "index": "test", "pool/a": "test", "pool/b": "test", "pool/c": "test", "pool/d": "longer"})
	s := up.session(nil)
	roots, err := s.ReadRoots(t.Context(), 8, RootName{Path: "root", Phase: remote.Root})
	must(t, err)
	index, err := s.Download(t.Context(), "index", Listed{4, Sums{SHA256: testSHA256}})
	must(t, err)
	tree := s.Tree()
	var _ interface {
		remote.Moving
		remote.Revalidating
	} = tree
	for _, name := range []string{"d", "c", "b", "a"} {
		f := remote.File{Path: "pool/" + name, Size: 4, SHA256: manifest.Sum([]byte("test"))}
		beside := map[string]*Sums{"a": {SHA512: testSHA512}, "b": {SHA512: zeros(testSHA512)}}[name]
		tree.AddFile(f, beside)
	}
	tree.AddSpooled("index", index, remote.Index)
	tree.AddRoots(roots)
	must(t, tree.Sort("HOST"))
	up.files["root"], up.files["index"] = "2", "other"
	delete(up.files, "pool/c")
	var got []string
	for _, f := range tree.Files() {
		content, err := tree.Open(t.Context(), f)
		var data []byte
		if err == nil {
			data, err = io.ReadAll(content.Body)
			content.Body.Close()
		}
		moved := ""
		if errors.Is(err, remote.ErrMoved) {
			moved, data = "moved", nil
		} else if err != nil {
			t.Error(err)
		}
		got = append(got, strings.TrimSpace(fmt.Sprint(f.Path, " ", f.Phase, " ", string(data), moved)))
	}
	want := []string{"index 1 test", "pool/a 0 test", "pool/b 0 moved", "pool/c 0 moved", "pool/d 0 moved", "root 3 1"}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	must(t, tree.Close())
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	tree.AddFile(remote.File{Path: "root/x"}, nil)
	if err := tree.Sort("HOST"); fmt.Sprint(err) != `HOST: path "root/x" stands below "root", which is a file` {
		t.Error(err)
	}
}

// A file may stand elsewhere than at its path, in the tree as in the session.
func TestElsewhere(t *testing.T) {
	up := newUpstream(t, map[string]string{"packages/ab/a.whl": "wheel"})
	s, err := NewSession(up.client, nil, slog.New(slog.DiscardHandler), "test")
	must(t, err)
	s.At("files/a.whl", up.client.URL("packages/ab/a.whl"))
	got, err := s.Download(t.Context(), "files/a.whl", Listed{Size: 5})
	must(t, err)
	if size, err := s.Size(t.Context(), "files/a.whl"); size != 5 || err != nil {
		t.Errorf("%d, %v", size, err)
	}
	tree := s.Tree()
	f := remote.File{Path: "files/a.whl", Size: got.Size, SHA256: got.SHA256}
	tree.AddFile(f, nil)
	content, err := tree.Open(t.Context(), f)
	must(t, err)
	data, err := io.ReadAll(content.Body)
	if string(data) != "wheel" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	must(t, content.Body.Close())
	_, err = tree.Modified(t.Context(), f)
	must(t, err)
	if list := slices.Compact(up.take()); !slices.Equal(list, []string{"packages/ab/a.whl"}) {
		t.Errorf("%q", list)
	}
	must(t, tree.Close())
}

package edge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/resolvertest"
)

// The worker answers the table in Cloudflare's own runtime: from a bucket binding
// and from an origin, with a cache and without.
func TestWorker(t *testing.T) {
	f := resolvertest.Load(t)
	for name, store := range map[string]func(*bucket, *testing.T) binding{"r2": (*bucket).asR2, "origin": (*bucket).asOrigin} {
		t.Run(name, func(t *testing.T) {
			b := &bucket{objects: map[string][]byte{}}
			for _, o := range f.Objects {
				b.objects["some/prefix/"+o.Key] = o.Bytes()
			}
			url := startWorkerd(t, store(b, t))
			f.Run(t, url, resolvertest.Options{Skip: notByWorker})
			// One cache for both layouts: it goes by the content.
			reads := func() int { return b.count(blobKey(t, f)) + b.count("checkpoints/full/20250318T140338Z/big.bin") }
			before := reads()
			if before == 0 {
				t.Error("big.bin was never read")
			}
			f.Run(t, url, resolvertest.Options{Skip: notByWorker})
			if n := reads() - before; n != 0 {
				t.Errorf("big.bin was read %d times although it is in the cache", n)
			}
		})
	}
}

// While the store does not answer the worker goes on with what it knows, and says
// 503 of the rest; an older state it never takes.
func TestWorkerStoreAway(t *testing.T) {
	f := resolvertest.Load(t)
	b := &bucket{objects: map[string][]byte{}}
	for _, o := range f.Objects {
		b.objects["some/prefix/"+o.Key] = o.Bytes()
	}
	url := startWorkerd(t, b.asR2(t))
	const redirect, file = "/checkpoints/full/20250319/1.iso", "/checkpoints/full/20250318T140338Z/big.bin"
	want := func(target string, status int) *http.Response {
		t.Helper()
		res, err := http.DefaultTransport.RoundTrip(newRequest(t, url+target))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: %d, want %d", target, res.StatusCode, status)
		}
		return res
	}
	want(redirect, http.StatusMovedPermanently)
	b.set(func() { b.fail = true })
	time.Sleep(100 * time.Millisecond) // what it knows is stale
	want(redirect, http.StatusMovedPermanently)
	if res := want(file, http.StatusServiceUnavailable); res.Header.Get("Retry-After") != "5" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", res.Header)
	}
	want("/checkpoints/thin/latest/", http.StatusServiceUnavailable) // an index that was never read

	key := "some/prefix/checkpoints/full/checkpoints.json"
	b.set(func() {
		b.fail = false
		b.objects[key] = bytes.Replace(b.objects[key], []byte(`"horizon":"20250401T000000Z"`), []byte(`"horizon":"20250320T101500Z"`), 1)
	})
	time.Sleep(100 * time.Millisecond)
	want("/checkpoints/full/20250401T000000Z/1.iso", http.StatusMovedPermanently)
	want(file, http.StatusOK)
}

// A register that was lost before the worker ever read it is not taken for one that never
// was.
func TestWorkerLost(t *testing.T) {
	for name, f := range resolvertest.Load(t).Lost() {
		for kind, store := range map[string]func(*bucket, *testing.T) binding{"r2": (*bucket).asR2, "origin": (*bucket).asOrigin} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				b := &bucket{objects: map[string][]byte{}}
				for _, o := range f.Objects {
					b.objects["some/prefix/"+o.Key] = o.Bytes()
				}
				f.Run(t, startWorkerd(t, store(b, t)), resolvertest.Options{})
			})
		}
	}
}

// With PUBLIC_URL mirror lists name it, whatever host is asked.
func TestWorkerPublicURL(t *testing.T) {
	f := resolvertest.Load(t)
	b := &bucket{objects: map[string][]byte{}}
	for _, o := range f.Objects {
		b.objects["some/prefix/"+o.Key] = o.Bytes()
	}
	to := b.asR2(t)
	to.binding += `, (name = "PUBLIC_URL", text = "https://public.example/asof/")`
	f.Run(t, startWorkerd(t, to), resolvertest.Options{Skip: notByWorker, Origin: "https://public.example/asof"})
}

// With SANDBOX browsers run nothing of upstream's as the worker's own.
func TestWorkerSandbox(t *testing.T) {
	f := resolvertest.Load(t).Sandboxed()
	b := &bucket{objects: map[string][]byte{}}
	for _, o := range f.Objects {
		b.objects["some/prefix/"+o.Key] = o.Bytes()
	}
	to := b.asR2(t)
	to.binding += `, (name = "SANDBOX", text = "true")`
	f.Run(t, startWorkerd(t, to), resolvertest.Options{})
}

// A horizon that lies in the future may be taken back: nothing up there was final.
func TestWorkerFutureTakenBack(t *testing.T) {
	f := resolvertest.Load(t)
	b := &bucket{objects: map[string][]byte{}}
	for _, o := range f.Objects {
		b.objects["some/prefix/"+o.Key] = o.Bytes()
	}
	key := "some/prefix/checkpoints/full/checkpoints.json"
	past, future := []byte(`"horizon":"20250401T000000Z"`), []byte(`"horizon":"29990101T000000Z"`)
	taken := b.objects[key]
	b.objects[key] = bytes.Replace(taken, past, future, 1)
	url := startWorkerd(t, b.asR2(t))
	want := func(target string, status int) {
		t.Helper()
		res, err := http.DefaultTransport.RoundTrip(newRequest(t, url+target))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("%s: %d, want %d", target, res.StatusCode, status)
		}
	}
	const between = "/checkpoints/full/29980101T000000Z/1.iso"
	want(between, http.StatusTemporaryRedirect)
	b.set(func() { b.objects[key] = taken })
	time.Sleep(100 * time.Millisecond) // what it knows is stale
	want(between, http.StatusNotFound)
}

// What does not hold what its name says answers nothing, and an object that ends
// too early cuts the connection.
func TestWorkerDamage(t *testing.T) {
	f := resolvertest.Load(t)
	for name, store := range map[string]func(*bucket, *testing.T) binding{"r2": (*bucket).asR2, "origin": (*bucket).asOrigin} {
		t.Run(name, func(t *testing.T) {
			b := &bucket{objects: map[string][]byte{}}
			for _, o := range f.Objects {
				data := bytes.Clone(o.Bytes())
				switch {
				case strings.HasPrefix(o.Key, ".asof/manifests/") && bytes.Contains(data, []byte("  removed.txt\n")):
					data[len(data)-1] = 'X' // of the older checkpoint
				case o.Key == blobKey(t, f):
					data = data[:1000]
				}
				b.objects["some/prefix/"+o.Key] = data
			}
			url := startWorkerd(t, store(b, t))
			get := func(target string) (int, []byte, error) {
				res, err := http.DefaultTransport.RoundTrip(newRequest(t, url+target))
				if err != nil {
					return 0, nil, err
				}
				defer res.Body.Close()
				body, err := io.ReadAll(res.Body)
				return res.StatusCode, body, err
			}
			if status, body, err := get("/checkpoints/thin/20250310T120000Z/1.iso"); err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("a damaged manifest: %d %.100q %v", status, body, err)
			}
			if status, body, err := get("/checkpoints/thin/20250318T140338Z/big.bin"); err == nil && status == http.StatusOK {
				t.Errorf("a file that was cut off passes for whole, with %d bytes", len(body))
			}
		})
	}
}

// A path that never was has the worker read a bounded number of earlier manifests, and
// none once it knows them. What lies further back is found when asked for again.
func TestWorkerEarlier(t *testing.T) {
	newest := manifest.IDOf(time.Now())
	b := &bucket{objects: map[string][]byte{}}
	f := resolvertest.History(t, 40, newest)
	for _, o := range f.Objects {
		b.objects["some/prefix/"+o.Key] = o.Bytes()
	}
	reads := func() (n int) {
		for _, o := range f.Objects {
			if strings.HasPrefix(o.Key, manifest.ManifestPrefix) {
				n += b.count(o.Key)
			}
		}
		return n
	}
	url := startWorkerd(t, b.asR2(t))
	follow := func(path string, back int) {
		t.Helper()
		res, err := http.DefaultTransport.RoundTrip(newRequest(t, url+"/r/latest/"+path))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		want := "/r/" + (newest - manifest.ID(60*back)).String() + "/" + path
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusTemporaryRedirect || got != want {
			t.Errorf("%s: %d %s, want %s", path, res.StatusCode, got, want)
		}
	}
	const own, unread = 4, 16 // root and leaf of the newest one's files and pages; MAX_UNREAD
	before := 0
	for i, most := range []int{own + 2*unread, 2 * unread, 2 * unread, 0} {
		follow("0never", 0)
		if n := reads(); n-before > most || i == 0 && n == 0 {
			t.Errorf("request %d: %d reads, want up to %d", i, n-before, most)
		}
		before = reads()
	}
	follow("38.txt", 1)
	follow("0.txt", 39)
}

func newRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// The worker's table of media types is Go's, and so are its caches.
func TestWorkerTypes(t *testing.T) {
	source, err := os.ReadFile("worker.js")
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := os.ReadFile("../../manifest/kind.go")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"x", "index.html", "a/index.html", "xindex.html", manifest.VariantPage, "a/" + manifest.VariantPage, "a." + manifest.VariantPage, ".asof/changes.json", ".asof/key.gpg", ".asof/x", "a/.asof/x.json", "a/InRelease", "InRelease/x", "x.GZ", "a.b.deb", ".gz", "x.", "é.txt", "constructor", "x.constructor", "__proto__"}
	for _, m := range regexp.MustCompile(`"(\.?\w+)"`).FindAllStringSubmatch(string(kinds), -1) {
		names = append(names, m[1], "dir/x"+m[1], "x"+strings.ToUpper(m[1]))
	}
	in, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	module := filepath.Join(t.TempDir(), "types.mjs")
	script := string(source) + "\nprocess.stdout.write(JSON.stringify(" + string(in) + ".map((n) => [typeOf(n), pageTypeOf(n), cacheOf(n)])));\n"
	if err := os.WriteFile(module, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got [][3]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if want := [3]string{manifest.KindFile.ContentType(name), manifest.KindPage.ContentType(name), manifest.KindFile.CacheControl(name)}; got[i] != want {
			t.Errorf("%q: %q, want %q", name, got[i], want)
		}
	}
}

// notByWorker are the rows that the worker answers differently.
var notByWorker = map[string]string{
	"query is kept byte for byte": "the runtime refuses quotes and angle brackets in a query",
}

// blobKey is the key of a blob of the thin layout that the table asks for.
func blobKey(t *testing.T, f resolvertest.Fixture) string {
	t.Helper()
	data, ok := f.Object("checkpoints/full/20250318T140338Z/big.bin")
	if !ok {
		t.Fatal("no such file")
	}
	return manifest.BlobKey(manifest.Sum(data))
}

// binding gives a worker its store: a binding, and the service that it is to, as
// workerd's configuration has them.
type binding struct{ binding, service string }

// startWorkerd runs the worker in workerd with the given bindings, and returns
// its URL.
func startWorkerd(t *testing.T, to binding) string {
	t.Helper()
	modules := os.Getenv("ASOF_TEST_WORKERD")
	if modules == "" {
		t.Fatal("ASOF_TEST_WORKERD names no folder of npm modules: run make test")
	}
	found, err := filepath.Glob(filepath.Join(modules, "@cloudflare", "workerd-*", "bin", "workerd"))
	if err != nil || len(found) != 1 {
		t.Fatalf("no workerd for this machine in %s", modules)
	}
	dir := t.TempDir()
	source, err := os.ReadFile("worker.js")
	if err != nil {
		t.Fatal(err)
	}
	store := httptest.NewServer(&edgeCache{entries: map[string]*cached{}})
	t.Cleanup(store.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	config := fmt.Sprintf(`using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "2025-09-01",
      bindings = [(name = "PREFIX", text = "/some/prefix/"), (name = "REFRESH", text = "0.05"), %s],
      globalOutbound = "loopback",
      cacheApiOutbound = "cache",
    )),
    (name = "loopback", network = (allow = ["private"])),
    (name = "cache", external = (address = %q, http = ())),
    %s
  ],
  sockets = [(name = "http", address = %q, http = (), service = "main")],
);
`, to.binding, strings.TrimPrefix(store.URL, "http://"), to.service, address)
	for name, data := range map[string][]byte{"worker.js": source, "config.capnp": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, found[0], "serve", "--verbose", filepath.Join(dir, "config.capnp"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("workerd says:\n%.5000s", log.String())
		}
	})
	for range 600 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return "http://" + address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("workerd does not listen")
	return ""
}

// bucket is the store behind a worker.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	reads   map[string]int
	fail    bool // answers nothing
}

// get is the content of an object and its tag.
func (b *bucket) get(key string) (data []byte, tag string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reads == nil {
		b.reads = map[string]int{}
	}
	b.reads[key]++
	data, ok = b.objects[key]
	return data, manifest.Sum(data).String()[:32], ok
}

func (b *bucket) count(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reads["some/prefix/"+key]
}

func (b *bucket) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

func (b *bucket) away() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fail
}

// asOrigin serves the bucket as any web server does.
func (b *bucket) asOrigin(t *testing.T) binding {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if b.away() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		data, tag, ok := b.get(strings.TrimPrefix(req.URL.Path, "/"))
		if !ok {
			http.Error(w, "access denied", http.StatusForbidden)
			return
		}
		w.Header().Set("ETag", `"`+tag+`"`)
		w.Header().Set("Content-Type", "binary/octet-stream")
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(server.Close)
	return binding{fmt.Sprintf(`(name = "ORIGIN", text = "%s/")`, server.URL), ""}
}

// asR2 is the service behind workerd's own R2 bindings: the request is JSON in a
// header, the answer JSON, whose size another header tells, with the content
// behind it.
func (b *bucket) asR2(t *testing.T) binding {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var in struct {
			Method, Object string
			Range          *struct{ Offset, Length *json.Number }
			OnlyIf         *struct {
				EtagDoesNotMatch []struct{ Type, Value string }
			}
		}
		if err := json.Unmarshal([]byte(req.Header.Get("cf-r2-request")), &in); err != nil || in.Method != "get" {
			t.Errorf("R2 is asked for %q: %v", req.Header.Get("cf-r2-request"), err)
		}
		fail := func(status, code int) {
			w.Header().Set("cf-r2-error", fmt.Sprintf(`{"version":1,"v4code":%d,"message":"no"}`, code))
			w.WriteHeader(status)
		}
		data, tag, ok := b.get(in.Object)
		switch {
		case b.away():
			fail(http.StatusInternalServerError, 10001)
			return
		case !ok:
			fail(http.StatusNotFound, 10007)
			return
		}
		size := len(data)
		meta := map[string]any{"name": in.Object, "version": tag, "size": size, "etag": tag, "uploaded": 1742306618000, "httpFields": map[string]any{}, "customFields": []any{}, "checksums": map[string]any{}}
		status := http.StatusOK
		if in.Range != nil {
			offset, length := number(in.Range.Offset, 0), number(in.Range.Length, size)
			if offset > size || length <= 0 {
				fail(http.StatusRequestedRangeNotSatisfiable, 10039)
				return
			}
			length = min(length, size-offset)
			data = data[offset : offset+length]
			meta["range"] = map[string]int{"offset": offset, "length": length}
		}
		if in.OnlyIf != nil && len(in.OnlyIf.EtagDoesNotMatch) > 0 && in.OnlyIf.EtagDoesNotMatch[0].Value == tag {
			w.Header().Set("cf-r2-error", `{"version":1,"v4code":10031,"message":"no"}`)
			status, data = http.StatusPreconditionFailed, nil
		}
		head, err := json.Marshal(meta)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("cf-r2-metadata-size", strconv.Itoa(len(head)))
		w.Header().Set("Content-Length", strconv.Itoa(len(head)+len(data)))
		w.WriteHeader(status)
		_, _ = w.Write(append(head, data...))
	}))
	t.Cleanup(server.Close)
	return binding{`(name = "BUCKET", r2Bucket = "r2")`, fmt.Sprintf(`(name = "r2", external = (address = %q, http = ())),`, strings.TrimPrefix(server.URL, "http://"))}
}

func number(n *json.Number, none int) int {
	if n == nil {
		return none
	}
	i, err := strconv.Atoi(n.String())
	if err != nil {
		return none
	}
	return i
}

// edgeCache is the service behind workerd's Cache API: PUT brings a response as
// it goes over the wire, GET asks for it.
type edgeCache struct {
	mu      sync.Mutex
	entries map[string]*cached
}

type cached struct {
	header http.Header
	body   []byte
}

func (c *edgeCache) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	key := req.Host + req.URL.Path
	if req.Method == http.MethodPut {
		res, err := http.ReadResponse(bufio.NewReader(req.Body), nil)
		if err == nil {
			var body []byte
			if body, err = io.ReadAll(res.Body); err == nil {
				c.mu.Lock()
				c.entries[key] = &cached{res.Header, body}
				c.mu.Unlock()
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	entry, ok := c.entries[key]
	c.mu.Unlock()
	if !ok {
		w.Header().Set("CF-Cache-Status", "MISS")
		w.WriteHeader(http.StatusGatewayTimeout)
		return
	}
	for name, values := range entry.header {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.Header().Set("CF-Cache-Status", "HIT")
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(entry.body))
}

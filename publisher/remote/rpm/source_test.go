package rpm

import (
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// network is a list of mirrors and its mirrors.
type network struct {
	*site // the list's server
	m     []*remotetest.Site
}

// newNetwork starts mirrors with the same repository.
func newNetwork(t *testing.T, mirrors int) *network {
	n := &network{site: newSite(t)}
	for range mirrors {
		n.m = append(n.m, remotetest.NewSite(t))
	}
	n.sync(some(n.site, "os/"))
	return n
}

// sync brings a state of the repository to some mirrors, or to all.
func (n *network) sync(f files, to ...int) {
	n.Helper()
	for path := range n.Files {
		if strings.Contains(path, repodata) {
			n.Remove(path)
		}
	}
	n.publish("os/", f)
	if len(to) == 0 {
		for i := range n.m {
			to = append(to, i)
		}
	}
	for _, i := range to {
		for path := range n.m[i].Files {
			n.m[i].Remove(path)
		}
		for path, data := range n.Files {
			n.m[i].Set(path, string(data))
		}
		n.m[i].Age()
	}
}

// mirrorlist writes the list.
func (n *network) mirrorlist() {
	text := "# mirrors\n"
	for _, m := range n.m {
		text += m.Server.URL + "/os\n"
	}
	n.Set("list", text)
}

// metalink writes the list with the hash of repomd.xml, and of earlier ones.
func (n *network) metalink(repomd string, earlier ...string) {
	verification := func(text string) string {
		return fmt.Sprintf("<mm0:timestamp>1</mm0:timestamp><size>%d</size><verification><hash type=\"md5\">%032d</hash><hash type=\"sha256\">%s</hash></verification>", len(text), 0, digestOf("sha256", text))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<metalink xmlns=\"http://www.metalinker.org/\" xmlns:mm0=\"http://fedorahosted.org/mirrormanager\"><files><file name=\"repomd.xml\">%s<mm0:alternates>", verification(repomd))
	for _, text := range earlier {
		fmt.Fprintf(&b, "<mm0:alternate>%s</mm0:alternate>", verification(text))
	}
	b.WriteString("</mm0:alternates><resources>")
	for i, m := range n.m {
		fmt.Fprintf(&b, "<url preference=\"%d\">%s/os/repodata/repomd.xml</url>", 100-i, m.Server.URL)
	}
	b.WriteString("</resources></file></files></metalink>")
	n.Set("metalink", b.String())
}

func (n *network) repomd() string { return n.Content("os/" + repomdName) }

// asked are the requests of each mirror since the last call.
func (n *network) asked() (all [][]string) {
	for _, m := range n.m {
		list, _ := requests(&site{n.T, m})
		all = append(all, list)
	}
	n.Take()
	return all
}

func (n *network) list(name string) string { return n.Server.URL + "/" + name + "?repo=os&arch=x86_64" }

// One mirror gives the whole capture; others are asked for what it lacks only, and none
// sees the credentials of the list.
func TestMirrorlist(t *testing.T) {
	n := newNetwork(t, 3)
	n.mirrorlist()
	n.m[0].Server.Close() // away
	env := n.env()
	env.LookupEnv = func(name string) (string, bool) {
		if name == "USER" || name == "PASS" {
			return "secret", true
		}
		return "", false
	}
	var seen []string
	n.OnRequest(func(path string) { seen = append(seen, path+" "+n.Header().Get("Authorization")) })
	for _, m := range n.m {
		m.OnRequest(func(path string) {
			if m.Header().Get("Authorization") != "" || m.Header().Get("X-Token") != "" {
				t.Errorf("%s with credentials", path)
			}
		})
	}
	r, err := newUpstream(Options{Mirrorlist: n.list("list"), Verify: "off", Options: fetch.Options{UsernameEnv: "USER", PasswordEnv: "PASS", Headers: map[string]string{"X-Token": "x"}}}, env)
	must(t, err)
	n.m[1].Set("os/Packages/hello-1.0-1.noarch.rpm", "the package HELLO 1.0") // damaged
	n.m[1].Remove("os/Packages/world-2.0~rc1^git+3-1.noarch.rpm")
	weird := metadataPath(&site{t, n.m[1]}, "-weird.bin")
	n.m[1].Remove(weird)
	c := n.capture(r, nil)
	if len(seen) != 1 || !strings.HasPrefix(seen[0], "list Basic ") {
		t.Errorf("the list: %q", seen)
	}
	asked := n.asked()
	if len(asked[1]) != 17 || !slices.Equal(asked[2], []string{"GET os/repodata/HASH-weird.bin"}) {
		t.Errorf("%q", asked)
	}
	var p *remotetest.Checkpoint
	for _, f := range c.Files() { // the publisher tries again after a temporary error
		_, _, err := remotetest.ReadFile(t, c, f)
		if _, temporary := errors.AsType[*remote.TemporaryError](err); err != nil && !temporary {
			t.Errorf("%s: %v", f.Path, err)
		}
		if (err != nil) != (f.Path == "Packages/hello-1.0-1.noarch.rpm") {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
	p = remotetest.Publish(t, c)
	n.asked()
	n.capture(r, p)
	if got := fmt.Sprint(n.asked()); got != "[[] [GET os/repodata/repomd.xml since GET os/repodata/repomd.xml.asc] []]" {
		t.Errorf("unchanged: %s", got)
	}

	// A mirror that is behind the newest checkpoint is passed over.
	old := some(n.site, "os/")
	next := some(n.site, "os/")
	next.revision, next.packages = 1742306700, next.packages+n.add("os/", pkg{name: "new", version: "1"})
	n.sync(next, 1, 2)
	p = remotetest.Publish(t, n.capture(r, nil))
	n.sync(old, 1)
	if c := n.capture(r, p); !slices.Contains(remotetest.Paths(c), "Packages/new-1-1.noarch.rpm") {
		t.Error("a mirror that is behind was taken")
	}
	// All are: clients accept that, too.
	n.sync(old, 2)
	if c := n.capture(r, p); slices.Contains(remotetest.Paths(c), "Packages/new-1-1.noarch.rpm") {
		t.Error("the state is not that of the mirrors")
	}
}

// The newest repomd.xml that the metalink names is preferred to an earlier one; one that it
// does not name is never taken, nor an earlier one that is older than the newest checkpoint.
func TestMetalink(t *testing.T) {
	n := newNetwork(t, 3)
	states := []files{some(n.site, "os/"), some(n.site, "os/"), some(n.site, "os/")}
	var repomds []string
	for i := range states {
		states[i].revision += 1742306610 + i
		states[i].packages += n.add("os/", pkg{name: fmt.Sprint("state", i), version: "1"})
		n.sync(states[i])
		repomds = append(repomds, n.repomd())
	}
	open := func() *upstream {
		r, err := newUpstream(Options{Metalink: n.list("metalink"), Verify: "off"}, n.env())
		must(t, err)
		return r
	}
	stateOf := func(c *captured) string {
		for _, path := range remotetest.Paths(c) {
			if name, ok := strings.CutPrefix(path, "Packages/state"); ok {
				return name[:1]
			}
		}
		return ""
	}
	// The first mirror has an earlier state, the second the newest.
	n.sync(states[1], 0)
	n.sync(states[2], 1, 2)
	n.metalink(repomds[2], repomds[1], repomds[0])
	c := n.capture(open(), nil)
	newest := remotetest.Publish(t, c)
	if stateOf(c) != "2" {
		t.Errorf("state %s", stateOf(c))
	}
	n.asked()
	n.capture(open(), newest)
	if got := n.asked(); len(got[0]) != 1 || len(got[1]) != 2 || len(got[2]) != 0 {
		t.Errorf("unchanged: %q", got)
	}
	// No mirror has the newest: an earlier one will do, the best mirror's.
	n.sync(states[1], 0)
	n.sync(states[0], 1, 2)
	c = n.capture(open(), nil)
	if stateOf(c) != "1" {
		t.Errorf("state %s", stateOf(c))
	}
	// But none that is older than the newest checkpoint.
	n.sync(states[0], 0)
	n.sync(states[1], 1)
	if c = n.capture(open(), remotetest.Publish(t, c)); stateOf(c) != "1" {
		t.Errorf("state %s", stateOf(c))
	}
	for i := range n.m {
		n.sync(states[0], i)
	}
	text, err := n.fail(open(), newest)
	if !strings.HasPrefix(text, "none of the 3 mirrors of HOST/metalink that were asked has a repomd.xml that can be used:\n") || strings.Count(text, "it is an earlier version, older than the newest checkpoint's") != 3 || hint(err) == "" {
		t.Error(text)
	}
	// None that it names.
	n.metalink("another")
	text, err = n.fail(open(), nil)
	if strings.Count(text, "it is none of the 1 versions that the metalink names") != 3 || !errors.Is(err, remote.ErrUnverified) {
		t.Error(text)
	}
}

// A metalink without a hash that clients compare is a list of mirrors, and verifies nothing.
func TestMetalinkWithoutHash(t *testing.T) {
	n := newNetwork(t, 1)
	n.metalink(n.repomd())
	good := n.Content("metalink")
	list := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, n.Content("metalink")) }))
	t.Cleanup(list.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: list.Certificate().Raw}), 0o600))
	for _, tt := range []struct {
		name, content string
		verify        string
		err, warning  string
		proven        bool
	}{
		{name: "hashes", content: good, proven: true},
		{name: "hashes", content: good, verify: "required", proven: true},
		{name: "no hashes", content: strings.ReplaceAll(good, "hash", "x"), warning: "nothing is verified: the metalink has no hash of repomd.xml of a known type"},
		{name: "unknown types", content: strings.NewReplacer("md5", "crc", "sha256", "sha-256").Replace(good), warning: "nothing is verified: the metalink has no hash of repomd.xml of a known type"},
		{name: "no hashes", content: strings.ReplaceAll(good, "hash", "x"), verify: "off"},
		{name: "no hashes", content: strings.ReplaceAll(good, "hash", "x"), verify: "required", err: "verification failed: the metalink has no hash of repomd.xml of a known type"},
		{name: "earlier ones only", content: strings.Replace(good, "<mm0:alternates>", "<mm0:alternates><mm0:alternate><verification><hash type='sha256'>"+digestOf("sha256", n.repomd())+"</hash></verification></mm0:alternate>", 1), verify: "required", proven: true},
		{name: "wrong earlier ones only", content: strings.Replace(strings.ReplaceAll(good, "hash", "x"), "<mm0:alternates>", "<mm0:alternates><mm0:alternate><verification><hash type='sha256'>"+digestOf("sha256", "x")+"</hash></verification></mm0:alternate>", 1), err: "it is none of the 1 versions that the metalink names", proven: true},
		{name: "weak earlier ones only", content: strings.Replace(strings.ReplaceAll(good, "hash", "x"), "<mm0:alternates>", "<mm0:alternates><mm0:alternate><verification><hash type='md5'>"+digestOf("md5", "x")+"</hash></verification></mm0:alternate>", 1), err: "only its MD5 or SHA-1 is known"},
	} {
		n.Set("metalink", tt.content)
		var logged strings.Builder
		env := n.env()
		env.Log = slog.New(slog.NewTextHandler(&logged, nil))
		r, err := newUpstream(Options{Metalink: list.URL + "/metalink", Verify: tt.verify, Options: fetch.Options{CACert: ca}}, env)
		must(t, err)
		if tt.err != "" {
			text, err := n.fail(r, nil)
			if !strings.Contains(text, tt.err) || hint(err) == "" || tt.verify == "required" && !errors.Is(err, remote.ErrUnverified) {
				t.Errorf("%s: %s", tt.name, text)
			}
		} else {
			n.capture(r, nil)
			if text := logged.String(); !strings.Contains(text, tt.warning) || strings.Contains(text, "verified") != (tt.warning != "") {
				t.Errorf("%s: %s", tt.name, text)
			}
		}
		if note := r.note(nil); r.proven.Load() != tt.proven || strings.Contains(note, "by HTTPS") != tt.proven {
			t.Errorf("%s: %t, %s", tt.name, r.proven.Load(), note)
		}
	}
}

// The hint of mirrors that fail in one way is that of this way.
func TestMirrorHints(t *testing.T) {
	const late = "mirrors may lag behind the list for hours; nothing was published; run it again later"
	n := newNetwork(t, 3)
	n.mirrorlist()
	key := newKey(t)
	f := some(n.site, "os/")
	f.by = key
	n.sync(f)
	open := func() *upstream {
		r, err := newUpstream(Options{Mirrorlist: n.list("list"), SignedBy: []string{remotetest.KeyFile(t, true, newKey(t))}}, n.env())
		must(t, err)
		return r
	}
	text, err := n.failLasting(open(), nil)
	if want := fmt.Sprintf("if you trust the key %X, add a file that holds it to signed_by", key.PrimaryKey.Fingerprint); hint(err) != want {
		t.Errorf("%s\nhint: %s", text, hint(err))
	}
	// One fails in another way.
	n.m[1].Remove("os/" + repomdName)
	if text, err = n.failLasting(open(), nil); hint(err) != late {
		t.Errorf("%s\nhint: %s", text, hint(err))
	}
	// The list names other folders.
	for _, m := range n.m {
		m.Remove("os/" + repomdName)
	}
	if text, err = n.fail(open(), nil); hint(err) != "the list has to name the folders that hold repodata" {
		t.Errorf("%s\nhint: %s", text, hint(err))
	}
}

// Lists that are none.
func TestLists(t *testing.T) {
	n := newNetwork(t, 1)
	const address = "mirrorlist or metalink has to be the whole address of a list, often with a query such as ?repo=…&arch=…"
	for _, tt := range []struct{ option, content, want, hint string }{
		{"mirrorlist", "<html>", "HOST/list: is no list of URLs; if it is a metalink, name it as one", ""},
		{"mirrorlist", "rsync://x/\n", "HOST/list: lists no mirror that is reached by HTTP or HTTPS", ""},
		{"mirrorlist", strings.Repeat("#\n", 3<<20), "HOST/list: has more than 4194304 bytes", ""},
		{"mirrorlist", "", "get HOST/list: 404 Not Found", address},
		{"metalink", "<html/>", `HOST/list:1: begins with the element "html", not "metalink"`, ""},
		{"metalink", "<metalink><files><file name='repomd.xml'><verification><hash type='md5'>" + digestOf("md5", "x") + "</hash></verification><resources><url>http://example.org/</url></resources></file></files></metalink>", "HOST/list: repomd.xml: only its MD5 or SHA-1 is known, which prove nothing", "allow_weak: true accepts it, if you trust the way it came"},
		{"metalink", "", "get HOST/list: 404 Not Found", address},
		{"metalink", "# mirrors\nhttp://example.org/os/\n", "HOST/list: is no metalink, as it is no XML", "this is a plain list: use mirrorlist"},
		{"metalink", "\n", "HOST/list: is no metalink, as it is no XML", ""},
		{"metalink", "<metalink><files><file name='repomd.xml'><verification><hash type='crc'>1</hash><hash type='sha256'>AB</hash></verification><resources><url>http://example.org/</url></resources></file></files></metalink>", `HOST/list: repomd.xml: "AB" is not a digest of SHA256`, ""},
	} {
		n.Remove("list")
		if tt.content != "" {
			n.Set("list", tt.content)
		}
		opts := Options{Mirrorlist: n.list("list"), Verify: "off"}
		if tt.option == "metalink" {
			opts.Mirrorlist, opts.Metalink = "", n.list("list")
		}
		r, err := newUpstream(opts, n.env())
		must(t, err)
		if text, err := n.fail(r, nil); text != tt.want || hint(err) != tt.hint {
			t.Errorf("%s: %s, hint %q; want %s, hint %q", tt.option, text, hint(err), tt.want, tt.hint)
		}
	}
}

// A mirror that is the list's own host may see its credentials; that is where they belong.
func TestOwnMirror(t *testing.T) {
	s := newSite(t)
	s.publish("os/", some(s, "os/"))
	s.Set("list", s.Server.URL+"/os/\n")
	if u, err := url.Parse(s.Server.URL); err != nil || u.Host == "" {
		t.Fatal(err)
	}
	r, err := newUpstream(Options{Mirrorlist: s.Server.URL + "/list", Verify: "off"}, s.env())
	must(t, err)
	remotetest.Publish(t, s.capture(r, nil))
}

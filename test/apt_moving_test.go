package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// atFirst is a proxy in front of a server. Ahead of the first request whose path has
// part in it, it calls do.
func atFirst(t *testing.T, server, part string, do func()) string {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.URL.Path, part) {
			once.Do(do)
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// A checkpoint is published, and a channel moves, while the machine's apt is between
// InRelease and Packages, or between Packages and a package. With indexes by their hash, or
// by a mirror list, apt ends with the state that it began with, and installs from it.
func TestAptPublishMeanwhile(t *testing.T) {
	for _, name := range []string{"latest", "testing"} {
		for what, part := range map[string]string{"an index": "/main/binary-", "a package": ".deb"} {
			t.Run(name+" "+what, func(t *testing.T) {
				testMoving(t, newAptArchive(t), name, part, "%s/archive/debian/"+name+"/")
			})
			t.Run(name+" "+what+" by a mirror list", func(t *testing.T) {
				testMoving(t, newAptArchive(t), name, part, "mirror+%s/-/mirrorlist/archive/debian/"+name+"/")
			})
		}
	}
	t.Run("an index by its name and a mirror list", func(t *testing.T) {
		a := newAptArchive(t)
		a.plain = true
		testMoving(t, a, "latest", "/main/binary-", "mirror+%s/-/mirrorlist/archive/debian/latest/")
	})
}

// testMoving lets apt read from a URL below a server, and publishes ahead of the first request
// whose path has part in it.
func testMoving(t *testing.T, a *aptArchive, name, part, url string) {
	w := newWorkspace(t, aptConfig(a, "thin"))
	a.addPackage("hello", "1.0", a.arch, "")
	a.publish("stable", "hello=1.0")
	a.publish("stable-updates")
	first := published(w, "publish", "debian")[0].Checkpoint.ID
	w.run("channel", "debian", "testing", "latest")
	server := w.serve()
	moves := func() {
		a.addPackage("hello", "2.0", a.arch, "")
		a.check(os.Remove(filepath.Join(a.dir, "pool/main/h/hello", "hello_1.0_"+a.arch+".deb")))
		a.publish("stable", "hello=2.0")
		time.Sleep(time.Until((first + 1).Time()))
		second := published(w, "publish", "debian")[0].Checkpoint.ID
		w.run("channel", "debian", "testing", "latest")
		eventually(t, "the service serves the new checkpoint", func() bool {
			return redirectOf(t, server+"/archive/debian/"+name+"/") == "/archive/debian/"+second.String()+"/"
		})
	}
	apt := newApt(t, a.source(fmt.Sprintf(url, atFirst(t, server, part, moves))))
	out := apt.run("update")
	for _, bad := range []string{"W:", "E:", "Err:"} {
		if strings.Contains("\n"+out, "\n"+bad) {
			t.Errorf("apt-get update:\n%s", out)
		}
	}
	apt.run("install", "--download-only", "hello")
	if got, want := apt.found("var/cache/apt/archives/*.deb"), []string{"hello_1.0_" + a.arch + ".deb"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	apt.run("update")
	apt.run("install", "--download-only", "hello")
	if got := apt.found("var/cache/apt/archives/hello_2.0_*.deb"); len(got) != 1 {
		t.Errorf("the next update does not see the new state: %q", apt.found("var/cache/apt/archives/*.deb"))
	}
}

// redirectOf is where a URL leads.
func redirectOf(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("Location")
}

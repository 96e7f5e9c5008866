package service

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/resolvertest"
)

// protected is a service whose repo thin needs the token "for-thin" or a user's password;
// all others are open.
func protected(t *testing.T) *Service {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("opensesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := NewAuth(nil, map[string][]Credential{"checkpoints/thin": {
		{Token: manifest.Sum([]byte("for-thin")).String()}, {User: "ci", Bcrypt: string(hash)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := setup(t, func(o *Options, r *resolver.Options) { o.Access, r.Access = auth.Access, auth.Access })
	return s
}

// ways lead to something of the repo thin: 401, or an answer that tells nothing of it.
func ways(t *testing.T) (targets []string) {
	f := resolvertest.Load(t)
	for _, o := range f.Objects {
		if strings.HasPrefix(o.Key, manifest.BlobPrefix) { // by digest
			d, err := manifest.ParseBlobKey(o.Key)
			if err != nil {
				t.Fatal(err)
			}
			targets = append(targets, "/-/sha256/"+d.String(), "/"+o.Key)
		}
	}
	for _, base := range []string{"/checkpoints/thin", "//checkpoints/thin", "/checkpoints//thin", "/checkpoints/./thin", "/./checkpoints/thin", "/%63heckpoints/thin", "/checkpoints/%74hin"} {
		for _, rest := range []string{
			"", "/", "/index.html", "/checkpoints.json", "/latest", "/latest/1.iso", "/stable/1.iso", "/20250319/1.iso", "/2025-03-19/docs", "/20250101/", "/20250312T080000Z/", "/99990101/x",
			"/" + exact, "/" + exact + "/", "/" + exact + "/1.iso", "/" + exact + "/docs/deep/", "/" + exact + "/none", "/" + exact + "/.asof/changes.json", "/index-20250301T000000Z.html", "/nonsense",
			"?x", "/?at=latest", "/latest/1.iso?x",
		} {
			targets = append(targets, base+rest)
		}
	}
	for _, form := range []string{"link", "json"} { // by TimeMaps
		targets = append(targets, "/-/timemap/"+form+"/checkpoints/thin/", "/-/timemap/"+form+"/checkpoints/thin", "/-/timemap/"+form+"//checkpoints/thin/", "/-/timemap/"+form+"/checkpoints/thin/?from=20250318")
	}
	for _, rest := range []string{"", "/", "/latest", "/latest/", "/stable/docs/", "/20250319/", "/" + exact + "/", "/20250312T080000Z/", "/none/"} { // by mirror lists
		targets = append(targets, "/-/mirrorlist/checkpoints/thin"+rest, "/-/mirrorlist//checkpoints/./thin"+rest, "//-/mirrorlist/checkpoints/%74hin"+rest)
	}
	for _, path := range []string{"resolve", "files", "file", "checkpoints"} { // by look-up and listing
		for _, query := range []string{"repo=thin", "repo=thin&at=latest", "repo=thin&at=20250319&path=1.iso", "repo=thin&path=1.iso", "repo=thin&limit=1", "repo=thin&prefix=docs/", "repo=full&repo=thin", "repo=thin&repo=full", "repo=checkpoints/thin", "REPO=thin", "repo=%74hin", "repo=thin%00", "repo="} {
			targets = append(targets, "/-/"+path+"?"+query)
		}
	}
	return append(targets, "/", "//", "/-/repos", "/mr/timestamp", "/mr/timestamp/", "/mr/timestamp?archive=thin", "/mr/timestamp?archive=checkpoints/thin", "/-/metrics", "/checkpoints", "/checkpoints/", "/asof.json", "/.asof/repos/checkpoints/thin/staged.json")
}

// A repo with credentials of its own asks for them, and what there is not is not found, as
// docs/operations/security.md says: who guesses a name learns that there is such a repo.
func TestGuessedNames(t *testing.T) {
	s := protected(t)
	for target, want := range map[string]int{"/checkpoints/thin/": 401, "/checkpoints/none/": 404, "/-/resolve?repo=thin": 401, "/-/resolve?repo=none": 404} {
		if res := ask(s, target); res.Code != want {
			t.Errorf("%s: %d, want %d", target, res.Code, want)
		}
	}
}

// TestProtected holds that nobody without credentials learns of a protected repo: not by any
// way to ask for it, nor by any header beside.
func TestProtected(t *testing.T) {
	s := protected(t)
	f := resolvertest.Load(t)
	index, _ := f.Object("checkpoints/thin/checkpoints.json")
	ix, err := manifest.ParseIndex(index)
	if err != nil {
		t.Fatal(err)
	}
	// full has the same files at the same times: what is only thin's are its manifests'
	// places and its layout. So it is given away by a redirect, or by a 2xx that names it.
	tell := func(what string, res *httptest.ResponseRecorder) {
		t.Helper()
		h := res.Header()
		open := res.Code < 300 && (strings.Contains(res.Body.String(), `"thin":`) || strings.Contains(res.Body.String(), `"layout":"thin"`) || strings.Contains(res.Body.String(), `repo":"thin"`) || strings.Contains(res.Body.String(), "asof_checkpoints{repo=\"thin\"}"))
		if strings.Contains(h.Get("Location"), "/thin/2") || strings.Contains(h.Get("Link"), "thin") || open || h.Get("Etag") == etagOf(index) {
			t.Errorf("%s: %d %v\n%.300s", what, res.Code, h, res.Body)
		}
		if strings.Contains(what, "/thin") && !strings.Contains(what, " /mr/") && !strings.Contains(what, "/-/") && res.Code != http.StatusUnauthorized && res.Code != http.StatusMethodNotAllowed && !strings.Contains(what, "/.asof/") {
			t.Errorf("%s: %d", what, res.Code)
		}
		if (strings.Contains(what, "/-/sha256/") || strings.Contains(what, "/-/mirrorlist/")) && res.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, res.Code)
		}
	}
	headers := [][]string{
		nil, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic Y2k6d3Jvbmc="}, {"Authorization", "Basic Y2k6"}, {"Authorization", ""}, {"Authorization", "Bearer for-thin, x"}, {"Authorization", "Digest username=ci"},
		{"Accept", "application/json"}, {"Accept-Datetime", "Wed, 19 Mar 2025 00:00:00 GMT"}, {"Range", "bytes=0-1"}, {"If-None-Match", "*"}, {"If-None-Match", etagOf(index)}, {"If-Match", "\"x\""},
		{"X-Original-URL", "/checkpoints/full/"}, {"X-Forwarded-User", "ci"}, {"X-Remote-User", "ci"}, {"X-Forwarded-For", "127.0.0.1"}, {"Proxy-Authorization", "Bearer for-thin"}, {"Cookie", "Authorization=Bearer for-thin"},
	}
	tried := 0
	for _, target := range ways(t) {
		for _, h := range headers {
			tried++
			tell(fmt.Sprintf("GET %s %q", target, h), ask(s, target, h...))
		}
		req := httptest.NewRequest(http.MethodHead, target, nil)
		res := httptest.NewRecorder()
		s.ServeHTTP(res, req)
		tried++
		tell("HEAD "+target, res)
	}
	t.Logf("%d requests tried", tried)

	// Lists leave it out.
	for _, target := range []string{"/", "/-/repos"} {
		if got := ask(s, target, "Accept", "application/json").Body.String(); strings.Contains(got, "thin") || !strings.Contains(got, `"full"`) {
			t.Errorf("%s: %s", target, got)
		}
		newest := ix.Checkpoints[len(ix.Checkpoints)-1].ID.String()
		if got := ask(s, target, "Accept", "application/json", "Authorization", "Bearer for-thin").Body.String(); strings.Count(got, newest) != 2 {
			t.Errorf("%s with credentials: %s", target, got)
		}
	}
	if body := ask(s, "/").Body.String(); strings.Contains(body, "thin/") {
		t.Errorf("the front page shows it:\n%s", body)
	}
}

// TestSharedCaches holds that whatever of a request changes an answer keeps shared caches
// from giving it to others: the answer varies by it, or is not to be kept. What only an
// attacker sends changes nothing.
func TestSharedCaches(t *testing.T) {
	s := protected(t)
	targets := []string{
		"/", "/-/repos", "/mr/timestamp", "/-/metrics", "/-/healthz", "/-/readyz", "/checkpoints/full", "/checkpoints/full/", "/checkpoints/full/latest/1.iso", "/checkpoints/full/stable/", "/checkpoints/full/20250319/docs", file, "/checkpoints/full/" + exact + "/docs/",
		"/checkpoints/full/" + exact + "/none", "/checkpoints/full/20250312T080000Z/", "/none", "/-/files?repo=full&at=" + exact, "/-/timemap/link/checkpoints/full/", "/checkpoints/thin/", "/checkpoints/thin/latest/1.iso", "/checkpoints/thin/" + exact + "/1.iso",
		"/-/sha256/a9fe57239945c5c1f87713862904a90c8f1c455e39dbcde923f1c6d871e4c966", "/-/checkpoints?repo=thin", "/-/timemap/json/checkpoints/thin/",
	}
	legitimate := [][]string{
		{"Accept", "application/json"}, {"Accept", "text/html"}, {"Accept", "application/problem+json"}, {"Accept-Datetime", "Wed, 19 Mar 2025 00:00:00 GMT"}, {"Accept-Datetime", "nonsense"}, {"Authorization", "Bearer for-thin"}, {"Authorization", "Bearer wrong"}, {"Authorization", "Basic Y2k6b3BlbnNlc2FtZQ=="},
	}
	hostile := [][]string{
		{"Host", "evil.example"}, {"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Scheme", "http"}, {"X-Forwarded-Port", "1"}, {"X-Forwarded-Prefix", "/evil"}, {"X-Forwarded-For", "127.0.0.1"}, {"X-Forwarded-Server", "evil.example"},
		{"Forwarded", "host=evil.example;proto=gopher"}, {"X-Host", "evil.example"}, {"X-Original-URL", "/asof.json"}, {"X-Rewrite-URL", "/asof.json"}, {"X-Original-Host", "evil.example"}, {"X-HTTP-Method-Override", "DELETE"}, {"X-Method-Override", "PUT"}, {"X-Real-IP", "127.0.0.1"},
		{"Origin", "https://evil.example"}, {"Referer", "https://evil.example/"}, {"Cookie", "a=b"}, {"User-Agent", "<script>"}, {"Accept-Language", "tlh"}, {"Accept-Encoding", "gzip, br, zstd"}, {"Accept-Charset", "utf-7"}, {"Pragma", "no-cache"}, {"Cache-Control", "no-cache"},
		{"TE", "trailers"}, {"Upgrade-Insecure-Requests", "1"}, {"X-Wap-Profile", "http://evil.example/"}, {"True-Client-IP", "127.0.0.1"}, {"CF-Connecting-IP", "127.0.0.1"}, {"X-Timer", "x"}, {"Max-Forwards", "0"}, {"Via", "evil"}, {"Content-Type", "x"}, {"Transfer-Encoding", "x"},
	}
	same := func(a, b *httptest.ResponseRecorder) bool {
		if a.Code != b.Code {
			return false
		}
		for _, name := range []string{"Location", "Content-Type", "Link", "Cache-Control", "Etag", "Memento-Datetime", "Content-Disposition", "Www-Authenticate", "Vary"} {
			if !slices.Equal(a.Header().Values(name), b.Header().Values(name)) {
				return false
			}
		}
		return a.Body.String() == b.Body.String()
	}
	for _, target := range targets {
		plain := ask(s, target)
		for _, h := range legitimate {
			res := ask(s, target, h...)
			if same(plain, res) || target == "/-/metrics" {
				continue
			}
			if h[0] == "Accept-Datetime" && plain.Header().Get("Location") == target+"/" {
				continue // the address with its slash is right for all
			}
			for _, r := range []*httptest.ResponseRecorder{plain, res} {
				cache := r.Header().Get("Cache-Control")
				varies := strings.Contains(strings.Join(r.Header().Values("Vary"), ","), h[0])
				if cache != "no-store" && (!varies || h[0] == "Authorization" && r == res && r.Code < 300 && r.Body.String() != plain.Body.String() && h[1] != "Bearer wrong" && strings.Contains(cache, "public")) {
					t.Errorf("%s: %s: %q changes an answer, which says Vary: %q, Cache-Control: %q", target, h[0], h[1], r.Header().Values("Vary"), cache)
				}
			}
		}
		for _, h := range hostile {
			req := httptest.NewRequest(http.MethodGet, target, nil)
			if h[0] == "Host" {
				req.Host = h[1]
			} else {
				req.Header.Set(h[0], h[1])
			}
			res := httptest.NewRecorder()
			s.ServeHTTP(res, req)
			if target != "/-/metrics" && !same(plain, res) || strings.Contains(res.Body.String()+fmt.Sprint(res.Header()), "evil.example") {
				t.Errorf("%s: %q changes the answer: %d %v", target, h, res.Code, res.Header())
			}
		}
	}
	t.Logf("%d requests tried", len(targets)*(1+len(legitimate)+len(hostile)))
}

func etagOf(data []byte) string { return `"` + manifest.Sum(data).String() + `"` }

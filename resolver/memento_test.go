package resolver

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

// TestMementoLinks holds what a tree and a TimeGate link to. A tree's links never
// change; the TimeGate's name the neighbours.
func TestMementoLinks(t *testing.T) {
	s := serve(t, Options{})
	const timeMap = `, </-/timemap/link/checkpoints/full/>; rel="timemap"; type="application/link-format"`
	for target, want := range map[string]string{
		"/checkpoints/full/" + exact + "/":                `</checkpoints/full/>; rel="original timegate"` + timeMap,
		"/checkpoints/full/" + exact + "/1.iso":           `</checkpoints/full/latest/1.iso>; rel="original timegate"` + timeMap,
		"/checkpoints/full/" + exact + "/docs/":           `</checkpoints/full/latest/docs/>; rel="original timegate"` + timeMap,
		"/checkpoints/full/" + exact + "/odd/%23hash.txt": `</checkpoints/full/latest/odd/%23hash.txt>; rel="original timegate"` + timeMap,
	} {
		if got := s.want(target, http.StatusOK, "").Header().Get("Link"); got != want {
			t.Errorf("%s: %s\nwant %s", target, got, want)
		}
	}
	memento := func(id, p, rel string) string {
		at := mustID(t, id).Time().Format(http.TimeFormat)
		return `, </checkpoints/full/` + id + "/" + p + `>; rel="` + rel + `"; datetime="` + at + `"`
	}
	const first = "20250301T000000Z"
	for _, c := range []struct{ at, p, want string }{
		{exact, "", memento(first, "", "first memento") + memento(older, "", "prev memento") + memento(exact, "", "memento") + memento(newest, "", "next last memento")},
		{first, "", memento(first, "", "first memento") + memento(older, "", "next memento") + memento(newest, "", "last memento")},
		{newest, "1.iso", memento(first, "1.iso", "first memento") + memento(exact, "1.iso", "prev memento") + memento(newest, "1.iso", "last memento")},
	} {
		target := "/checkpoints/full/"
		if c.p != "" {
			target += manifest.Latest + "/" + c.p
		}
		res := s.get(target, "Accept-Datetime", mustID(t, c.at).Time().Format(http.TimeFormat))
		want := "<" + target + `>; rel="original timegate"` + timeMap + c.want
		if got := res.Header().Get("Link"); res.Code != http.StatusFound || got != want {
			t.Errorf("%s at %s: %d\n%s\nwant\n%s", target, c.at, res.Code, got, want)
		}
	}
}

// TestStale holds that what may be out of date says so while the store is away,
// and final answers never do.
func TestStale(t *testing.T) {
	now := time.Date(2025, 4, 2, 0, 0, 0, 0, time.UTC)
	s := serve(t, Options{Now: func() time.Time { return now }})
	stale := map[string]bool{
		"/": true, "/checkpoints/full/": true, "/checkpoints/full/latest/1.iso": true, "/checkpoints/full/20250401T120000Z/": true, "/-/repos": true,
		"/-/checkpoints?repo=full": true, "/-/resolve?repo=full": true, "/-/timemap/link/checkpoints/full/": true, "/mr/timestamp": true,
		"/checkpoints/full/20250319/": false, "/checkpoints/full/" + exact + "/1.iso": false, "/-/resolve?repo=full&at=20250319": false, "/checkpoints/full/" + exact + "/none": false,
	}
	check := func(when string, want string) {
		t.Helper()
		for target, mutable := range stale {
			res, expect := s.get(target), ""
			if mutable {
				expect = want
			}
			if got := res.Header().Get(staleHeader); got != expect || res.Code >= 500 {
				t.Errorf("%s, %s: %d, %s %q, want %q", when, target, res.Code, staleHeader, got, expect)
			}
		}
	}
	check("healthy", "")
	s.store.set(func(op, key string) error {
		if op == "load" {
			return away(op, key)
		}
		return nil
	}, nil)
	now = now.Add(90 * time.Second)
	if s.Refresh(t.Context()) == nil {
		t.Error("no error")
	}
	check("away", "90")
	for _, repo := range first2(s.Status()) {
		if !repo.Stale || repo.Checked.IsZero() {
			t.Errorf("%+v", repo)
		}
	}
	s.store.set(nil, nil)
	if err := s.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	check("back", "")
}

func first2(repos []RepoStatus, _ bool) []RepoStatus { return repos }

// TestAccess holds that nothing of a protected repo is told without credentials,
// and that no shared cache keeps what it is told with them.
func TestAccess(t *testing.T) {
	s := serve(t, Options{Access: func(req *http.Request, base string) Access {
		switch {
		case base == "checkpoints/full" || base == "":
			return Open
		case req.Header.Get("Authorization") == "Bearer right":
			return Granted
		}
		return Refused
	}})
	protected := []string{
		"/checkpoints/thin", "/checkpoints/thin/", "/checkpoints/thin/index.html", "/checkpoints/thin/checkpoints.json", "/checkpoints/thin/latest/1.iso", "/checkpoints/thin/" + exact + "/1.iso",
		"//checkpoints//thin/" + exact + "/1.iso", "/checkpoints/%74hin/" + exact + "/1.iso", "/checkpoints/thin/none", "/checkpoints/thin/" + pruned + "/",
		"/-/checkpoints?repo=thin", "/-/rings?repo=thin", "/-/resolve?repo=thin", "/-/files?repo=thin", "/-/file?repo=thin&path=1.iso", "/-/timemap/link/checkpoints/thin/", "/-/timemap/json/checkpoints/thin/", "/mr/timestamp?archive=thin", "/-/sha256/" + someDigest,
	}
	for _, target := range protected {
		res := s.get(target, "Accept-Datetime", "Wed, 19 Mar 2025 00:00:00 GMT")
		if res.Code != http.StatusUnauthorized || len(res.Header().Values("WWW-Authenticate")) != 2 || res.Header().Get("Cache-Control") != manifest.CacheNever || res.Header().Get("Location") != "" || strings.Contains(res.Body.String(), "iso") {
			t.Errorf("%s: %d %v\n%s", target, res.Code, res.Header(), res.Body)
		}
		res = s.get(target, "Authorization", "Bearer right")
		if res.Code == http.StatusUnauthorized || res.Code >= 500 || strings.Contains(res.Header().Get("Cache-Control"), "public") || !strings.Contains(strings.Join(res.Header().Values("Vary"), ","), "Authorization") {
			t.Errorf("%s with credentials: %d %v", target, res.Code, res.Header())
		}
	}
	// Where no shared cache may keep a page, it says nothing to them.
	page := s.get("/checkpoints/thin/"+exact+"/simple/x/", "Authorization", "Bearer right").Header()
	if page.Get("Cache-Control") != "private, max-age=0, must-revalidate" || !slices.Equal(page.Values("Vary"), []string{"Accept", "Authorization"}) {
		t.Errorf("a protected page: %v", page)
	}
	if res := s.get("/mr/timestamp"); res.Code != http.StatusOK || strings.Contains(res.Body.String(), "thin") {
		t.Errorf("all timestamps: %d %s", res.Code, res.Body)
	}
	if res := s.want("/checkpoints/full/"+exact+"/1.iso", http.StatusOK, ""); res.Header().Get("Cache-Control") != manifest.CacheImmutable {
		t.Errorf("an open repo: %v", res.Header())
	}
}

// TestListsShowWhatMayBeRead holds that lists of repos leave out those that the client
// may not read, and that a folder of such repos alone is none.
func TestListsShowWhatMayBeRead(t *testing.T) {
	open := map[string]bool{"": true, "empty": true, "checkpoints/full": true}
	s := serve(t, Options{Access: func(req *http.Request, base string) Access {
		switch {
		case open[base]:
			return Open
		case req.Header.Get("Authorization") == "Bearer right":
			return Granted
		}
		return Refused
	}})
	for _, accept := range []string{"text/html", "application/json"} {
		for _, target := range []string{"/", "/-/repos", "/checkpoints/"} {
			anyone, known := s.get(target, "Accept", accept), s.get(target, "Accept", accept, "Authorization", "Bearer right")
			if body := anyone.Body.String(); anyone.Code != http.StatusOK || strings.Contains(body, "thin") || strings.Contains(body, "sealed") || !strings.Contains(body, "full") {
				t.Errorf("%s: %d %s", target, anyone.Code, body)
			}
			if body := known.Body.String(); known.Code != http.StatusOK || !strings.Contains(body, "thin") || !strings.Contains(body, "sealed") {
				t.Errorf("%s with credentials: %d %s", target, known.Code, body)
			}
			for _, res := range []*httptest.ResponseRecorder{anyone, known} {
				if h := res.Header(); h.Get("Cache-Control") != "private, max-age=10" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Authorization") {
					t.Errorf("%s: shared caches keep it: %v", target, h)
				}
			}
		}
	}
	delete(open, "checkpoints/full")
	for _, target := range []string{"/checkpoints", "/checkpoints/"} {
		res, none := s.get(target), s.get(strings.Replace(target, "checkpoints", "nothing", 1))
		if res.Code != http.StatusNotFound || !reflect.DeepEqual(res.Header(), none.Header()) || res.Body.String() != none.Body.String() {
			t.Errorf("%s: %d %v %s, want it as any other path: %d %v %s", target, res.Code, res.Header(), res.Body, none.Code, none.Header(), none.Body)
		}
		if res := s.get(target, "Authorization", "Bearer right"); res.Code != http.StatusOK && res.Code != http.StatusMovedPermanently {
			t.Errorf("%s with credentials: %d", target, res.Code)
		}
	}
	open[""] = false // the whole service is protected
	for _, target := range []string{"/", "/-/repos", "/checkpoints", "/checkpoints/"} {
		if res := s.get(target); res.Code != http.StatusUnauthorized || strings.Contains(res.Body.String(), "thin") {
			t.Errorf("%s: %d %s", target, res.Code, res.Body)
		}
	}
}

package resolver

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/asof/asof/manifest"
)

const someDigest = "a9fe57239945c5c1f87713862904a90c8f1c455e39dbcde923f1c6d871e4c966" // 1.iso

// TestAPI holds the service against docs/openapi.yaml and both against what the
// fixture holds: every documented path is asked for, every answer has a
// documented form, every documented parameter is taken and no other.
func TestAPI(t *testing.T) {
	doc := loadAPI(t)
	s := serve(t, Options{})
	asked := map[string]bool{}
	for _, c := range []struct {
		path, target string
		status       int
		contains     []string
	}{
		{"/-/repos", "/-/repos", 200, []string{`"name":"thin"`}},
		{"/-/repos", "/-/repos?x=1", 400, []string{`there is no parameter \"x\" here`}},
		{"/-/rings", "/-/rings", 200, []string{`"name":"prod"`, `"due":`, `"why":"nothing later is final in sealed"`, `"absent":["empty"]`}},
		{"/-/rings", "/-/rings?repo=thin", 200, []string{`{"repo":"thin","checkpoint":"` + exact}},
		{"/-/rings", "/-/rings?repo=none", 404, nil},
		{"/-/checkpoints", "/-/checkpoints?repo=full", 200, []string{older, newest, `"channels":{"stable":"` + exact + `"}`, `"horizon":"20250401T000000Z"`}},
		{"/-/checkpoints", "/-/checkpoints?repo=full&from=20250310&to=2025-03-19", 200, []string{`"checkpoints":[{"id":"` + older, exact + `","manifest"`}},
		{"/-/checkpoints", "/-/checkpoints?repo=full&limit=1", 200, []string{`"next":"/-/checkpoints?from=` + older + `&limit=1&repo=full"`}},
		{"/-/checkpoints", "/-/checkpoints?repo=sealed", 200, []string{"20240201T000000Z", "20240301T000000Z", "20240501T000000Z"}},
		{"/-/checkpoints", "/-/checkpoints?repo=empty", 200, []string{`"checkpoints":[]`}},
		{"/-/checkpoints", "/-/checkpoints?repo=none", 404, nil},
		{"/-/checkpoints", "/-/checkpoints?repo=full&from=yesterday", 400, nil},
		{"/-/checkpoints", "/-/checkpoints?repo=full&limit=1001", 400, nil},
		{"/-/checkpoints", "/-/checkpoints?repo=full&repo=thin", 400, []string{"twice"}},
		{"/-/checkpoints", "/-/checkpoints?repo=%zz", 400, nil},
		{"/-/resolve", "/-/resolve?repo=thin&at=20250319", 200, []string{`"id":"` + exact, `"final":true`, `"url":"/checkpoints/thin/` + exact + `/"`, `"layout":"thin"`}},
		{"/-/resolve", "/-/resolve?repo=thin", 200, []string{`"id":"` + newest, `"final":false`}},
		{"/-/resolve", "/-/resolve?repo=thin&at=stable", 200, []string{`"id":"` + exact, `"final":false`}},
		{"/-/resolve", "/-/resolve?repo=thin&at=20250312T090000Z", 410, []string{`"checkpoint":"` + pruned + `"`}},
		{"/-/resolve", "/-/resolve?repo=thin&at=20240101", 404, nil},
		{"/-/files", "/-/files?repo=thin&at=" + exact, 200, []string{`{"path":"1.iso","size":15,"sha256":"` + someDigest + `","modified":"20250317T093000Z"}`, "é日本.txt", `"odd/<tag>.txt"`}},
		{"/-/files", "/-/files?repo=thin&at=" + exact + "&prefix=docs/", 200, []string{`"files":[{"path":"docs/deep/er/file.txt"`, `"docs/style.css"`}},
		{"/-/files", "/-/files?repo=thin&at=20250319&prefix=d&after=docs/deep&limit=1", 200, []string{`"files":[{"path":"docs/deep/er/file.txt"`, `"next":"/-/files?after=docs%2Fdeep%2Fer%2Ffile.txt&at=` + exact + `&limit=1&prefix=d&repo=thin"`}},
		{"/-/files", "/-/files?repo=thin&at=" + exact + "&prefix=zzz", 200, []string{`"files":[]`}},
		{"/-/file", "/-/file?repo=full&at=" + exact + "&path=1.iso", 200, []string{`"sha256":"` + someDigest + `"`, `"url":"/checkpoints/full/` + exact + `/1.iso"`}},
		{"/-/file", "/-/file?repo=full&at=" + exact + "&path=odd/c%2B%2B%20dir/libc%2B%2B_1~2.deb", 200, []string{`/odd/c%2B%2B%20dir/libc%2B%2B_1~2.deb"`}},
		{"/-/file", "/-/file?repo=full&path=none", 404, nil},
		{"/-/file", "/-/file?repo=full&path=index.html", 404, nil}, // a page
		{"/-/sha256/{digest}", "/-/sha256/" + someDigest, 200, []string{"second edition\n"}},
		{"/-/sha256/{digest}", "/-/sha256/" + strings.Repeat("0", 64), 404, nil},
		{"/-/sha256/{digest}", "/-/sha256/" + strings.ToUpper(someDigest), 404, nil},
		{"/-/sha256/{digest}", "/-/sha256/..", 404, nil},
		{"/-/timemap/link/{base}/", "/-/timemap/link/checkpoints/full/", 200, []string{
			"</checkpoints/full/>; rel=\"original timegate\",\n", `</-/timemap/link/checkpoints/full/>; rel="self"; type="application/link-format"; from="Sat, 01 Mar 2025 00:00:00 GMT"; until="Thu, 20 Mar 2025 10:15:00 GMT"`,
			`</checkpoints/full/20250301T000000Z/>; rel="first memento"; datetime="Sat, 01 Mar 2025 00:00:00 GMT"`,
			`</checkpoints/full/` + exact + `/>; rel="memento"; datetime="Tue, 18 Mar 2025 14:03:38 GMT"`, `rel="last memento"`,
		}},
		{"/-/timemap/link/{base}/", "/-/timemap/link/checkpoints/sealed/?from=2024-03-01", 200, []string{`</checkpoints/sealed/20240301T000000Z/>; rel="memento"`}},
		{"/-/timemap/link/{base}/", "/-/timemap/link/empty/", 200, nil},
		{"/-/timemap/link/{base}/", "/-/timemap/link/none/", 404, nil},
		{"/-/timemap/link/{base}/", "/-/timemap/link/left/deleted/", 410, []string{"this repository was deleted: held a secret"}},
		{"/-/timemap/json/{base}/", "/-/timemap/json/left/former/", 410, []string{"this repository now stands at checkpoints/full/"}},
		{"/-/checkpoints", "/-/checkpoints?repo=deleted", 410, []string{"this repository was deleted: held a secret"}},
		{"/-/resolve", "/-/resolve?repo=former&at=20250318", 410, []string{"this repository now stands at checkpoints/full/"}},
		{"/-/timemap/json/{base}/", "/-/timemap/json/checkpoints/full/", 200, []string{`"first":{"datetime":"2025-03-01T00:00:00Z","uri":"/checkpoints/full/20250301T000000Z/"}`}},
		{"/-/timemap/json/{base}/", "/-/timemap/json/empty/", 200, []string{`"list":[]`}},
		{"/-/mirrorlist/{base}/{when}/{path}", "/-/mirrorlist/checkpoints/full/stable/docs/", 200, []string{
			"http://example.com/checkpoints/full/" + exact + "/docs/\nhttp://example.com/checkpoints/full/stable/docs/\n",
		}},
		{"/-/mirrorlist/{base}/{when}/{path}", "/-/mirrorlist/checkpoints/full/20250312T090000Z/", 410, nil},
		{"/-/mirrorlist/{base}/{when}/{path}", "/-/mirrorlist/none/latest/", 404, nil},
		{"/mr/timestamp/", "/mr/timestamp/", 200, []string{`"empty":[]`, `"full":["20250301T000000Z","` + older + `"`}},
		{"/mr/timestamp/", "/mr/timestamp?archive=thin&after=" + exact, 200, []string{`"result":{"thin":["` + exact + `","` + newest + `"]}`}},
		{"/mr/timestamp/", "/mr/timestamp/?archive=sealed&before=20240315T000000Z", 200, []string{`"result":{"sealed":["20240201T000000Z","20240301T000000Z"]}`}},
		{"/mr/timestamp/", "/mr/timestamp/?archive=none", 404, nil},
	} {
		asked[c.path] = true
		res := s.get(c.target, "Accept", "application/problem+json")
		body := res.Body.String()
		if res.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", c.target, res.Code, c.status, body)
		}
		for _, want := range c.contains {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", c.target, want, body)
			}
		}
		if err := documented(doc, c.path, res.Code, res.Header().Get("Content-Type"), body); err != "" {
			t.Errorf("%s: %s", c.target, err)
		}
		if res.Header().Get("Cache-Control") == "" || res.Header().Get("Content-Length") == "" && res.Code == http.StatusOK && !strings.Contains(c.target, "sha256") {
			t.Errorf("%s: headers %v", c.target, res.Header())
		}
	}
	for path, item := range doc.Paths.Map() {
		if path == "/-/healthz" || path == "/-/readyz" || path == "/-/metrics" {
			continue // the service's, tested there
		}
		if !asked[path] {
			t.Errorf("nothing asks for %s", path)
		}
		for _, p := range item.Get.Parameters {
			if p.Value.In != "query" {
				continue
			}
			target := strings.NewReplacer("{base}", "checkpoints/full", "{digest}", someDigest).Replace(path) + "?" + p.Value.Name + "=1"
			if res := s.get(target); strings.Contains(res.Body.String(), "there is no parameter") {
				t.Errorf("%s: parameter %s is documented and not taken", path, p.Value.Name)
			}
		}
	}
}

func loadAPI(t testing.TB) *openapi3.T {
	t.Helper()
	data, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err == nil {
		err = doc.Validate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// documented tells what of an answer the document does not say.
func documented(doc *openapi3.T, path string, status int, contentType, body string) string {
	item := doc.Paths.Find(path)
	if item == nil {
		return path + " is not documented"
	}
	res := item.Get.Responses.Status(status)
	if res == nil {
		res = item.Get.Responses.Default()
	}
	if res == nil {
		return "the status is not documented"
	}
	media, _, _ := strings.Cut(contentType, ";")
	content := res.Value.Content[media]
	if content == nil {
		return "the content type " + media + " is not documented"
	}
	if !strings.Contains(media, "json") {
		return ""
	}
	var value any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		return err.Error()
	}
	if err := content.Schema.Value.VisitJSON(value); err != nil {
		return err.Error()
	}
	return ""
}

// TestPages walks every page of a listing and finds each entry once.
func TestPages(t *testing.T) {
	s := serve(t, Options{})
	var page struct {
		Checkpoints []struct{ ID string }
		Files       []struct{ Path string }
		Next        string
	}
	walk := func(next string) (seen []string) {
		for next != "" {
			page.Checkpoints, page.Files, page.Next = nil, nil, ""
			if err := json.Unmarshal(s.want(next, http.StatusOK, "").Body.Bytes(), &page); err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Checkpoints {
				seen = append(seen, c.ID)
			}
			for _, f := range page.Files {
				seen = append(seen, f.Path)
			}
			next = page.Next
		}
		return seen
	}
	if got, want := walk("/-/checkpoints?repo=sealed&limit=1"), []string{"20240201T000000Z", "20240301T000000Z", "20240501T000000Z"}; !slices.Equal(got, want) {
		t.Errorf("checkpoints %q, want %q", got, want)
	}
	all := walk("/-/files?repo=full&at=" + exact)
	if got := walk("/-/files?repo=full&limit=2&at=" + exact); !slices.Equal(got, all) || len(all) != 30 || !slices.IsSorted(all) {
		t.Errorf("files %q, want %q", got, all)
	}
}

// TestAPICaching holds invariant 4 for the API.
func TestAPICaching(t *testing.T) {
	s := serve(t, Options{})
	for target, want := range map[string]string{
		"/-/resolve?repo=full&at=20250319":         cacheFinal,
		"/-/resolve?repo=full&at=" + newest:        cacheFinal,
		"/-/resolve?repo=full":                     manifest.CacheNever,
		"/-/resolve?repo=full&at=stable":           manifest.CacheNever,
		"/-/resolve?repo=full&at=20260101":         manifest.CacheNever,
		"/-/files?repo=full&at=" + exact:           cacheFinal,
		"/-/files?repo=full":                       manifest.CacheNever,
		"/-/file?repo=full&path=none":              manifest.CacheNever,
		"/-/file?repo=full&path=none&at=" + exact:  cacheFinal,
		"/-/checkpoints?repo=full":                 manifest.CacheShort,
		"/-/timemap/link/checkpoints/full/":        manifest.CacheShort,
		"/-/sha256/" + someDigest:                  manifest.CacheImmutable,
		"/-/sha256/" + strings.Repeat("0", 64):     manifest.CacheShort,
		"/-/resolve?repo=full&at=20250312T090000Z": cacheFinal,
		"/mr/timestamp/?archive=full":              manifest.CacheShort,
	} {
		if got := s.get(target).Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

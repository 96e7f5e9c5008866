package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A change is announced after it is committed. If that fails, the command says so
// and fails, but nothing is undone.
func TestAnnounce(t *testing.T) {
	var mu sync.Mutex
	var got []string
	broken := false
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(req.Body)
		got = append(got, req.Method+" "+req.URL.Path+" "+string(body))
		if broken {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>not yours</Message></Error></ErrorResponse>`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `<Invalidation><Id>I1</Id><Status>InProgress</Status></Invalidation>`)
	}))
	defer cdn.Close()
	w := newWorkspace(t, `
store: ./data
cloudfront: {distribution: E2EXAMPLE}
repos:
  - name: myfile
    path: checkpoints/myfile
    remote: {type: dir, path: src}
`, "AWS_ENDPOINT_URL_CLOUDFRONT="+cdn.URL, "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	taken := func() []string {
		mu.Lock()
		defer mu.Unlock()
		calls := got
		got = nil
		return calls
	}

	w.write("src/a.txt", "one\n")
	w.run("publish")
	calls := taken()
	if len(calls) != 1 || !strings.HasPrefix(calls[0], "POST /2020-05-31/distribution/E2EXAMPLE/invalidation ") ||
		!strings.Contains(calls[0], "<Path>/checkpoints/myfile/checkpoints.json</Path>") || strings.Contains(calls[0], "a.txt") {
		t.Errorf("%q", calls)
	}
	w.run("publish") // at most the horizon moves: nothing that is cached for long
	if calls := taken(); calls != nil {
		t.Errorf("unchanged: %q", calls)
	}

	mu.Lock()
	broken = true
	mu.Unlock()
	w.write("src/a.txt", "two\n")
	for _, command := range [][]string{{"publish"}, {"prune", "myfile", "--keep-last", "1", "--apply"}} {
		r := w.try(command...)
		if r.code != 1 || !strings.Contains(r.stderr, "committed, but not announced: cloudfront invalidation: ") || !strings.Contains(r.stderr, "hint: the next asof publish announces it again\n") {
			t.Errorf("%s: exit code %d\n%s", command, r.code, r.stderr)
		}
		if r.stdout == "" {
			t.Errorf("%s: no result is printed", command)
		}
	}
	if out := w.run("list", "myfile"); strings.Count(out, "full") != 1 {
		t.Errorf("the list after it:\n%s", out)
	}
}

package resolvertest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
)

// Options configure a run of the table.
type Options struct {
	// Now is the clock of what is tested; nil: time.Now.
	Now func() time.Time
	// Origin is where answers say that clients find what is tested; empty: the base URL.
	Origin string
	// Skip names rows that what is tested can't answer, with a reason each.
	Skip map[string]string
	// Check, if not nil, looks at every answer, too.
	Check func(t *testing.T, row Row, res *http.Response)
}

// Run sends every row to baseURL, which has no path, in every layout that the
// row is for, and checks the answers. Requests go out byte for byte as the
// table has them, without a client library that would mend them.
func (f Fixture) Run(t *testing.T, baseURL string, opts Options) {
	t.Helper()
	base, err := url.Parse(baseURL)
	if err != nil || base.Path != "" && base.Path != "/" {
		t.Fatalf("base URL %q: want one without a path (%v)", baseURL, err)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Origin == "" {
		opts.Origin = base.Scheme + "://" + base.Host
	}
	for _, row := range f.Rows {
		layouts := row.Layouts
		switch {
		case !strings.Contains(row.Path, "{{base}}"):
			layouts = []manifest.Layout{""}
		case layouts == nil:
			layouts = []manifest.Layout{manifest.Full, manifest.Thin}
		}
		for _, layout := range layouts {
			t.Run(row.Name+"/"+string(layout), func(t *testing.T) {
				if reason, ok := opts.Skip[row.Name]; ok {
					t.Skip(reason)
				}
				f.run(t, base, row, fill{f, t, layout, opts.Origin, manifest.IDOf(opts.Now())}, opts.Check)
			})
		}
	}
}

func (f Fixture) run(t *testing.T, base *url.URL, row Row, fill fill, check func(*testing.T, Row, *http.Response)) {
	method := row.Method
	if method == "" {
		method = http.MethodGet
	}
	headers := map[string]string{}
	for name, value := range row.Headers {
		headers[name] = fill.in(value)
	}
	res, body, err := send(t.Context(), base, method, fill.in(row.Path), headers)
	if err != nil {
		t.Fatalf("%s %s: %v", method, row.Path, err)
	}
	if res.StatusCode != row.Want.Status {
		t.Errorf("%s %s: status %d, want %d\n%v\n%.500s", method, fill.in(row.Path), res.StatusCode, row.Want.Status, res.Header, body)
	}
	for name, want := range row.Want.Headers {
		got := res.Header.Values(name)
		switch {
		case want == nil && got != nil:
			t.Errorf("%s: %q, want none", name, got)
		case want != nil && !slices.Equal(got, []string{fill.in(*want)}):
			t.Errorf("%s: %q, want %q", name, got, fill.in(*want))
		}
	}
	checkAlways(t, method, res, body)
	if check != nil {
		check(t, row, res)
	}
	if row.Want.Body != nil {
		f.checkBody(t, *row.Want.Body, body, fill)
	}
}

// checkAlways checks what holds for every answer.
func checkAlways(t *testing.T, method string, res *http.Response, body []byte) {
	t.Helper()
	if loc, ok := res.Header["Location"]; ok {
		if len(loc) != 1 || !strings.HasPrefix(loc[0], "/") || strings.HasPrefix(loc[0], "//") || strings.ContainsAny(loc[0], "\\\r\n") {
			t.Errorf("Location %q is not a path on this host", loc)
		}
	}
	if got := res.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("X-Content-Type-Options: %q, want nosniff", got)
	}
	if res.StatusCode == http.StatusNotModified {
		return
	}
	if res.Header.Get("Cache-Control") == "" {
		t.Error("no Cache-Control")
	}
	length, err := strconv.Atoi(res.Header.Get("Content-Length"))
	if err != nil || method != http.MethodHead && length != len(body) {
		t.Errorf("Content-Length %q with %d bytes", res.Header.Get("Content-Length"), len(body))
	}
}

func (f Fixture) checkBody(t *testing.T, want Body, got []byte, fill fill) {
	t.Helper()
	if want.Text != nil && string(got) != fill.in(*want.Text) {
		t.Errorf("body %.200q, want %.200q", got, fill.in(*want.Text))
	}
	if want.Object != "" && !bytes.Equal(got, fill.object(fill.in(want.Object))) {
		t.Errorf("body is not %s: %.200q", fill.in(want.Object), got)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(got)); want.SHA256 != "" && sum != want.SHA256 {
		t.Errorf("body has SHA-256 %s, want %s", sum, want.SHA256)
	}
	for _, s := range want.Contains {
		if !bytes.Contains(got, []byte(fill.in(s))) {
			t.Errorf("body lacks %q:\n%.2000s", fill.in(s), got)
		}
	}
	for _, s := range want.Lacks {
		if bytes.Contains(got, []byte(fill.in(s))) {
			t.Errorf("body contains %q:\n%.2000s", fill.in(s), got)
		}
	}
}

// fill replaces the placeholders of the table.
type fill struct {
	fixture Fixture
	t       testing.TB
	layout  manifest.Layout
	origin  string
	now     manifest.ID
}

func (f fill) in(s string) string {
	f.t.Helper()
	// First, as it may stand inside another.
	s = strings.ReplaceAll(s, "{{base}}", "checkpoints/"+string(f.layout))
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "{{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "}}")
		if !ok {
			f.t.Fatalf("placeholder without an end in %q", s)
		}
		b.WriteString(f.value(name))
		s = after
	}
}

func (f fill) value(name string) string {
	f.t.Helper()
	word, arg, _ := strings.Cut(name, " ")
	switch {
	case word == "sha256":
		return manifest.Sum(f.object(arg)).String()
	case word == "size":
		return strconv.Itoa(len(f.object(arg)))
	case name == "now":
		return f.now.String()
	case name == "origin":
		return f.origin
	case strings.HasPrefix(name, "now"):
		d, err := time.ParseDuration(name[len("now"):])
		if err == nil {
			return (f.now + manifest.ID(d/time.Second)).String()
		}
	}
	f.t.Fatalf("unknown placeholder {{%s}}", name)
	return ""
}

func (f fill) object(key string) []byte {
	f.t.Helper()
	data, ok := f.fixture.Object(key)
	if !ok {
		f.t.Fatalf("the table names object %q, which the store lacks", key)
	}
	return data
}

// send makes one request on a connection of its own and reads the answer.
func send(ctx context.Context, base *url.URL, method, target string, headers map[string]string) (*http.Response, []byte, error) {
	conn, err := dial(ctx, base)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, nil, err
	}
	var req bytes.Buffer
	fmt.Fprintf(&req, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, target, base.Host)
	for name, value := range headers {
		fmt.Fprintf(&req, "%s: %s\r\n", name, value)
	}
	req.WriteString("\r\n")
	if _, err := conn.Write(req.Bytes()); err != nil {
		return nil, nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

func dial(ctx context.Context, base *url.URL) (net.Conn, error) {
	port := base.Port()
	if base.Scheme == "https" {
		if port == "" {
			port = "443"
		}
		return (&tls.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(base.Hostname(), port))
	}
	if port == "" {
		port = "80"
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(base.Hostname(), port))
}

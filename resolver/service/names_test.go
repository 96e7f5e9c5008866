package service

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/asof/asof/resolver"
)

// scripts are names that would run on a page, or in a terminal that shows a log.
var scripts = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `</title><script>alert(1)</script>`, `</style><script>alert(1)</script>`, `<!--<script>alert(1)`, `javascript:alert(1)`,
	`" onmouseover="alert(1)`, `' autofocus onfocus='alert(1)`, "`-alert(1)-`", `{{constructor.constructor('alert(1)')()}}`, `${alert(1)}`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `&#60;script&#62;`, `+ADw-script+AD4-alert(1)`, `<a href="data:text/html,x">`,
	"\u202egnp.exe", "\u2028alert(1)", "\ufeff<script>", "%3Cscript%3E", "\x1b[2J\x1b]0;title\x07", "a\nlevel=ERROR msg=forged", "a\r\nlevel=ERROR", `{"level":"ERROR"}`, "a\x00b", "a\tb", `a" user="root`, "\x7f", "\u0085next", "\xff\xfe",
}

// TestNames holds that names out of a request stand on pages as text, and in logs within
// their field and line.
func TestNames(t *testing.T) {
	var text, json, own bytes.Buffer
	logging := func(access slog.Handler) *Service {
		s, _ := setup(t, func(o *Options, r *resolver.Options) {
			r.Log = slog.New(slog.NewTextHandler(&own, &slog.HandlerOptions{Level: slog.LevelDebug}))
			o.AccessLog = slog.New(access)
		})
		return s
	}
	services := []*Service{logging(slog.NewTextHandler(&text, nil)), logging(slog.NewJSONHandler(&json, nil))}
	tried := 0
	for _, name := range scripts {
		in, q := url.PathEscape(name), url.QueryEscape(name)
		for _, target := range []string{
			"/" + in, "/" + in + "/", "/checkpoints/full/" + in, "/checkpoints/full/" + in + "/x", "/checkpoints/full/latest/" + in, "/checkpoints/full/20250319/" + in, "/checkpoints/full/" + exact + "/" + in, "/checkpoints/full/" + exact + "/odd/" + in, "/checkpoints/full/?" + q,
			"/-/" + in, "/-/sha256/" + in, "/-/timemap/link/" + in + "/", "/-/mirrorlist/" + in + "/", "/-/mirrorlist/checkpoints/full/" + in + "/", "/-/mirrorlist/checkpoints/full/latest/" + in, "/-/resolve?repo=" + q, "/-/resolve?repo=full&at=" + q, "/-/files?repo=full&at=latest&prefix=" + q, "/-/file?repo=full&at=latest&path=" + q, "/-/checkpoints?repo=full&from=" + q, "/mr/timestamp?archive=" + q, "/-/repos?" + q + "=" + q,
		} {
			for _, accept := range []string{"text/html", "application/json", ""} {
				for _, service := range services {
					text.Reset()
					json.Reset()
					own.Reset()
					req := httptest.NewRequest(http.MethodGet, target, nil)
					req.Header = http.Header{"Accept": {accept}, "User-Agent": {name}, "X-Forwarded-For": {name}, "Authorization": {"Basic " + name}}
					req.Host = name
					res := httptest.NewRecorder()
					service.ServeHTTP(res, req)
					tried++
					harmless(t, target, res.Result(), res.Body.Bytes(), nil)
					if strings.HasPrefix(res.Header().Get("Content-Type"), "text/html") && strings.ContainsAny(name, `<>"'`) && strings.Contains(res.Body.String(), name) {
						t.Errorf("%s: %q stands on the page as it is:\n%s", target, name, res.Body)
					}
					if res.Header().Get("X-Content-Type-Options") != "nosniff" {
						t.Errorf("%s: %v", target, res.Header())
					}
					for _, log := range []*bytes.Buffer{&text, &json, &own} {
						line := log.String()
						if strings.Count(line, "\n") > 1 || strings.ContainsAny(line, "\x1b\x00\r") || strings.ContainsAny(text.String()+own.String(), "\u202e\u2028\u0085") || strings.Contains(line, ` user="root`) || strings.Contains(text.String(), "\nlevel=ERROR") {
							t.Errorf("%s: logged %q", target, line)
						}
					}
				}
			}
		}
	}
	t.Logf("%d requests tried", tried)
}

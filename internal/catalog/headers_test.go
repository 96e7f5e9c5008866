package catalog

import (
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

func TestCheckHeaders(t *testing.T) {
	const immutable = "public, max-age=31536000, immutable"
	for _, tt := range []struct {
		key  string
		have objstore.Headers
		want string
	}{
		{"a/20250318T140338Z/x/Packages.gz", headers("application/gzip", immutable), ""},
		{"a/20250318T140338Z/x/Packages.gz", objstore.Headers{Attributes: headers("text/plain", immutable).Attributes, ContentEncoding: "gzip"},
			`Content-Type "text/plain", want "application/gzip"; Content-Encoding "gzip", want none`},
		{"a/20250318T140338Z/x/", headers("text/html; charset=utf-8", manifest.CachePage), ""},
		{"a/20250318T140338Z/x/index.html", headers("text/html; charset=utf-8", manifest.CachePage), ""},
		// Pages of earlier versions.
		{"a/20250318T140338Z/x/", headers("text/html; charset=utf-8", immutable), ""},
		{"a/20250318T140338Z/x/index.html", headers("text/html; charset=utf-8", immutable), ""},
		{"a/20250318T140338Z/index.html", headers("text/html; charset=utf-8", "no-cache"), `Cache-Control "no-cache", want "public, max-age=0, s-maxage=31536000, must-revalidate"`},
		{"a/20250318T140338Z/x/page.html", headers("text/html; charset=utf-8", manifest.CachePage), `Cache-Control "public, max-age=0, s-maxage=31536000, must-revalidate", want "public, max-age=31536000, immutable"`},
		{"a/index.html", headers("text/html; charset=utf-8", immutable), `Cache-Control "public, max-age=31536000, immutable", want "public, max-age=10"`},
		{"a/20250318T140338Z/.asof/changes.json", headers("application/json", immutable), ""},
		{"a/checkpoints.json", headers("", ""), `no Content-Type, want "application/json"; no Cache-Control, want "public, max-age=10"`},
		{"asof.json", headers("application/json", "no-store"), ""},
		{"b/checkpoints.json", headers("", ""), ""},
		{manifest.BlobKey(manifest.Sum(nil)), headers("binary/octet-stream", immutable), `Content-Type "binary/octet-stream", want "application/octet-stream"`},
	} {
		if got := CheckHeaders("a", tt.key, tt.have); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.key, got, tt.want)
		}
	}
}

func headers(contentType, cacheControl string) objstore.Headers {
	return objstore.Headers{Attributes: objstore.Attributes{ContentType: contentType, CacheControl: cacheControl}}
}

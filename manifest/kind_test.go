package manifest

import "testing"

func TestKinds(t *testing.T) {
	const (
		html, text, data, object = "text/html; charset=utf-8", "text/plain; charset=utf-8", "application/octet-stream", "application/json"
		immutable, short, never  = "public, max-age=31536000, immutable", "public, max-age=10", "no-store"
	)
	tests := []struct {
		kind    Kind
		mutable bool
		cache   string
		media   string // for a file whose name says nothing
	}{
		{KindRegistry, true, never, object},
		{KindIndex, true, short, object},
		{KindList, true, short, html},
		{KindFile, false, immutable, data},
		{KindPage, false, immutable, html},
		{KindBlob, false, immutable, data},
		{KindManifest, false, immutable, text},
		{KindStaged, true, never, object},
		{KindGroup, true, never, object},
		{KindValidators, true, never, object},
		{KindJournal, true, never, text},
		{KindAttempt, false, never, text},
		{KindPin, false, never, text},
		{KindNotice, false, never, text},
		{KindRecord, false, never, object},
		{KindNote, true, never, object},
		{KindRollout, true, never, object},
		{KindSegment, false, immutable, object},
	}
	if len(tests) != Kinds {
		t.Errorf("%d kinds of %d", len(tests), Kinds)
	}
	for _, tt := range tests {
		if tt.kind.Mutable() != tt.mutable {
			t.Errorf("kind %d: mutable is not %v", tt.kind, tt.mutable)
		}
		if got := tt.kind.CacheControl("x"); got != tt.cache {
			t.Errorf("kind %d: %s", tt.kind, got)
		}
		if got := tt.kind.ContentType("x"); got != tt.media {
			t.Errorf("kind %d: %s", tt.kind, got)
		}
		// Mutable objects must not be cached as immutable.
		if tt.mutable && tt.kind.CacheControl("x") == CacheImmutable {
			t.Errorf("kind %d: mutable and cached for ever", tt.kind)
		}
	}
	// The name matters for files only.
	if got := KindBlob.ContentType("x.html"); got != data {
		t.Error(got)
	}
}

// Pages are asked for again, whoever made them; their bytes in the pool have no name.
func TestCacheControlOfPages(t *testing.T) {
	for name, want := range map[string]string{
		"index.html": CachePage, "a/b/index.html": CachePage, "": CachePage, "a/": CachePage,
		"index.v1_json": CachePage, "a/index.v1_json": CachePage, "index.v1_html": CacheImmutable,
		"a.html": CacheImmutable, "a/xindex.html": CacheImmutable, "index.html.gz": CacheImmutable, "INDEX.HTML": CacheImmutable,
		ChangesPath: CacheImmutable,
	} {
		for _, kind := range []Kind{KindFile, KindPage} {
			if got := kind.CacheControl(name); got != want {
				t.Errorf("kind %d, %q: %s", kind, name, got)
			}
			for _, have := range []string{CacheImmutable, CachePage, CacheShort, ""} {
				kept := have == want || want == CachePage && have == CacheImmutable
				if kind.KeptCacheControl(name, have) != kept {
					t.Errorf("kind %d, %q: may it keep %q? want %v", kind, name, have, kept)
				}
			}
		}
		if got := KindBlob.CacheControl(name); got != CacheImmutable {
			t.Errorf("blob %q: %s", name, got)
		}
	}
	if KindList.KeptCacheControl("index.html", CacheImmutable) {
		t.Error("a list that changes may stay immutable")
	}
}

func TestContentType(t *testing.T) {
	for name, want := range map[string]string{
		"dists/jammy/InRelease":      "text/plain; charset=utf-8",
		"dists/jammy/Release":        "text/plain; charset=utf-8",
		"dists/jammy/Release.gpg":    "application/pgp-signature",
		"main/binary-amd64/Packages": "text/plain; charset=utf-8",
		"Packages.gz":                "application/gzip", // never a Content-Encoding
		"Packages.xz":                "application/x-xz",
		"repodata/repomd.xml":        "application/xml",
		"repodata/x-primary.xml.zst": "application/zstd",
		"PULP_MANIFEST":              "text/plain; charset=utf-8",
		"pool/a_1.deb":               "application/vnd.debian.binary-package",
		"a.rpm":                      "application/x-rpm",
		"a-1-py3-none-any.whl":       "application/zip",
		"a.TAR.GZ":                   "application/gzip",
		"simple/a/index.html":        "text/html; charset=utf-8",
		"a.json":                     "application/json",
		"simple/a/index.v1_json":     "application/vnd.pypi.simple.v1+json",
		"a.v1_json":                  "application/octet-stream",
		"a.iso":                      "application/octet-stream",
		"a":                          "application/octet-stream",
		"x.html/a":                   "application/octet-stream",
		"Packages/a":                 "application/octet-stream",
		"a.":                         "application/octet-stream",
	} {
		if got := KindFile.ContentType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

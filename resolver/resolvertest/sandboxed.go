package resolvertest

import "net/http"

// Sandboxed are the rows of something that keeps upstream's own HTML from running as its
// own, which asof's pages are.
func (f Fixture) Sandboxed() Fixture {
	sandbox := "sandbox"
	with := func(value *string) Want {
		return Want{Status: http.StatusOK, Headers: map[string]*string{"Content-Security-Policy": value}}
	}
	const docs = "/{{base}}/20250318T140338Z/docs/"
	f.Rows = []Row{
		{Name: "upstream's own page", Path: docs, Want: with(&sandbox)},
		{Name: "upstream's own page, by name", Path: docs + "index.html", Want: with(&sandbox)},
		{Name: "upstream's own page, HEAD", Method: http.MethodHead, Path: docs, Want: with(&sandbox)},
		{Name: "upstream's style", Path: docs + "style.css", Want: with(nil)},
		{Name: "a listing page", Path: docs + "deep/", Want: with(nil)},
		{Name: "front page of a checkpoint", Path: "/{{base}}/20250318T140338Z/", Want: with(nil)},
		{Name: "list", Path: "/{{base}}/", Want: with(nil)},
		{Name: "front page", Path: "/", Want: with(nil)},
	}
	return f
}

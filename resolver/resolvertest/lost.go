package resolvertest

import (
	"net/http"
	"slices"

	"github.com/asof/asof/manifest"
)

// Lost are stores that lost a register before whoever answers has ever read it, by the
// register's name. What they lost had a history, and must not pass for new: their rows
// want 503 instead of 404, and the answers of what is not lost.
func (f Fixture) Lost() map[string]Fixture {
	return map[string]Fixture{
		"index":    f.without(manifest.IndexKey("checkpoints/full"), lostIndex),
		"registry": f.without(manifest.RegistryKey, lostRegistry),
	}
}

func (f Fixture) without(key string, rows []Row) Fixture {
	objects := slices.DeleteFunc(slices.Clone(f.Objects), func(o Object) bool { return o.Key == key })
	front := Object{Key: manifest.FrontKey, Register: true, Text: "<!doctype html>\n"}
	return Fixture{append(objects, front), rows}
}

var (
	retry     = "5"
	notKept   = "no-store"
	toNewest  = "/checkpoints/thin/20250320T101500Z/1.iso"
	notBefore = Want{Status: http.StatusServiceUnavailable, Headers: map[string]*string{"Retry-After": &retry, "Cache-Control": &notKept, "Location": nil}}

	lostIndex = []Row{
		{Name: "list", Path: "/checkpoints/full/", Want: notBefore},
		{Name: "index by its name", Path: "/checkpoints/full/checkpoints.json", Want: notBefore},
		{Name: "latest", Path: "/checkpoints/full/latest/1.iso", Want: notBefore},
		{Name: "a time", Path: "/checkpoints/full/20250319/1.iso", Want: notBefore},
		{Name: "a time before all", Path: "/checkpoints/full/20200101/1.iso", Want: notBefore},
		{Name: "an exact id", Path: "/checkpoints/full/20250318T140338Z/1.iso", Want: notBefore},
		{Name: "a channel", Path: "/checkpoints/full/stable/", Want: notBefore},
		{Name: "another repo", Path: "/checkpoints/thin/latest/1.iso", Want: Want{Status: http.StatusTemporaryRedirect, Headers: map[string]*string{"Location": &toNewest}}},
		{Name: "a repo never published to", Path: "/empty/latest/", Want: Want{Status: http.StatusNotFound}},
		{Name: "front page", Path: "/", Want: Want{Status: http.StatusOK}},
	}
	lostRegistry = []Row{
		{Name: "front page", Path: "/", Want: notBefore},
		{Name: "list", Path: "/checkpoints/full/", Want: notBefore},
		{Name: "an exact id", Path: "/checkpoints/full/20250318T140338Z/1.iso", Want: notBefore},
		{Name: "no repo", Path: "/none/", Want: notBefore},
	}
)

package catalog

import (
	"fmt"
	"strings"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// AttributesAt returns what the store must keep with the object under a key of a repo with
// a base path; false for a key that is none of asof's.
func AttributesAt(base, key string) (objstore.Attributes, bool) {
	kind, _, path, ok := manifest.KindAt(base, key)
	return Attributes(kind, path), ok
}

// CheckHeaders says how the headers of the object under a key differ from those that asof
// gives it, or gave it in earlier versions. The result is empty if they do not.
func CheckHeaders(base, key string, have objstore.Headers) string {
	kind, _, path, ok := manifest.KindAt(base, key)
	if !ok {
		return ""
	}
	want := Attributes(kind, path)
	if kind.KeptCacheControl(path, have.CacheControl) {
		want.CacheControl = have.CacheControl
	}
	var wrong []string
	for _, h := range []struct{ name, have, want string }{
		{"Content-Type", have.ContentType, want.ContentType},
		{"Cache-Control", have.CacheControl, want.CacheControl},
		{"Content-Encoding", have.ContentEncoding, ""},
		{"Content-Disposition", have.ContentDisposition, ""},
		{"Content-Language", have.ContentLanguage, ""},
	} {
		switch {
		case h.have == h.want:
		case h.have == "":
			wrong = append(wrong, fmt.Sprintf("no %s, want %q", h.name, h.want))
		case h.want == "":
			wrong = append(wrong, fmt.Sprintf("%s %q, want none", h.name, h.have))
		default:
			wrong = append(wrong, fmt.Sprintf("%s %q, want %q", h.name, h.have, h.want))
		}
	}
	return strings.Join(wrong, "; ")
}

package resolver

import (
	"net/http"
	"strings"

	"github.com/asof/asof/manifest"
)

// errTooLarge: the body is above Options.MaxBody. It is the answer where the
// client can't be sent elsewhere.
var errTooLarge = &problem{
	status: http.StatusInternalServerError,
	detail: "the answer is larger than this service can send",
	hint:   "ask for a range of it; who runs the service can let it redirect to the store",
}

// sendToObject sends the client to an object that is too large to be sent from
// here.
func (r *Resolver) sendToObject(w http.ResponseWriter, req *http.Request, key string) error {
	url, cache := "", cacheFinal
	switch {
	case r.opts.PoolURL != "":
		url = r.poolURL(key)
	case r.opts.SignURL != nil:
		var err error
		if url, err = r.opts.SignURL(req.Context(), key); err != nil {
			return unavailable(err)
		}
		cache = manifest.CacheNever // it is a secret, and does not last
	default:
		return errTooLarge
	}
	h := w.Header()
	for _, name := range []string{"Content-Type", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	redirect(w, http.StatusTemporaryRedirect, url, cache)
	return nil
}

// poolURL is where a client finds an object of the store.
func (r *Resolver) poolURL(key string) string {
	return strings.TrimSuffix(r.opts.PoolURL, "/") + location(false, "", strings.Split(key, "/")...)
}

func isHTML(contentType string) bool { return strings.HasPrefix(contentType, "text/html") }

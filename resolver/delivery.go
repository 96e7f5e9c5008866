package resolver

import (
	"net/http"
	"strings"

	"github.com/asof/asof/manifest"
)

// Delivery is how the files of a repo reach clients.
type Delivery uint8

const (
	Proxy    Delivery = iota // through the resolver
	Redirect                 // from Options.PoolURL, by a redirect
	Presign                  // from the store, by a redirect to a URL that is good for a while
)

// deliverElsewhere sends the client to the object that holds a file, if the repo
// is delivered so. What a browser would run is not if it needs Options.Sandbox.
func (r *Resolver) deliverElsewhere(w http.ResponseWriter, req *http.Request, base, key, contentType string) (bool, error) {
	if r.opts.Sandbox && isActive(contentType) {
		return false, nil
	}
	how := Proxy
	switch {
	case r.opts.Delivery != nil:
		how = r.opts.Delivery(base)
	case r.opts.PoolURL != "":
		how = Redirect
	}
	if how == Proxy {
		return false, nil
	}
	return true, r.redirectTo(w, req, how, key)
}

// redirectTo sends the client to an object, by Redirect or Presign.
func (r *Resolver) redirectTo(w http.ResponseWriter, req *http.Request, how Delivery, key string) error {
	if how == Redirect {
		redirect(w, http.StatusTemporaryRedirect, strings.TrimSuffix(r.opts.PoolURL, "/")+location(false, "", key), cacheFinal)
		return nil
	}
	url, err := r.opts.SignURL(req.Context(), key)
	if err == nil {
		redirect(w, http.StatusTemporaryRedirect, url, manifest.CacheNever) // a secret, and it does not last
	}
	return err
}

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
	how := Redirect
	switch {
	case r.opts.PoolURL != "":
	case r.opts.SignURL != nil:
		how = Presign
	default:
		return errTooLarge
	}
	for _, name := range []string{"Content-Type", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified", "Repr-Digest"} {
		w.Header().Del(name)
	}
	return r.redirectTo(w, req, how, key)
}

// hasLinks reports whether a file may have relative links, by its path and type. It is never
// delivered from elsewhere: in the pool they lead nowhere.
func hasLinks(path, contentType string) bool { return manifest.IsPage(path) || isHTML(contentType) }

func isHTML(contentType string) bool { return strings.HasPrefix(contentType, "text/html") }

// isActive reports whether a browser runs scripts of files of a type, with the rights of the
// host that they come from.
func isActive(contentType string) bool {
	return isHTML(contentType) || contentType == "image/svg+xml" || contentType == "application/xml"
}

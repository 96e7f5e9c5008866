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
// is delivered so. HTML never is: in the pool its relative links lead nowhere.
func (r *Resolver) deliverElsewhere(w http.ResponseWriter, req *http.Request, base, key, contentType string) (bool, error) {
	if strings.HasPrefix(contentType, "text/html") {
		return false, nil
	}
	how := Proxy
	switch {
	case r.opts.Delivery != nil:
		how = r.opts.Delivery(base)
	case r.opts.PoolURL != "":
		how = Redirect
	}
	switch how {
	case Redirect:
		redirect(w, http.StatusTemporaryRedirect, strings.TrimSuffix(r.opts.PoolURL, "/")+location(false, "", key), cacheFinal)
		return true, nil
	case Presign:
		url, err := r.opts.SignURL(req.Context(), key)
		if err != nil {
			return false, err
		}
		redirect(w, http.StatusTemporaryRedirect, url, manifest.CacheNever) // a secret, and it does not last
		return true, nil
	}
	return false, nil
}

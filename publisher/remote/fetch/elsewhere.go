package fetch

import (
	"net/url"

	"github.com/asof/asof/internal/retry"
)

// Elsewhere is the client for another place with the upstream's files, such as a mirror
// that the upstream names. base is a folder, from [ParseURL]. Requests there count with
// those of c, and the bounds of redirects hold: credentials are for the upstream's own host
// only, and a public upstream leads to no private address. gates say how to wait for it.
func (c *Client) Elsewhere(base *url.URL, gates *retry.Gates) *Client {
	moved := *c
	moved.base = base
	moved.gate = gates.Gate(base.Scheme + "://" + base.Host)
	return &moved
}

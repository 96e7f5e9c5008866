package fetch

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestIsPrivate(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "10.1.2.3": true, "172.31.0.1": true, "192.168.0.1": true, "169.254.169.254": true,
		"100.100.100.200": true, "0.0.0.0": true, "0.1.2.3": true, "::": true, "fe80::1": true, "fe80::1%eth0": true, "fd00:ec2::254": true,
		"::ffff:127.0.0.1": true, "::ffff:10.0.0.1": true, "64:ff9b::a9fe:a9fe": true, "64:ff9b:1::a9fe:a9fe": true, "2002:a00:1::1": true, "2002:a9fe:a9fe::": true, "2002:101:101::1": false, "224.0.0.1": true, "255.255.255.255": true,
		"1.1.1.1": false, "172.32.0.1": false, "100.128.0.1": false, "2606:4700::1": false, "::ffff:1.1.1.1": false, "64:ff9b::101:101": false,
	} {
		if got := isPrivate(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// towns plays servers at addresses of their own.
type towns map[string]netip.Addr // by host and port

func (m towns) at(s string, address string) {
	u, _ := url.Parse(s)
	m[u.Host] = netip.MustParseAddr(address)
}

func (m towns) pretend(at netip.AddrPort) netip.Addr { return m[at.String()] }

// A public upstream redirects to no private address, unless it may; a private one does
// as it likes.
func TestPrivateRedirects(t *testing.T) {
	const refused = "get HOST/away: redirected to OTHER/x: 10.0.0.7 is a private address, and the upstream is a public one"
	for _, tt := range []struct {
		name, home, other string
		allow             bool
		err               string
	}{
		{"public to private", "192.0.2.1", "10.0.0.7", false, refused},
		{"public to loopback", "192.0.2.1", "127.0.0.1", false, strings.Replace(refused, "10.0.0.7", "127.0.0.1", 1)},
		{"public to private, allowed", "192.0.2.1", "10.0.0.7", true, "nil"},
		{"public to public", "192.0.2.1", "192.0.2.2", false, "nil"},
		{"private to private", "10.0.0.6", "10.0.0.7", false, "nil"},
		{"private to public", "10.0.0.6", "192.0.2.2", false, "nil"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			other := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+"/x", http.StatusFound) })
			world := towns{}
			world.at(s.URL, tt.home)
			world.at(other.URL, tt.other)
			// By name: an address in the URL itself would say what the upstream is.
			named := strings.Replace(s.URL, "127.0.0.1", "upstream.invalid", 1)
			c := newClient(t, named, Options{AllowPrivateRedirects: tt.allow}, Env{pretend: world.pretend})
			dial := c.transports.own.DialContext
			c.transports.own.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dial(ctx, network, s.Listener.Addr().String())
			}
			body, err := read(t.Context(), c, c.URL("away"), -1)
			check(t, err, named, strings.ReplaceAll(tt.err, "OTHER", other.URL), false)
			if tt.err == "nil" && body != "ok" {
				t.Errorf("body %q", body)
			}
			if tt.err != "nil" && hint(err) != "allow_private_redirects: true lets the upstream redirect to private addresses" {
				t.Errorf("hint %q", hint(err))
			}
		})
	}
}

// A name that has a public and a private address is public: whoever owns the name can
// give it any address.
func TestPrivateMixed(t *testing.T) {
	base, _ := url.Parse("http://upstream.invalid/")
	g := newGuard(base, Options{}, Env{})
	_ = g.home("tcp", "127.0.0.1:80", nil)
	if err := g.away("tcp", "[::1]:80", nil); err != nil {
		t.Error(err)
	}
	_ = g.home("tcp", "192.0.2.1:80", nil)
	_ = g.home("tcp", "127.0.0.1:80", nil)
	if g.away("tcp", "[::1]:80", nil) == nil || g.away("tcp", "192.0.2.2:80", nil) != nil || g.away("tcp", "nothing", nil) == nil {
		t.Error("not judged by the address")
	}
}

// A proxy may stand anywhere. Behind it, only what the URL says can be judged.
func TestPrivateProxied(t *testing.T) {
	var to string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.RequestURI, "/away") {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		io.WriteString(w, r.RequestURI)
	})
	for _, tt := range []struct{ base, to, body, err string }{
		{"http://upstream.invalid/", "http://169.254.169.254/latest/meta-data/", "",
			"get HOST/away: redirected to http://169.254.169.254/latest/meta-data/: 169.254.169.254 is a private address, and the upstream is a public one"},
		{"http://upstream.invalid/", "http://LOCALHOST./x", "",
			"get HOST/away: redirected to http://LOCALHOST./x: LOCALHOST. is a private address, and the upstream is a public one"},
		{"http://upstream.invalid/", "http://other.invalid/x", "http://other.invalid/x", "nil"},
		{"http://10.0.0.6/", "http://10.0.0.7/x", "http://10.0.0.7/x", "nil"},
	} {
		to = tt.to
		c := newClient(t, tt.base, Options{Proxy: s.URL}, Env{})
		body, err := read(t.Context(), c, c.URL("away"), -1)
		check(t, err, strings.TrimSuffix(tt.base, "/"), tt.err, false)
		if body != tt.body {
			t.Errorf("%s: body %q", tt.to, body)
		}
	}
}

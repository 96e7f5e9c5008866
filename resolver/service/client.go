package service

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxForwarded bounds the hops of X-Forwarded-For that are looked at.
const maxForwarded = 16

// client is the address that a request came from. X-Forwarded-For counts only as
// far as trusted proxies wrote it: read from its end, the first address that is
// not one of theirs is the client.
func (s *Service) client(req *http.Request) netip.Addr {
	addr := peer(req)
	if !contains(s.opts.Trusted, addr) {
		return addr
	}
	hops := strings.Split(strings.Join(req.Header.Values("X-Forwarded-For"), ","), ",")
	for i := range min(len(hops), maxForwarded) {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1-i]))
		if err != nil {
			break
		}
		if addr = hop.Unmap().WithZone(""); !contains(s.opts.Trusted, addr) {
			break
		}
	}
	return addr
}

// peer is the other end of the connection; zero: a Unix socket.
func peer(req *http.Request) netip.Addr {
	addr, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Addr().Unmap().WithZone("")
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// Secure implements resolver.Options.Secure. X-Forwarded-Proto counts if a proxy in one of
// the trusted networks sends it. No other header tells of host or scheme.
func Secure(trusted []netip.Prefix) func(*http.Request) bool {
	return func(req *http.Request) bool {
		proxied := contains(trusted, peer(req))
		return req.TLS != nil || proxied && strings.EqualFold(req.Header.Get("X-Forwarded-Proto"), "https")
	}
}

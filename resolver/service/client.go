package service

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxForwarded bounds the hops of X-Forwarded-For that are looked at.
const maxForwarded = 16

// client is the address that a request came from. X-Forwarded-For counts only as
// far as trusted proxies wrote it: read from its end, the first address that is
// not one of theirs is the client. Nothing else of X-Forwarded-* is used: no
// answer names a host or a scheme.
func (s *Service) client(req *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a Unix socket
	}
	addr := peer.Addr().Unmap().WithZone("")
	if !s.trusted(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(req.Header.Values("X-Forwarded-For"), ","), ",")
	for i := range min(len(hops), maxForwarded) {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1-i]))
		if err != nil {
			break
		}
		if addr = hop.Unmap().WithZone(""); !s.trusted(addr) {
			break
		}
	}
	return addr
}

func (s *Service) trusted(addr netip.Addr) bool {
	for _, network := range s.opts.Trusted {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

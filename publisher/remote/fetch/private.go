package fetch

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
)

// guard keeps a public upstream from redirecting into the network that asof runs in:
// to what listens on this host, to a cloud's metadata service, to whatever trusts its
// neighbours. It judges addresses when they are dialled, behind all name resolution.
// An upstream that is private itself may redirect to its neighbours.
type guard struct {
	allow   bool // allow_private_redirects
	pretend func(netip.AddrPort) netip.Addr

	// What addresses the upstream was seen at. One public address makes it public,
	// so that a name with addresses of both kinds opens no way in.
	private, public atomic.Bool
}

func newGuard(base *url.URL, o Options, env Env) *guard {
	g := &guard{allow: o.AllowPrivateRedirects, pretend: env.pretend}
	if g.pretend == nil {
		g.pretend = netip.AddrPort.Addr
	}
	g.private.Store(namesPrivate(base.Hostname()))
	return g
}

// home notes an address of the upstream's own. It is a net.Dialer's Control.
func (g *guard) home(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err == nil {
		if isPrivate(g.pretend(at)) {
			g.private.Store(true)
		} else {
			g.public.Store(true)
		}
	}
	return nil
}

// away refuses addresses that a redirect must not lead to. It is a net.Dialer's Control.
func (g *guard) away(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &finalError{fmt.Errorf("%q is not an address", address)}
	}
	if addr := g.pretend(at); isPrivate(addr) && !g.open() {
		return g.refused(addr.String())
	}
	return nil
}

// proxied refuses what away does, as far as the URL tells: the proxy resolves names.
func (g *guard) proxied(u *url.URL) error {
	if namesPrivate(u.Hostname()) && !g.open() {
		return g.refused(u.Hostname())
	}
	return nil
}

func (g *guard) open() bool { return g.allow || g.private.Load() && !g.public.Load() }

func (g *guard) refused(address string) error {
	return &finalError{&hintError{
		err:  fmt.Errorf("%s is a private address, and the upstream is a public one", address),
		hint: "allow_private_redirects: true lets the upstream redirect to private addresses",
	}}
}

// namesPrivate reports whether a URL's host is private without asking a resolver.
func namesPrivate(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	addr, err := netip.ParseAddr(host)
	return err == nil && isPrivate(addr) || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Addresses that netip takes for global although they lead nowhere far: "this
// network" and the carriers' (RFC 6890), which some clouds use for metadata.
var (
	thisNetwork = netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 8)
	carriers    = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	nat64       = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)       // RFC 6052
	localNAT64  = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b, 5: 1}), 48) // RFC 8215
	sixToFour   = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x02}), 16)                      // RFC 3056
)

// isPrivate reports whether an address is loopback, link-local, private, or anything
// else that is not an address on the internet.
func isPrivate(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	switch b := addr.As16(); {
	case nat64.Contains(addr):
		addr = netip.AddrFrom4([4]byte(b[12:]))
	case sixToFour.Contains(addr):
		addr = netip.AddrFrom4([4]byte(b[2:6]))
	case localNAT64.Contains(addr):
		return true // where the IPv4 address stands is the network's own choice
	}
	return !addr.IsGlobalUnicast() || addr.IsPrivate() || thisNetwork.Contains(addr) || carriers.Contains(addr)
}

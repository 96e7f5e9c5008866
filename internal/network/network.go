// Package network says what went wrong between asof and a server: whether time may mend
// it, and what a user can do.
package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// Fault is why a server can't be reached.
type Fault struct {
	Err   error
	lasts bool   // waiting won't mend it
	hint  string // empty: none
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Hint says what the user can do, in the form of all hints: lower case, no full stop.
func (f *Fault) Hint() string { return f.hint }

// Heals reports whether an error may be gone at a later try, as far as the network goes.
// met: the server has answered before. A host name that does not exist is wrong, most
// likely; but one that was found before may be found again.
func Heals(err error, met bool) bool {
	f, ok := errors.AsType[*Fault](err)
	if !ok || !f.lasts {
		return true
	}
	name, ok := errors.AsType[*net.DNSError](err)
	return ok && name.IsNotFound && met
}

// Settings are the hints that depend on how the server is configured.
type Settings struct {
	Authority string // how to trust an authority of one's own
	Plain     string // how to speak HTTP to the server
	TLS       string // how to speak HTTPS
	Proxy     string // which setting names the proxy; empty: the environment does
}

// ErrSpeaksTLS is the answer of a server to HTTP on a port for HTTPS.
var ErrSpeaksTLS = errors.New("the server speaks only https there")

// errSpeaksPlain is the answer of a server to TLS on a port without it.
var errSpeaksPlain = errors.New("the server does not speak https there")

// Explain finds the cause of an error of an HTTP transport. It returns nil if the error
// is none of the network's.
func Explain(err error, s Settings) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.proxied(s)
	}
	if f := certificate(err, s); f != nil {
		return f
	}
	_, record := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case record, errors.Is(err, http.ErrSchemeMismatch):
		return &Fault{errSpeaksPlain, true, s.Plain}
	case errors.Is(err, ErrSpeaksTLS), strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`): // an alert
		return &Fault{ErrSpeaksTLS, true, s.TLS}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if f := connection(err); f != nil {
		return f.proxied(s)
	}
	return nil
}

// proxied is a fault with the hint of who configured the proxy, if it is the proxy's.
func (f *Fault) proxied(s Settings) *Fault {
	if f.hint != proxyHint || s.Proxy == "" {
		return f
	}
	return &Fault{f.Err, f.lasts, s.Proxy}
}

// certificate explains what is wrong with a server's certificate.
func certificate(err error, s Settings) *Fault {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		return nil
	}
	hint := s.Authority
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		hint = "use a name that the certificate has, or a certificate for " + name.Host
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		hint = "the server needs a new certificate, unless this machine's clock is wrong"
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &Fault{err, true, hint}
}

// connection explains why there is no connection.
func connection(err error) *Fault {
	op, isOp := errors.AsType[*net.OpError](err)
	name, isName := errors.AsType[*net.DNSError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case isOp && op.Op == "proxyconnect":
		return &Fault{err, false, proxyHint}
	case isName && name.IsNotFound:
		return &Fault{err, true, fmt.Sprintf("check the name %s, and how this machine resolves names", name.Name)}
	case isName:
		return &Fault{err, false, "check how this machine resolves names"}
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return nil // this machine's fault
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Fault{err, false, "nothing listens there: check the address, and whether the server runs"}
	case isOp && op.Op == "dial", isNet && timeout.Timeout():
		return &Fault{err, false, "check the address, the network, and whether a proxy is needed (HTTPS_PROXY)"}
	case isNet:
		return &Fault{timeout, false, ""}
	}
	return nil
}

const proxyHint = "HTTP_PROXY and HTTPS_PROXY name the proxy; NO_PROXY lists the hosts that need none"

// Connected is for http.Transport.OnProxyConnectResponse. It gives the refusal of a proxy
// to connect to a server a cause.
func Connected(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return refused(proxy.Host, res.StatusCode)
}

// refused is what a proxy says instead of the server.
func refused(proxy string, status int) *Fault {
	err := fmt.Errorf("%s answers %d %s", strings.TrimSpace("the proxy "+proxy), status, http.StatusText(status))
	if status == http.StatusProxyAuthRequired {
		return &Fault{err, true, "a proxy's credentials are given in HTTPS_PROXY or HTTP_PROXY"}
	}
	return &Fault{err, status < 500 && status != http.StatusTooManyRequests, proxyHint}
}

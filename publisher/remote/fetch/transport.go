package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/option"
)

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// controlFunc is a net.Dialer's Control.
type controlFunc func(network, address string, c syscall.RawConn) error

type proxyFunc func(*http.Request) (*url.URL, error)

// transports differ in where they may lead and what they show there. (They are not
// clones of each other: clones share their HTTP/2 connections.)
type transports struct {
	own     *http.Transport // the upstream's own host: presents the client certificate
	other   *http.Transport // other hosts, without a proxy: the guard sees every address
	proxied *http.Transport // other hosts, through a proxy

	proxy proxyFunc
	guard *guard
}

func newTransports(base *url.URL, o Options, env Env) (*transports, error) {
	var errs []error
	proxy, err := newProxy(o.Proxy, env.LookupEnv)
	errs = append(errs, option.Wrap("proxy", err))
	var pool *x509.CertPool
	if o.CACert != "" {
		pool, err = authorities(o.CACert)
		errs = append(errs, option.Wrap("ca_cert", err))
	}
	var certs []tls.Certificate
	if o.ClientCert != "" {
		cert, err := tls.LoadX509KeyPair(o.ClientCert, o.ClientKey)
		errs = append(errs, option.Wrap("client_cert", err))
		certs = []tls.Certificate{cert}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	transport := func(certs []tls.Certificate, proxy proxyFunc, control controlFunc) *http.Transport {
		dial := env.dial
		if dial == nil {
			dial = (&net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second, Control: control}).DialContext
		}
		return &http.Transport{
			Proxy:                  proxy,
			OnProxyConnectResponse: network.Connected,
			DialContext:            dial,
			TLSClientConfig: &tls.Config{
				MinVersion:         tls.VersionTLS12,
				InsecureSkipVerify: o.TLSSkipVerify,
				RootCAs:            pool,
				Certificates:       certs,
			},
			TLSHandshakeTimeout:    o.ConnectTimeout,
			ResponseHeaderTimeout:  o.IdleTimeout,
			MaxResponseHeaderBytes: 256 << 10,
			MaxIdleConnsPerHost:    o.Concurrency,
			IdleConnTimeout:        90 * time.Second,
			DisableCompression:     true, // bytes are stored as they come
			ForceAttemptHTTP2:      true,
		}
	}
	g := newGuard(base, o, env)
	home := g.home
	if through, err := proxy(&http.Request{URL: base}); through != nil || err != nil {
		home = nil // what is dialled is the proxy
	}
	return &transports{
		own: transport(certs, proxy, home), other: transport(nil, nil, g.away), proxied: transport(nil, proxy, nil),
		proxy: proxy, guard: g,
	}, nil
}

// choose picks the transport for a request to the upstream's own host or to another.
func (t *transports) choose(req *http.Request, own bool) (*http.Transport, error) {
	if own {
		return t.own, nil
	}
	proxy, err := t.proxy(req)
	switch {
	case err != nil:
		return nil, err
	case proxy == nil:
		return t.other, nil
	}
	return t.proxied, t.guard.proxied(req.URL)
}

func (t *transports) closeIdle() {
	for _, transport := range []*http.Transport{t.own, t.other, t.proxied} {
		transport.CloseIdleConnections()
	}
}

func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

func newProxy(raw string, lookup func(string) (string, bool)) (proxyFunc, error) {
	if raw == "" {
		return environmentProxy(lookup), nil
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil: // its text may repeat a password
		return nil, errors.New("not a valid URL")
	case u.User != nil:
		return nil, errors.New("holds credentials; use HTTPS_PROXY or HTTP_PROXY in the environment")
	case u.Hostname() == "":
		return nil, errors.New("holds no host")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return http.ProxyURL(u), nil
	}
	return nil, errors.New("not an http, https, socks5 or socks5h URL")
}

// environmentProxy is http.ProxyFromEnvironment for a given environment.
func environmentProxy(lookup func(string) (string, bool)) proxyFunc {
	get := func(names ...string) string {
		for _, name := range names {
			if v, _ := lookup(name); v != "" {
				return v
			}
		}
		return ""
	}
	config := httpproxy.Config{
		HTTPProxy:  get("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: get("HTTPS_PROXY", "https_proxy"),
		NoProxy:    get("NO_PROXY", "no_proxy"),
		CGI:        get("REQUEST_METHOD") != "", // HTTP_PROXY is then a client's header
	}
	choose := config.ProxyFunc()
	return func(req *http.Request) (*url.URL, error) {
		u, err := choose(req.URL)
		if err != nil {
			err = &finalError{err}
		}
		return u, err
	}
}

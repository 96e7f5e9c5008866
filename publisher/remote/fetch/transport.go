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
	"time"

	"golang.org/x/net/http/httpproxy"
)

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// newTransports makes the transport for the upstream's own host and the one
// for other hosts, which differ in the client certificate. (They are not clones
// of each other: clones share their HTTP/2 connections.)
func newTransports(o Options, env Env) (own, other *http.Transport, err error) {
	proxy, err := proxyFunc(o.Proxy, env.LookupEnv)
	if err != nil {
		return nil, nil, fmt.Errorf("proxy: %w", err)
	}
	var pool *x509.CertPool
	if o.CACert != "" {
		if pool, err = authorities(o.CACert); err != nil {
			return nil, nil, fmt.Errorf("ca_cert: %w", err)
		}
	}
	var certs []tls.Certificate
	if o.ClientCert != "" {
		cert, err := tls.LoadX509KeyPair(o.ClientCert, o.ClientKey)
		if err != nil {
			return nil, nil, fmt.Errorf("client_cert: %w", err)
		}
		certs = []tls.Certificate{cert}
	}
	dial := env.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext
	}
	transport := func(certs []tls.Certificate) *http.Transport {
		return &http.Transport{
			Proxy:       proxy,
			DialContext: dial,
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
	return transport(certs), transport(nil), nil
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

func proxyFunc(raw string, lookup func(string) (string, bool)) (func(*http.Request) (*url.URL, error), error) {
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
func environmentProxy(lookup func(string) (string, bool)) func(*http.Request) (*url.URL, error) {
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
	return func(req *http.Request) (*url.URL, error) { return choose(req.URL) }
}

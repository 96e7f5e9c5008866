package rpm

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// entitled starts a server before the site that answers those with a client certificate only,
// as Red Hat's CDN does. It returns the options that have one, and how often it saw one.
func entitled(s *site) (*httptest.Server, fetch.Options, *atomic.Int32) {
	to, err := url.Parse(s.Server.URL)
	must(s, err)
	var seen atomic.Int32
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			http.Error(w, "no entitlement", http.StatusForbidden)
			return
		}
		seen.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	s.Cleanup(server.Close)
	cert := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	must(s, err)
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(s.TempDir(), name)
		must(s, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return file
	}
	opts := fetch.Options{ClientKey: write("key.pem", "PRIVATE KEY", key)}
	opts.ClientCert = write("cert.pem", "CERTIFICATE", cert.Certificate[0])
	opts.CACert = opts.ClientCert
	return server, opts, &seen
}

// A repository behind an entitlement is captured with its client certificate. Without it, the
// server's refusal is no missing file.
func TestEntitlement(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	server, cert, _ := entitled(s)
	opts := Options{URL: server.URL, Verify: "off", Options: cert}
	c := s.capture(s.open(opts), nil)
	prev := remotetest.Publish(t, c)

	s.Remove(repomdName)
	if text, _ := s.fail(s.open(opts), nil); !strings.HasSuffix(text, "repomd.xml: 404 Not Found") {
		t.Error(text)
	}
	opts.Options = fetch.Options{CACert: cert.CACert}
	text, err := s.fail(s.open(opts), prev)
	if !strings.HasSuffix(text, "repomd.xml: 403 Forbidden") || errors.Is(err, remote.ErrMoved) || errors.Is(err, remote.ErrMissing) ||
		hint(err) != "credentials are given by username_env and password_env, by headers, or by client_cert" {
		t.Errorf("%s, %s", text, hint(err))
	}
}

// A mirror on another server never sees the certificate that the list's server may see.
func TestEntitlementElsewhere(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	server, cert, _ := entitled(s)
	elsewhere, _, seen := entitled(s)
	listed := func() *upstream {
		r, err := newUpstream(Options{Mirrorlist: server.URL + "/list", Verify: "off", Options: cert}, s.env())
		must(t, err)
		return r
	}
	s.Set("list", elsewhere.URL+"/\n")
	text, _ := s.fail(listed(), nil)
	if seen.Load() != 0 || !strings.Contains(text, "403 Forbidden") {
		t.Errorf("%d requests with the certificate, %s", seen.Load(), text)
	}
	s.Set("list", elsewhere.URL+"/\n"+server.URL+"/\n")
	s.capture(listed(), nil)
	if seen.Load() != 0 {
		t.Errorf("%d requests with the certificate", seen.Load())
	}
}

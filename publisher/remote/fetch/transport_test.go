package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secure starts a TLS server that asks for a client certificate and says
// whether it got one, and writes its own certificate and key as PEM files.
func secure(t *testing.T, h http.HandlerFunc) (s *httptest.Server, certFile, keyFile string) {
	s = httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	cert := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return s, write("cert.pem", "CERTIFICATE", cert.Certificate[0]), write("key.pem", "PRIVATE KEY", key)
}

func TestTLS(t *testing.T) {
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	answer := func(w http.ResponseWriter, r *http.Request) {
		who := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			who = "somebody"
		}
		io.WriteString(w, r.Proto+" "+who)
	}
	other, _, _ := secure(t, answer)
	s, cert, key := secure(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/plain":
			http.Redirect(w, r, plain.URL+"/x?signature=secret", http.StatusFound)
		default:
			answer(w, r)
		}
	})
	for _, tt := range []struct {
		name string
		opts Options
		path string
		body string
		err  string
		hint string
	}{
		{"unknown authority", Options{}, "x", "",
			"get HOST/x: tls: failed to verify certificate: x509: certificate signed by unknown authority", "an authority of one's own is trusted by ca_cert"},
		{"ca_cert", Options{CACert: cert}, "x", "HTTP/2.0 nobody", "nil", ""},
		{"skip", Options{TLSSkipVerify: true}, "x", "HTTP/2.0 nobody", "nil", ""},
		{"client", Options{CACert: cert, ClientCert: cert, ClientKey: key}, "x", "HTTP/2.0 somebody", "nil", ""},
		{"client elsewhere", Options{CACert: cert, ClientCert: cert, ClientKey: key}, "other", "HTTP/2.0 nobody", "nil", ""},
		{"downgrade", Options{CACert: cert}, "plain", "",
			"get HOST/plain: 302 Found from https to http, to PLAIN/x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, s.URL, tt.opts, Env{})
			body, err := read(t.Context(), c, c.URL(tt.path), -1)
			check(t, err, s.URL, strings.ReplaceAll(tt.err, "PLAIN", plain.URL), false)
			if body != tt.body {
				t.Errorf("body %q", body)
			}
			if got := hint(err); got != tt.hint {
				t.Errorf("hint %q", got)
			}
		})
	}
}

func TestKeyInOneFile(t *testing.T) {
	s, cert, key := secure(t, func(http.ResponseWriter, *http.Request) {})
	a, _ := os.ReadFile(cert)
	b, _ := os.ReadFile(key)
	both := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(both, append(a, b...), 0o600); err != nil {
		t.Fatal(err)
	}
	newClient(t, s.URL, Options{ClientCert: both}, Env{})
}

func TestNoTLS(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, strings.Replace(s.URL, "http:", "https:", 1), Options{}, Env{})
	_, err := c.Get(t.Context(), c.URL("x"), -1)
	check(t, err, strings.TrimPrefix(s.URL, "http://"), "get https://HOST/x: the server does not speak https there", false)

	u := c.URL("x")
	u.Scheme = "http"
	_, err = c.Get(t.Context(), u, -1)
	check(t, err, s.URL, "get HOST/x: not https, although the upstream is", false)
	u.Scheme = "file"
	_, err = c.Get(t.Context(), u, -1)
	check(t, err, "-", "get file:///x: not an http or https URL", false)
}

func TestProxy(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.RequestURI+" "+r.Header.Get("Proxy-Authorization"))
	})
	address := strings.TrimPrefix(s.URL, "http://")
	for _, tt := range []struct {
		name string
		opts Options
		env  map[string]string
		body string
	}{
		{"option", Options{Proxy: s.URL}, nil, "http://upstream.invalid/x "},
		{"option first", Options{Proxy: s.URL}, map[string]string{"HTTP_PROXY": "http://proxy.invalid"}, "http://upstream.invalid/x "},
		{"environment", Options{}, map[string]string{"HTTP_PROXY": "http://ann:pw@" + address}, "http://upstream.invalid/x Basic YW5uOnB3"},
		{"lower case", Options{}, map[string]string{"http_proxy": s.URL}, "http://upstream.invalid/x "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, "http://upstream.invalid/", tt.opts, Env{LookupEnv: variables(tt.env)})
			body, err := read(t.Context(), c, c.URL("x"), -1)
			if err != nil || body != tt.body {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
}

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// place is where a test's server listens, with the file of its certificate.
type place struct{ host, port, cert string }

// serving starts a server with the certificate, or without TLS if it is nil.
func serving(t *testing.T, cert *tls.Certificate, h http.HandlerFunc) place {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	p := place{host: "127.0.0.1"}
	if cert != nil {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
		s.StartTLS()
		p.cert = filepath.Join(t.TempDir(), "cert.pem")
		data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
		if err := os.WriteFile(p.cert, data, 0o644); err != nil {
			t.Fatal(err)
		}
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	_, p.port, _ = net.SplitHostPort(s.Listener.Addr().String())
	return p
}

// certificate makes one that is its own authority.
func certificate(t *testing.T, until time.Time, names ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.AddDate(-1, 0, 0), NotAfter: until, DNSNames: names,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// s3Error answers every request as a store that refuses it.
func s3Error(status int, code, rest string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>so it is</Message>%s</Error>`, code, rest)
	}
}

// Whatever keeps asof from a store or an upstream, the error names it, and the hint fits.
// Nothing of it heals, or nobody waits: patience is 0.
func TestCauses(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "who")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	nothing := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	year := time.Now().AddDate(1, 0, 0)
	plain := serving(t, nil, nothing)
	unknown := serving(t, certificate(t, year, "mirror.example"), nothing)
	expired := serving(t, certificate(t, time.Now().Add(-time.Hour)), nothing)
	proxy := serving(t, nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	broken := serving(t, nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	away := serving(t, nil, nothing)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, away.port, _ = net.SplitHostPort(l.Addr().String())

	const minio, s3 = "minio://HOST:PORT/bucket?tls=TLS", "s3://bucket?endpoint=SCHEME://HOST:PORT&path_style=true&region=us-east-1"
	upstream := func(url, more string) string {
		return "store: ./data\nrepos: [{name: x, remote: {type: file, url: \"" + url + "/PULP_MANIFEST\"" + more + "}}]\n"
	}
	store := func(url string, tls bool) string {
		url = strings.NewReplacer("TLS", fmt.Sprint(tls), "SCHEME", map[bool]string{true: "https", false: "http"}[tls]).Replace(url)
		return "store: " + url + "\nrepos: [{name: x, remote: {type: dir, path: .}}]\n"
	}
	refusing := func(status int, code, rest string) place { return serving(t, nil, s3Error(status, code, rest)) }
	const listen = "nothing listens there: check the address, and whether the server runs"
	for _, tt := range []struct {
		name   string
		at     place
		config string
		says   string // pattern in the error
		hint   string
	}{
		{"upstream refuses", away, upstream("http://HOST:PORT", ""), "connect: connection refused", listen},
		{"upstream has no name", away, upstream("http://no-such-host.invalid", ""), "lookup no-such-host.invalid.*no such host|lookup no-such-host.invalid.*",
			"check the name no-such-host.invalid, and how this machine resolves names|check how this machine resolves names"},
		{"upstream has no TLS", plain, upstream("https://HOST:PORT", ""), "the server does not speak https there", "write http:// in url if the server really has no TLS"},
		{"upstream has only TLS", unknown, upstream("http://HOST:PORT", ""), "the server speaks only https there", "write https:// in url"},
		{"upstream's authority", unknown, upstream("https://HOST:PORT", ""), "certificate signed by unknown authority", "an authority of one's own is trusted by ca_cert"},
		{"upstream's name", unknown, upstream("https://localhost:PORT", ", ca_cert: CERT"), "certificate is valid for mirror.example, not localhost",
			"use a name that the certificate has, or a certificate for localhost"},
		{"upstream's certificate", expired, upstream("https://HOST:PORT", ", ca_cert: CERT"), "certificate has expired or is not yet valid: current time .* is after ",
			"the server needs a new certificate, unless this machine's clock is wrong"},
		{"a proxy wants credentials", proxy, upstream("http://up.invalid", ", proxy: 'http://HOST:PORT'"), "the proxy answers 407 Proxy Authentication Required",
			"a proxy's credentials are given in HTTPS_PROXY or HTTP_PROXY"},
		{"a proxy wants credentials for TLS", proxy, upstream("https://up.invalid", ", proxy: 'http://HOST:PORT'"), "the proxy HOST:PORT answers 407 Proxy Authentication Required",
			"a proxy's credentials are given in HTTPS_PROXY or HTTP_PROXY"},
		{"a proxy does not get there", broken, upstream("https://up.invalid", ", proxy: 'http://HOST:PORT'"), "the proxy HOST:PORT answers 502 Bad Gateway",
			"check the remote's option proxy, and whether that proxy runs; without it HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide"},
		{"no proxy", away, upstream("https://up.invalid", ", proxy: 'http://HOST:PORT'"), "proxyconnect tcp: .*connection refused",
			"check the remote's option proxy, and whether that proxy runs; without it HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide"},

		{"minio refuses", away, store(minio, false), "store unavailable: dial tcp HOST:PORT: connect: connection refused", listen},
		{"s3 refuses", away, store(s3, false), "store unavailable: dial tcp HOST:PORT: connect: connection refused", listen},
		{"minio has no TLS", plain, store(minio, true), "store unavailable: the server does not speak https there", "add tls=false to the store's URL if the server really has no TLS"},
		{"s3 has no TLS", plain, store(s3, true), "store unavailable: the server does not speak https there", "begin the endpoint in the store's URL with http:// if the server really has no TLS"},
		{"minio has only TLS", unknown, store(minio, false), "store unavailable: the server speaks only https there", "add tls=true to the store's URL"},
		{"s3 has only TLS", unknown, store(s3, false), "store unavailable: the server speaks only https there", "begin the endpoint in the store's URL with https://"},
		{"minio's authority", unknown, store(minio, true), "store unavailable: tls: .*unknown authority", "SSL_CERT_FILE names a file of authorities to trust"},
		{"s3's authority", unknown, store(s3, true), "store unavailable: tls: .*unknown authority", "AWS_CA_BUNDLE names a file of authorities to trust"},
		{"minio's bucket", refusing(404, "NoSuchBucket", ""), store(minio, false), "no such store: there is no bucket bucket", "create the bucket or folder first, or check the store's URL"},
		{"s3's bucket", refusing(404, "NoSuchBucket", ""), store(s3, false), "no such store: there is no bucket bucket", "create the bucket or folder first, or check the store's URL"},
		{"s3's region", serving(t, nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
			s3Error(301, "PermanentRedirect", "")(w, r)
		}), store(s3, false), "PermanentRedirect: so it is", "the bucket is in the region eu-west-1: put region=eu-west-1 into the store's URL"},
		{"minio's region", refusing(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"), store(minio, false), "AuthorizationHeaderMalformed: so it is",
			"the bucket is in the region eu-west-1: put region=eu-west-1 into the store's URL"},
		{"minio's rights", refusing(403, "AccessDenied", ""), store(minio, false), "load x/checkpoints.json: access denied: AccessDenied: so it is",
			"the store knows the credentials, but they may not do this: docs/operations/security.md lists the rights that asof needs"},
		{"s3's rights", refusing(403, "AccessDenied", ""), store(s3, false), "load x/checkpoints.json: access denied: AccessDenied: so it is",
			"the store knows the credentials, but they may not do this: docs/operations/security.md lists the rights that asof needs"},
		{"an unknown key", refusing(403, "InvalidAccessKeyId", ""), store(minio, false), "access denied: InvalidAccessKeyId",
			"check the credentials in the environment: the store does not know this access key"},
		{"a wrong secret", refusing(403, "SignatureDoesNotMatch", ""), store(s3, false), "access denied: SignatureDoesNotMatch",
			"check the credentials in the environment: the secret key is not the one of this access key"},
		{"an old token", refusing(400, "ExpiredToken", ""), store(s3, false), "access denied: ExpiredToken", "get new credentials: those in the environment were for some time only"},
		{"a wrong clock", refusing(403, "RequestTimeTooSkewed", ""), store(minio, false), "access denied: the clocks differ: RequestTimeTooSkewed", "set the clock that is wrong, this machine's or the store's"},
		{"minio is busy", refusing(503, "SlowDown", ""), store(minio, false), "store unavailable: SlowDown: so it is", "run the same command again when it is back; patience says how long to wait"},
		{"s3 is busy", refusing(503, "SlowDown", ""), store(s3, false), "store unavailable: SlowDown: so it is", "run the same command again when it is back; patience says how long to wait"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			at := strings.NewReplacer("HOST", tt.at.host, "PORT", tt.at.port, "CERT", tt.at.cert)
			if err := os.WriteFile("asof.yaml", []byte(at.Replace(tt.config)), 0o644); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr strings.Builder
			code := run([]string{"publish", "--patience", "0s"}, &stdout, &stderr)
			said := stderr.String()
			want := `(?m)^error: publish x: .*(` + at.Replace(tt.says) + `).*\nhint: (` + strings.ReplaceAll(regexp.QuoteMeta(tt.hint), `\|`, "|") + `)$`
			if !regexp.MustCompile(want).MatchString(said) || strings.Contains(said, "hunter2") {
				t.Errorf("said\n%swant\n%s", said, want)
			}
			if wantCode := map[bool]int{true: exitNotFound, false: exitFailed}[strings.Contains(tt.says, "no such store")]; code != wantCode {
				t.Errorf("exit code %d, want %d", code, wantCode)
			}
			if n := strings.Count(said, "\n"); n != 2 {
				t.Errorf("%d lines:\n%s", n, said)
			}
		})
	}
}

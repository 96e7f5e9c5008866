package service

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// run starts a server, and returns its address and what ends it and tells how.
func run(t *testing.T, s *Server) (addr string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	t.Cleanup(stop)
	return l.Addr().String(), func() error {
		stop()
		return <-done
	}
}

// raw sends bytes and reads all that comes back.
func raw(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("%q: %v after %.200q", request[:min(len(request), 60)], err, answer)
	}
	return string(answer)
}

// TestOversized holds the limits that a request can break before it is one.
func TestOversized(t *testing.T) {
	s, _ := setup(t, nil)
	addr, end := run(t, &Server{Handler: s})
	for request, want := range map[string]string{
		"GET /" + strings.Repeat("a", 5000) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":          "HTTP/1.1 414 ",
		"GET /?" + strings.Repeat("a", 5000) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":         "HTTP/1.1 414 ",
		"GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("a", 64<<10) + "\r\nConnection: close\r\n\r\n": "HTTP/1.1 431 ",
		"GET / HTTP/1.1\r\n\r\n":                       "HTTP/1.1 400 ", // no Host
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n": "HTTP/1.1 400 ",
		"GET /\x00 HTTP/1.1\r\nHost: h\r\n\r\n":        "HTTP/1.1 400 ",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n": "HTTP/1.1 ",
		"nonsense\r\n\r\n": "HTTP/1.1 400 ",
		// A body that never comes holds nobody up.
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n": "HTTP/1.1 405 ",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n":  "HTTP/1.1 200 ",
	} {
		if got := raw(t, addr, request); !strings.HasPrefix(got, want) {
			t.Errorf("%.60q: %.200q, want %s", request, got, want)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestDrain holds that a request under way is finished, and that none begins.
func TestDrain(t *testing.T) {
	entered, leave, drained := make(chan struct{}), make(chan struct{}), make(chan struct{})
	addr, end := run(t, &Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-leave
			fmt.Fprint(w, "done")
		}),
		Draining: func() { close(drained) },
	})
	answer := make(chan string, 1)
	go func() { answer <- raw(t, addr, "GET / HTTP/1.1\r\nHost: h\r\n\r\n") }()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	<-drained
	for {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	close(leave)
	if got := <-answer; !strings.HasSuffix(got, "done") {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLongAnswer holds that a long answer goes out whole, through a file too.
func TestLongAnswer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "long")
	content := strings.Repeat("0123456789abcdef", 3*stallBytes/16+5)
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	m := NewMetrics()
	var bytes int64
	addr, end := run(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rec := &recorder{ResponseWriter: w, start: time.Now()}
		http.ServeFile(rec, req, name)
		bytes = rec.bytes
		m.observe(rec.status, 0)
	})})
	got := raw(t, addr, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	if err := end(); err != nil { // waits for the handler
		t.Error(err)
	}
	if body != content || bytes != int64(len(content)) {
		t.Errorf("%d bytes, %d counted, want %d", len(body), bytes, len(content))
	}
}

// TestTLS holds HTTP/1.1 and HTTP/2 over TLS, and that a new certificate is
// taken up and a broken one is not.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := writePair(t, cert, key, "first")
	c, err := LoadCertificate(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := setup(t, nil)
	addr, end := run(t, &Server{Handler: s, Certificate: c, MaxConnections: 10})
	get := func(pool *x509.CertPool, http2 bool) (proto, name string, err error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}, ForceAttemptHTTP2: http2}
		defer transport.CloseIdleConnections()
		res, err := (&http.Client{Transport: transport}).Get("https://" + addr + file)
		if err != nil {
			return "", "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if string(body) != "second edition\n" {
			t.Errorf("body %q, %v", body, err)
		}
		return res.Proto, res.TLS.PeerCertificates[0].Subject.CommonName, err
	}
	for _, http2 := range []bool{false, true} {
		want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2]
		if proto, name, err := get(pool, http2); proto != want || name != "first" || err != nil {
			t.Errorf("%s %s %v, want %s", proto, name, err, want)
		}
	}
	pool = writePair(t, cert, key, "second")
	c.mu.Lock()
	c.looked = time.Time{} // as if lookEvery had passed
	c.mu.Unlock()
	if _, name, err := get(pool, true); name != "second" || err != nil {
		t.Errorf("after a change: %s %v", name, err)
	}
	if err := os.WriteFile(cert, []byte("broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil || !strings.Contains(err.Error(), "read certificate") {
		t.Errorf("a broken certificate: %v", err)
	}
	if _, name, err := get(pool, false); name != "second" || err != nil {
		t.Errorf("after a broken one: %s %v", name, err)
	}
	if got := raw(t, addr, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 400") {
		t.Errorf("plain HTTP: %q", got)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// writePair writes a certificate that signs itself, and returns who trusts it.
func writePair(t *testing.T, certFile, keyFile, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	template.Subject.CommonName = name
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return pool
}

// TestPanicIsLogged holds that a panic in a handler, and what net/http itself reports, go to
// the log, each as one record, and take nothing else with them.
func TestPanicIsLogged(t *testing.T) {
	var log lockedBuffer
	addr, end := run(t, &Server{Log: slog.New(slog.NewJSONHandler(&log, nil)), Handler: http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/panic" {
			panic("on purpose\n{forged}")
		}
	})})
	if got := raw(t, addr, "GET /panic HTTP/1.1\r\nHost: h\r\n\r\n"); got != "" {
		t.Errorf("answered %q", got)
	}
	if got := raw(t, addr, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("afterwards: %q", got)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	var line struct{ Level, Msg string }
	if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Level != "WARN" || !strings.Contains(line.Msg, "on purpose") || !strings.Contains(line.Msg, "goroutine") {
		t.Errorf("logged %s (%v)", log.Bytes(), err)
	}
}

// lockedBuffer is for many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// TestNotify holds what systemd is told.
func TestNotify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	_, end := run(t, &Server{Handler: http.NotFoundHandler()})
	read := func() string {
		buf := make([]byte, 100)
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := bufio.NewReader(conn).Read(buf)
		return fmt.Sprint(string(buf[:n]), err)
	}
	if got := read(); got != "READY=1<nil>" {
		t.Error(got)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if got := read(); got != "STOPPING=1<nil>" {
		t.Error(got)
	}
}

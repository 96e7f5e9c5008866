package network_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/asof/asof/internal/network"
)

func settings() network.Settings {
	return network.Settings{Authority: "trust it", Plain: "without TLS", TLS: "with TLS"}
}

type timeout struct{}

func (timeout) Error() string   { return "timed out" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestExplain(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		err   error
		hint  string
		heals bool // for a server that was met before, and for one that was not
		fresh bool
	}{
		{dial(&net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}), "check the name h, and how this machine resolves names", true, false},
		{dial(&net.DNSError{Err: "server misbehaving", Name: "h", IsTemporary: true}), "check how this machine resolves names", true, true},
		{dial(syscall.ECONNREFUSED), "nothing listens there: check the address, and whether the server runs", true, true},
		{dial(syscall.EHOSTUNREACH), "check the address, the network, and whether a proxy is needed (HTTPS_PROXY)", true, true},
		{timeout{}, "check the address, the network, and whether a proxy is needed (HTTPS_PROXY)", true, true},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "", true, true},
		{http.ErrSchemeMismatch, "without TLS", false, false},
		{network.ErrSpeaksTLS, "with TLS", false, false},
	} {
		f := network.Explain(tt.err, settings())
		if f == nil || f.Hint() != tt.hint || network.Heals(f, true) != tt.heals || network.Heals(f, false) != tt.fresh {
			t.Errorf("%v: %v, want %q", tt.err, f, tt.hint)
		}
		if again := network.Explain(f, network.Settings{}); again != f {
			t.Errorf("%v: explained twice", tt.err)
		}
	}
	// A setting that names the proxy is what to look at, instead of the environment.
	for _, err := range []error{&net.OpError{Op: "proxyconnect", Err: syscall.ECONNREFUSED}, network.Connected(t.Context(), &url.URL{Host: "p"}, nil, &http.Response{StatusCode: 502})} {
		if f := network.Explain(err, settings()); f == nil || !strings.HasPrefix(f.Hint(), "HTTP_PROXY and HTTPS_PROXY name the proxy") {
			t.Errorf("%v: %v", err, f)
		}
		if f := network.Explain(err, network.Settings{Proxy: "the setting"}); f == nil || f.Hint() != "the setting" || !network.Heals(f, true) {
			t.Errorf("%v: %v", err, f)
		}
	}
	for _, err := range []error{io.ErrUnexpectedEOF, dial(syscall.EMFILE), errors.New("another")} {
		if f := network.Explain(err, settings()); f != nil || !network.Heals(err, false) {
			t.Errorf("%v: %v", err, f)
		}
	}
}

// Servers tell in several ways that HTTP came to a port for HTTPS. Other answers stay as
// they are.
func TestAnswered(t *testing.T) {
	for body, tls := range map[string]bool{
		"Client sent an HTTP request to an HTTPS server.\n":                                       true,
		"<html><h1>400</h1><center>The plain HTTP request was sent to HTTPS port</center></html>": true,
		"Reason: You're speaking plain HTTP to an SSL-enabled server port.":                       true,
		"<Error><Code>InvalidRequest</Code></Error>" + strings.Repeat(" ", 5000):                  false,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, body)
		}))
		res, err := http.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if err := network.Answered(res); errors.Is(err, network.ErrSpeaksTLS) != tls {
			t.Errorf("%.40q: %v", body, err)
		}
		if rest, err := io.ReadAll(res.Body); string(rest) != body || err != nil {
			t.Errorf("%.40q: %d bytes are left, %v", body, len(rest), err)
		}
		res.Body.Close()
		s.Close()
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Read(make([]byte, 1<<10))
			io.WriteString(c, "\x15\x03\x01\x00\x02\x02\x46") // an alert of TLS
			c.Close()
		}
	}()
	_, err = http.Get("http://" + l.Addr().String())
	if f := network.Explain(err, settings()); f == nil || f.Hint() != "with TLS" || f.Error() != "the server speaks only https there" {
		t.Errorf("%v: %v", err, f)
	}
}

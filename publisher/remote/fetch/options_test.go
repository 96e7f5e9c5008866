package fetch

import (
	"bytes"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestOptionErrors(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.pem")
	lookup := variables(map[string]string{"U": "ann", "P": "secret", "N": "secret\n"})
	for _, tt := range []struct {
		opts Options
		err  string
	}{
		{Options{Concurrency: -1}, "concurrency: is -1; allowed: 1 to 1000"},
		{Options{Concurrency: 1001}, "concurrency: is 1001; allowed: 1 to 1000"},
		{Options{RateLimit: -1}, "rate_limit: is -1; allowed: 0, 0.001 to 1000000"},
		{Options{RateLimit: math.NaN()}, `rate_limit: is "NaN"; allowed: 0, 0.001 to 1000000`},
		{Options{RateLimit: math.Inf(1)}, "rate_limit: is +Inf; allowed: 0, 0.001 to 1000000"},
		{Options{MaxRedirects: -2}, "max_redirects: is -2; allowed: -1, 1 to 100"},
		{Options{ConnectTimeout: -time.Second}, "connect_timeout: is -1s; allowed: 50ms to 10m"},
		{Options{IdleTimeout: -time.Second}, "idle_timeout: is -1s; allowed: 50ms to 1h"},
		{Options{TotalTimeout: -time.Second}, "total_timeout: is -1s; allowed: 0s, 1s to 168h"},
		{Options{ClientKey: "x"}, "client_key: needs client_cert"},
		{Options{PasswordEnv: "P"}, "password_env: needs username_env"},
		{Options{UsernameEnv: "X"}, `username_env: the environment variable "X" is not set`},
		{Options{UsernameEnv: "U", PasswordEnv: "X"}, `password_env: the environment variable "X" is not set`},
		{Options{CACert: missing}, "ca_cert: open " + missing + ": no such file or directory"},
		{Options{CACert: empty}, "ca_cert: " + empty + " holds no certificate in PEM form"},
		{Options{ClientCert: missing}, "client_cert: open " + missing + ": no such file or directory"},
		{Options{ClientCert: empty}, "client_cert: tls: failed to find any PEM data in certificate input"},
		{Options{Proxy: "http://ann:secret@host"}, "proxy: holds credentials; use HTTPS_PROXY or HTTP_PROXY in the environment"},
		{Options{Proxy: "http://ann:se#cret@host"}, "proxy: not a valid URL"},
		{Options{Proxy: "http:///secret"}, "proxy: holds no host"},
		{Options{Proxy: "ftp://secret"}, "proxy: not an http, https, socks5 or socks5h URL"},
		{Options{Headers: map[string]string{"a b": "secret"}}, `headers: "a b" is not a header's name`},
		{Options{Headers: map[string]string{"range": "secret"}}, "headers.range: can't be set"},
		{Options{Headers: map[string]string{"host": "secret"}}, "headers.host: can't be set"},
		{Options{Headers: map[string]string{"x": "secret ${X}"}}, `headers.x: the environment variable "X" is not set`},
		{Options{Headers: map[string]string{"x": "secret ${}"}}, `headers.x: the environment variable "" is not set`},
		{Options{Headers: map[string]string{"x": "secret ${U"}}, "headers.x: ${ without }"},
		{Options{Headers: map[string]string{"x": "${N}"}}, "headers.x: the value holds a control character"},
		{Options{Headers: map[string]string{"a": "1", "A": "2"}}, "headers.a: set twice"},
		{Options{Headers: map[string]string{"authorization": "secret"}, UsernameEnv: "U"},
			"headers.Authorization: can't be set along with username_env"},
	} {
		u, err := ParseURL("https://host/")
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(u, tt.opts, Env{LookupEnv: lookup})
		if err == nil || err.Error() != tt.err {
			t.Errorf("got %v, want %s", err, tt.err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := newClient(t, "https://host/", Options{}, Env{})
	want := Options{Concurrency: 10, ConnectTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxRedirects: 10}
	if !reflect.DeepEqual(c.opts, want) {
		t.Errorf("got %+v", c.opts)
	}
	if cap(c.slots) != 10 || c.limit != nil || c.agent != "asof" {
		t.Errorf("%d places, limit %v, agent %s", cap(c.slots), c.limit, c.agent)
	}
}

func TestHeaders(t *testing.T) {
	header, err := secretHeader(Options{
		Headers:     map[string]string{"x-one": "a${A}b${B}", "X-Two": "$A {B} $$ ünï", "user-agent": "me"},
		UsernameEnv: "A",
	}, variables(map[string]string{"A": "1", "B": ""}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-One": "a1b", "X-Two": "$A {B} $$ ünï", "User-Agent": "me", "Authorization": "Basic MTo=",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestUnencryptedWarning(t *testing.T) {
	for base, want := range map[string]string{
		"http://host/a?token=secret": "level=WARN msg=\"credentials are sent without encryption\" url=http://host/a\n",
		"https://host/a":             "",
	} {
		var log bytes.Buffer
		newClient(t, base, Options{UsernameEnv: "U"}, Env{
			Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})),
			LookupEnv: variables(map[string]string{"U": "ann"}),
		})
		if log.String() != want {
			t.Errorf("got %s", log.String())
		}
	}
}

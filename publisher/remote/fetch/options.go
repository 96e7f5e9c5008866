package fetch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"regexp"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Options are a remote's settings for the network, as the configuration file
// spells them. The zero value is usable. They are checked, but without effect,
// for file URLs.
type Options struct {
	CACert        string `mapstructure:"ca_cert"`         // PEM file of authorities to trust besides the system's
	ClientCert    string `mapstructure:"client_cert"`     // PEM file, for the upstream's own host
	ClientKey     string `mapstructure:"client_key"`      // PEM file; empty: in client_cert's file
	TLSSkipVerify bool   `mapstructure:"tls_skip_verify"` // true: any certificate will do

	UsernameEnv string `mapstructure:"username_env"` // variable that holds basic authentication's user name; empty: none
	PasswordEnv string `mapstructure:"password_env"` // variable that holds the password; empty: no password

	// Headers are sent to the upstream's own host. ${NAME} in a value stands
	// for an environment variable, so that secrets stay out of the file.
	Headers map[string]string `mapstructure:"headers"`

	// Proxy is an http, https, socks5 or socks5h URL without credentials.
	// Empty: HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide, whose URLs may hold
	// credentials.
	Proxy string `mapstructure:"proxy"`

	// Concurrency is how many requests there are at once, 1 to 1000; 0: 10. A
	// request lasts until its body is closed, broken or read to the end.
	Concurrency int `mapstructure:"concurrency"`

	RateLimit      float64       `mapstructure:"rate_limit"`      // requests per second, redirects included; 0: no limit
	ConnectTimeout time.Duration `mapstructure:"connect_timeout"` // to connect, and again for TLS; 0: 10 s
	IdleTimeout    time.Duration `mapstructure:"idle_timeout"`    // for an answer to begin, and for a body's next byte; 0: 60 s
	TotalTimeout   time.Duration `mapstructure:"total_timeout"`   // for a request with its body; 0: no limit
	MaxRedirects   int           `mapstructure:"max_redirects"`   // per request; 0: 10; -1: none
}

// Defaults and bounds of [Options].
const (
	DefaultConcurrency    = 10
	MaxConcurrency        = 1000
	DefaultConnectTimeout = 10 * time.Second
	DefaultIdleTimeout    = 60 * time.Second
	DefaultMaxRedirects   = 10
)

func (o Options) validate() error {
	if o.Concurrency < 0 || o.Concurrency > MaxConcurrency {
		return fmt.Errorf("concurrency: %d is not between 1 and %d", o.Concurrency, MaxConcurrency)
	}
	if !(o.RateLimit >= 0) || math.IsInf(o.RateLimit, 0) {
		return fmt.Errorf("rate_limit: %v is not a number of requests per second", o.RateLimit)
	}
	if o.MaxRedirects < -1 {
		return fmt.Errorf("max_redirects: %d is less than -1", o.MaxRedirects)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"connect_timeout", o.ConnectTimeout},
		{"idle_timeout", o.IdleTimeout},
		{"total_timeout", o.TotalTimeout},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s: %v is negative", d.name, d.value)
		}
	}
	if o.ClientKey != "" && o.ClientCert == "" {
		return errors.New("client_key: needs client_cert")
	}
	if o.PasswordEnv != "" && o.UsernameEnv == "" {
		return errors.New("password_env: needs username_env")
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Concurrency == 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = DefaultConnectTimeout
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = DefaultIdleTimeout
	}
	switch o.MaxRedirects {
	case 0:
		o.MaxRedirects = DefaultMaxRedirects
	case -1:
		o.MaxRedirects = 0
	}
	if o.ClientKey == "" {
		o.ClientKey = o.ClientCert
	}
	return o
}

// secretHeader gathers what only the upstream's own host may see.
func secretHeader(o Options, lookup func(string) (string, bool)) (http.Header, error) {
	header := make(http.Header)
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		value, err := expand(o.Headers[name], lookup)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return nil, fmt.Errorf("headers: %q is not a header's name", name)
		case reserved(name):
			return nil, fmt.Errorf("headers: %s can't be set", name)
		case err != nil:
			return nil, fmt.Errorf("headers: %s: %w", name, err)
		case !httpguts.ValidHeaderFieldValue(value):
			return nil, fmt.Errorf("headers: the value of %s holds a control character", name)
		case header.Get(name) != "":
			return nil, fmt.Errorf("headers: %s is set twice", name)
		}
		header.Set(name, value)
	}
	if o.UsernameEnv == "" {
		return header, nil
	}
	if header.Get("Authorization") != "" {
		return nil, errors.New("headers: Authorization can't be set along with username_env")
	}
	user, err := variable(o.UsernameEnv, lookup)
	if err != nil {
		return nil, fmt.Errorf("username_env: %w", err)
	}
	var password string
	if o.PasswordEnv != "" {
		if password, err = variable(o.PasswordEnv, lookup); err != nil {
			return nil, fmt.Errorf("password_env: %w", err)
		}
	}
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	header.Set("Authorization", "Basic "+auth)
	return header, nil
}

// reserved reports headers that carry the request itself: setting them would
// change which bytes arrive.
func reserved(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Accept-Encoding", "Connection", "Content-Length", "Host", "If-Modified-Since", "If-None-Match",
		"If-Range", "Range", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// expand replaces each ${NAME}. Errors hold names, never values.
func expand(s string, lookup func(string) (string, bool)) (string, error) {
	var failed error
	out := regexp.MustCompile(`\$\{[^}]*\}?`).ReplaceAllStringFunc(s, func(ref string) string {
		if ref[len(ref)-1] != '}' {
			failed = errors.New("${ without }")
			return ""
		}
		value, err := variable(ref[2:len(ref)-1], lookup)
		if err != nil {
			failed = err
		}
		return value
	})
	return out, failed
}

func variable(name string, lookup func(string) (string, bool)) (string, error) {
	value, ok := lookup(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %q is not set", name)
	}
	return value, nil
}

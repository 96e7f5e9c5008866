package fetch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/asof/asof/internal/option"
)

// Options are a remote's settings for the network, as the configuration file
// spells them. The tags say their defaults and bounds; a zero stands for the
// default. They are checked, but without effect, for file URLs.
type Options struct {
	CACert        string `yaml:"ca_cert"`         // PEM file of authorities to trust besides the system's
	ClientCert    string `yaml:"client_cert"`     // PEM file, for the upstream's own host
	ClientKey     string `yaml:"client_key"`      // PEM file; empty: in client_cert's file
	TLSSkipVerify bool   `yaml:"tls_skip_verify"` // true: any certificate will do

	UsernameEnv string `yaml:"username_env"` // variable that holds basic authentication's user name; empty: none
	PasswordEnv string `yaml:"password_env"` // variable that holds the password; empty: no password

	// Headers are sent to the upstream's own host. ${NAME} in a value stands
	// for an environment variable, so that secrets stay out of the file.
	Headers map[string]string `yaml:"headers" secret:"true"`

	// Proxy is an http, https, socks5 or socks5h URL without credentials.
	// Empty: HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide, whose URLs may hold
	// credentials.
	Proxy string `yaml:"proxy"`

	// Concurrency is how many requests there are at once. A request lasts until its body
	// is closed, broken or read to the end.
	Concurrency int `yaml:"concurrency" default:"10" allowed:"1 to 1000"`

	RateLimit      float64       `yaml:"rate_limit" default:"0" allowed:"0, 0.001 to 1000000"` // requests per second, redirects included; 0: no limit
	ConnectTimeout time.Duration `yaml:"connect_timeout" default:"10s" allowed:"50ms to 10m"`  // to connect, and again for TLS
	IdleTimeout    time.Duration `yaml:"idle_timeout" default:"1m" allowed:"50ms to 1h"`       // for an answer to begin, and for a body's next byte
	TotalTimeout   time.Duration `yaml:"total_timeout" default:"0s" allowed:"0s, 1s to 168h"`  // for a request with its body; 0: no limit
	MaxRedirects   int           `yaml:"max_redirects" default:"10" allowed:"-1, 1 to 100"`    // per request; -1: none

	// AllowPrivateRedirects lets an upstream at a public address redirect to
	// private, loopback and link-local ones.
	AllowPrivateRedirects bool `yaml:"allow_private_redirects"`
}

// validate finds what is wrong with the options themselves, as [option.Errors].
func (o Options) validate() error {
	errs := []error{option.Check(o)}
	if o.ClientKey != "" && o.ClientCert == "" {
		errs = append(errs, option.Errorf("client_key", "needs client_cert"))
	}
	if o.PasswordEnv != "" && o.UsernameEnv == "" {
		errs = append(errs, option.Errorf("password_env", "needs username_env"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	option.Fill(&o)
	o.MaxRedirects = max(o.MaxRedirects, 0)
	if o.ClientKey == "" {
		o.ClientKey = o.ClientCert
	}
	return o
}

// secretHeader gathers what only the upstream's own host may see. The error has
// all that is wrong.
func secretHeader(o Options, lookup func(string) (string, bool)) (http.Header, error) {
	header := make(http.Header)
	var errs []error
	wrong := func(name, format string, args ...any) {
		errs = append(errs, option.Errorf(name, format, args...))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Headers)) {
		value, err := expand(o.Headers[name], lookup)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			wrong("headers", "%q is not a header's name", name)
		case reserved(name):
			wrong("headers."+name, "can't be set")
		case err != nil:
			wrong("headers."+name, "%w", err)
		case !httpguts.ValidHeaderFieldValue(value):
			wrong("headers."+name, "the value holds a control character")
		case header.Get(name) != "":
			wrong("headers."+name, "set twice")
		default:
			header.Set(name, value)
		}
	}
	if o.UsernameEnv == "" {
		return header, errors.Join(errs...)
	}
	if header.Get("Authorization") != "" {
		wrong("headers.Authorization", "can't be set along with username_env")
	}
	user, err := variable(o.UsernameEnv, lookup)
	if err != nil {
		wrong("username_env", "%w", err)
	}
	var password string
	if o.PasswordEnv != "" {
		if password, err = variable(o.PasswordEnv, lookup); err != nil {
			wrong("password_env", "%w", err)
		}
	}
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	header.Set("Authorization", "Basic "+auth)
	return header, errors.Join(errs...)
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

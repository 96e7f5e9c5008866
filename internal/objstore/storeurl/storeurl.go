// Package storeurl opens a store by the URL that a user configures:
//
//	./data  data  /srv/x  file:///srv/x               a folder (dirstore)
//	s3://bucket/prefix?region=…&endpoint=…&path_style=true
//	                                                  Amazon S3 (s3store)
//	minio://host:port/bucket/prefix?tls=true&region=… MinIO and the like (miniostore)
//	mem://                                            memory (memstore), for tests
//
// The prefix is optional. tls is off for a loopback host unless the URL says
// otherwise, and on for any other. Credentials never stand in a URL, since URLs
// end up in logs: they come from the environment or the usual files.
package storeurl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
	"github.com/asof/asof/internal/objstore/memstore"
	"github.com/asof/asof/internal/objstore/miniostore"
	"github.com/asof/asof/internal/objstore/s3store"
)

// Options are for what a URL does not say.
type Options struct {
	// Create makes the folder of a dirstore if it is missing. Buckets are never
	// made.
	Create bool
	// Concurrency is how many requests will be made at a time; so many idle
	// connections are kept. 0: 32.
	Concurrency int
	// UserAgent is sent to servers, such as "asof/1.2". Empty: only the libraries'.
	UserAgent string
	// Retention is given to every object, but to no register; only buckets with
	// Object Lock can do that. Zero: none.
	Retention objstore.Retention
	// Now is the clock that a retention counts from. Nil: time.Now.
	Now func() time.Time
	// Logger gets what no caller is told. Nil: nothing is logged.
	Logger *slog.Logger
	// WrapTransport, if not nil, wraps the HTTP transport of the store, to count
	// its requests or to fail them.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

const schemes = "a folder, file://, s3://, minio:// or mem://"

// Open opens the store. It makes no request to it; only a folder is looked for.
// Errors are the user's to mend, except ErrNoStore; none repeats a secret.
func Open(ctx context.Context, storeURL string, opts Options) (objstore.Store, error) {
	if err := opts.Retention.Check(); err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	scheme, rest, ok := strings.Cut(storeURL, "://")
	if !ok {
		if storeURL == "" {
			return nil, errors.New("no store given: want " + schemes)
		}
		return newDir(storeURL, opts)
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	if strings.Contains(authority, "@") { // before url.Parse, which could fail and say with what
		return nil, errSecret(scheme)
	}
	u, err := url.Parse(storeURL)
	if err != nil {
		return nil, fmt.Errorf("store url: %w", errors.Unwrap(err)) // the cause without the url
	}
	if u.Fragment != "" {
		return nil, errors.New("store url: a \"#\" in it must be written %23")
	}
	query, err := parseQuery(u)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "file":
		return openDir(u, query, opts)
	case "s3":
		return openS3(ctx, u, query, opts)
	case "minio":
		return openMinIO(u, query, opts)
	case "mem":
		if err := query.only(); err != nil {
			return nil, err
		}
		if u.Host != "" || strings.Trim(u.Path, "/") != "" {
			return nil, errors.New("store url: mem:// takes nothing behind it")
		}
		if opts.Retention.Mode != "" {
			return nil, errNoLock("memory")
		}
		return memstore.New(memstore.Options{}), nil
	}
	return nil, fmt.Errorf("store url: unknown scheme %q: want %s", u.Scheme, schemes)
}

func errSecret(scheme string) error {
	return fmt.Errorf("store url: credentials in a %s:// url: put them into the environment or the credentials file", scheme)
}

func openDir(u *url.URL, query query, opts Options) (objstore.Store, error) {
	if err := query.only(); err != nil {
		return nil, err
	}
	if u.Host != "" && u.Host != "localhost" {
		return nil, fmt.Errorf("store url: file://%s%s names a host: an absolute path has three slashes, file:///%s", u.Host, u.Path, strings.TrimPrefix(u.Host+u.Path, "/"))
	}
	if u.Path == "" {
		return nil, errors.New("store url: file:// names no folder")
	}
	return newDir(filepath.FromSlash(u.Path), opts)
}

func newDir(dir string, opts Options) (objstore.Store, error) {
	if opts.Retention.Mode != "" {
		return nil, errNoLock("a folder")
	}
	return dirstore.New(dir, dirstore.Options{Create: opts.Create})
}

func errNoLock(what string) error {
	return fmt.Errorf("retention: %s has %w", what, objstore.ErrNoLock)
}

func openS3(ctx context.Context, u *url.URL, query query, opts Options) (objstore.Store, error) {
	if err := query.only("region", "endpoint", "path_style"); err != nil {
		return nil, err
	}
	pathStyle, err := query.bool("path_style", false)
	if err != nil {
		return nil, err
	}
	if u.Host == "" {
		return nil, errors.New("store url: s3:// names no bucket: want s3://bucket/prefix")
	}
	endpoint, err := checkEndpoint(query.get("endpoint"))
	if err != nil {
		return nil, err
	}
	s, err := s3store.New(ctx, s3store.Options{
		Options:   opts.bucket(u.Host),
		Region:    query.get("region"),
		Endpoint:  endpoint,
		PathStyle: pathStyle,
	})
	if err != nil {
		return nil, err
	}
	return withPrefix(s, u.Path)
}

// checkEndpoint holds an endpoint to the rules of the store URL itself.
func checkEndpoint(endpoint string) (string, error) {
	if endpoint == "" {
		return "", nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return "", fmt.Errorf("store url: endpoint: %w", errors.Unwrap(err))
	case u.User != nil:
		return "", errSecret("endpoint")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "":
		return "", errors.New("store url: endpoint must be like https://host:port")
	}
	return endpoint, nil
}

func openMinIO(u *url.URL, query query, opts Options) (objstore.Store, error) {
	if err := query.only("tls", "region"); err != nil {
		return nil, err
	}
	tls, err := query.bool("tls", !loopback(u.Hostname()))
	if err != nil {
		return nil, err
	}
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if u.Host == "" || bucket == "" {
		return nil, errors.New("store url: minio:// needs a host and a bucket: want minio://host:port/bucket/prefix")
	}
	s, err := miniostore.New(miniostore.Options{
		Options:  opts.bucket(bucket),
		Endpoint: u.Host,
		TLS:      tls,
		Region:   query.get("region"),
	})
	if err != nil {
		return nil, err
	}
	return withPrefix(s, prefix)
}

// bucket is what the drivers of buckets are told.
func (opts Options) bucket(name string) s3core.Options {
	return s3core.Options{
		Bucket:        name,
		Concurrency:   opts.Concurrency,
		UserAgent:     opts.UserAgent,
		Retention:     opts.Retention,
		Now:           opts.Now,
		Logger:        opts.Logger,
		WrapTransport: opts.WrapTransport,
	}
}

func withPrefix(s objstore.Store, prefix string) (objstore.Store, error) {
	s, err := objstore.WithPrefix(s, prefix)
	if err != nil {
		return nil, fmt.Errorf("store url: prefix: %w", err)
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// query is the parameters of a URL, each at most once.
type query struct {
	scheme string
	values map[string]string
}

func parseQuery(u *url.URL) (query, error) {
	q := query{scheme: u.Scheme, values: make(map[string]string)}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return q, errors.New("store url: malformed query") // the cause could quote a secret
	}
	for name, all := range values {
		lower := strings.ToLower(name)
		for _, word := range []string{"secret", "password", "token", "access", "credential", "key"} {
			if strings.Contains(lower, word) {
				return q, errSecret(u.Scheme)
			}
		}
		if len(all) > 1 {
			return q, fmt.Errorf("store url: %s is given %d times", name, len(all))
		}
		q.values[name] = all[0]
	}
	return q, nil
}

func (q query) get(name string) string { return q.values[name] }

// only refuses parameters that the scheme does not know, without their values.
func (q query) only(known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		switch {
		case slices.Contains(known, name):
		case len(known) == 0:
			return fmt.Errorf("store url: unknown parameter %q: %s:// takes none", name, q.scheme)
		default:
			return fmt.Errorf("store url: unknown parameter %q: %s:// takes %s", name, q.scheme, strings.Join(known, ", "))
		}
	}
	return nil
}

func (q query) bool(name string, otherwise bool) (bool, error) {
	text, ok := q.values[name]
	if !ok {
		return otherwise, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("store url: %s is %q: want true or false", name, text)
	}
	return v, nil
}

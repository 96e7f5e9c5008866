package storeurl

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/asof/asof/internal/objstore"
)

// Location is where a store is, as its URL says.
type Location struct {
	scheme         string // empty: a folder
	dir            string // of a folder
	bucket, prefix string // of the others
	endpoint       string // a URL for s3, a host for minio; empty: Amazon's
	region         string
	pathStyle, tls bool
}

const schemes = "a folder, file://, s3://, minio:// or mem://"

// Parse reads a store's URL. It looks at the text alone: not at the environment, nor
// whether there is such a store. No error contains a secret.
func Parse(storeURL string) (Location, error) {
	scheme, rest, ok := strings.Cut(storeURL, "://")
	if !ok {
		if storeURL == "" {
			return Location{}, errors.New("no store given: want " + schemes)
		}
		return Location{dir: storeURL}, nil
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	if strings.Contains(authority, "@") { // before url.Parse, whose error would contain them
		return Location{}, errSecret(scheme)
	}
	u, err := url.Parse(storeURL)
	if err != nil {
		return Location{}, errors.Unwrap(err) // the cause without the URL
	}
	if u.Fragment != "" {
		return Location{}, errors.New("a \"#\" in it must be written %23")
	}
	parse, ok := map[string]func(*url.URL, query) (Location, error){"file": parseFile, "s3": parseS3, "minio": parseMinIO, "mem": parseMem}[u.Scheme]
	if !ok {
		return Location{}, fmt.Errorf("unknown scheme %q: want %s", u.Scheme, schemes)
	}
	query, err := parseQuery(u)
	if err != nil {
		return Location{}, err
	}
	l, err := parse(u, query)
	if err != nil {
		return Location{}, err
	}
	if _, err := objstore.WithPrefix(nil, l.prefix); err != nil {
		return Location{}, fmt.Errorf("prefix: %w", err)
	}
	return l, nil
}

// IsBucket reports whether the store is a bucket. Only buckets can retain objects, and
// sign URLs.
func (l Location) IsBucket() bool { return l.bucket != "" }

// CheckRetention checks whether a store of this kind can retain objects so. A bucket may
// lack Object Lock all the same. The error of any other store is an ErrNoLock.
func (l Location) CheckRetention(r objstore.Retention) error {
	switch err := r.Check(); {
	case err != nil, r.Mode == "", l.IsBucket():
		return err
	case l.scheme == "mem":
		return fmt.Errorf("memory has %w", objstore.ErrNoLock)
	}
	return fmt.Errorf("a folder has %w", objstore.ErrNoLock)
}

func errSecret(scheme string) error {
	return fmt.Errorf("credentials in a %s:// url: put them into the environment or the credentials file", scheme)
}

func parseFile(u *url.URL, query query) (Location, error) {
	if err := query.only(); err != nil {
		return Location{}, err
	}
	if u.Host != "" && u.Host != "localhost" {
		return Location{}, fmt.Errorf("file://%s%s names a host: an absolute path has three slashes, file:///%s", u.Host, u.Path, strings.TrimPrefix(u.Host+u.Path, "/"))
	}
	if u.Path == "" {
		return Location{}, errors.New("file:// names no folder")
	}
	return Location{dir: filepath.FromSlash(u.Path)}, nil
}

func parseMem(u *url.URL, query query) (Location, error) {
	if err := query.only(); err != nil {
		return Location{}, err
	}
	if u.Host != "" || strings.Trim(u.Path, "/") != "" {
		return Location{}, errors.New("mem:// takes nothing behind it")
	}
	return Location{scheme: u.Scheme}, nil
}

func parseS3(u *url.URL, query query) (Location, error) {
	if err := query.only("region", "endpoint", "path_style"); err != nil {
		return Location{}, err
	}
	pathStyle, err := query.bool("path_style", false)
	if err != nil {
		return Location{}, err
	}
	if u.Host == "" {
		return Location{}, errors.New("s3:// names no bucket: want s3://bucket/prefix")
	}
	if err := checkEndpoint(query.get("endpoint")); err != nil {
		return Location{}, err
	}
	return Location{scheme: u.Scheme, bucket: u.Host, prefix: u.Path, endpoint: query.get("endpoint"), region: query.get("region"), pathStyle: pathStyle}, nil
}

// checkEndpoint checks an endpoint against the rules for the store URL itself.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("endpoint: %w", errors.Unwrap(err))
	case u.User != nil:
		return errSecret("endpoint")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "":
		return errors.New("endpoint must be like https://host:port")
	}
	return nil
}

func parseMinIO(u *url.URL, query query) (Location, error) {
	if err := query.only("tls", "region"); err != nil {
		return Location{}, err
	}
	tls, err := query.bool("tls", !loopback(u.Hostname()))
	if err != nil {
		return Location{}, err
	}
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if u.Host == "" || bucket == "" {
		return Location{}, errors.New("minio:// needs a host and a bucket: want minio://host:port/bucket/prefix")
	}
	// The library would refuse them at each request, as if the server had.
	if err := s3utils.CheckValidBucketName(bucket); err != nil {
		return Location{}, fmt.Errorf("bucket %q: %w", bucket, err)
	}
	return Location{scheme: u.Scheme, bucket: bucket, prefix: prefix, endpoint: u.Host, region: query.get("region"), tls: tls}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

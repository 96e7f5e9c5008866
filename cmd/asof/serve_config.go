package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/service"
)

type serveConfig struct {
	Listen         string        `mapstructure:"listen"`
	Refresh        time.Duration `mapstructure:"refresh"`
	Cache          string        `mapstructure:"cache"`
	Delivery       string        `mapstructure:"delivery"`
	PoolURL        string        `mapstructure:"pool_url"`
	PresignTTL     time.Duration `mapstructure:"presign_ttl"`
	TLSCert        string        `mapstructure:"tls_cert"`
	TLSKey         string        `mapstructure:"tls_key"`
	MaxConnections int           `mapstructure:"max_connections"`
	TrustedProxies []string      `mapstructure:"trusted_proxies"`
	RateLimit      float64       `mapstructure:"rate_limit"`
	RateBurst      int           `mapstructure:"rate_burst"`
	AccessLog      string        `mapstructure:"access_log"`
	MetricsListen  string        `mapstructure:"metrics_listen"`
	Auth           []authConfig  `mapstructure:"auth"`
}

// url is where asof serve is found from this machine.
func (s serveConfig) url() string {
	scheme, listen := "http", s.Listen
	if s.TLSCert != "" {
		scheme = "https"
	}
	if host, port, err := net.SplitHostPort(listen); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		listen = net.JoinHostPort("127.0.0.1", port)
	}
	return scheme + "://" + listen
}

// authConfig is what opens a repo. No secret stands in it, only hashes.
type authConfig struct {
	User        string `mapstructure:"user"`
	Bcrypt      string `mapstructure:"bcrypt"`
	TokenSHA256 string `mapstructure:"token_sha256"`
}

// serveSettings are the scalar keys below serve with their defaults.
func serveSettings() map[string]any {
	return map[string]any{
		"serve.listen": "127.0.0.1:8080", "serve.refresh": 5 * time.Second, "serve.cache": "64MiB",
		"serve.delivery": "", "serve.pool_url": "", "serve.presign_ttl": 15 * time.Minute,
		"serve.tls_cert": "", "serve.tls_key": "", "serve.max_connections": 10_000,
		"serve.rate_limit": 0.0, "serve.rate_burst": 0, "serve.access_log": "", "serve.metrics_listen": "",
	}
}

// checkServe holds what is true of the settings for serve.
func (cfg *config) checkServe() error {
	s := cfg.Serve
	if _, err := s.cacheBytes(); err != nil {
		return err
	}
	for _, network := range s.TrustedProxies {
		if _, err := parseNetwork(network); err != nil {
			return usage(fmt.Errorf("serve.trusted_proxies: %q is neither an address nor a network", network), "for instance 10.0.0.0/8")
		}
	}
	switch {
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return usage(errors.New("serve.tls_cert and serve.tls_key: one of them is missing"), "")
	case s.RateLimit < 0 || math.IsNaN(s.RateLimit) || s.RateBurst < 0 || s.MaxConnections < 0:
		return usage(errors.New("serve: rate_limit, rate_burst and max_connections can't be below 0"), "0 is no bound")
	case s.PresignTTL <= 0 || s.PresignTTL > objstore.MaxSigned:
		return usage(fmt.Errorf("serve.presign_ttl: %s is not between 0 and %s", s.PresignTTL, objstore.MaxSigned), "")
	}
	if _, err := s.auth(cfg.Repos); err != nil {
		return err
	}
	_, err := s.deliveries(cfg.Repos)
	return err
}

// cacheBytes is what the resolver is told: no memory at all is negative there.
func (s serveConfig) cacheBytes() (int64, error) {
	n, err := humanize.ParseBytes(s.Cache)
	if err != nil || n > math.MaxInt64 {
		return 0, usage(fmt.Errorf("serve.cache: %q is no size", s.Cache), "for instance 256MiB")
	}
	if n == 0 {
		return -1, nil
	}
	return int64(n), nil
}

// deliveries are how each repo is delivered, by its base path; "" is any other.
func (s serveConfig) deliveries(repos []repoConfig) (map[string]resolver.Delivery, error) {
	parse := func(where, text string) (resolver.Delivery, error) {
		switch {
		case text == "proxy", text == "" && s.PoolURL == "":
			return resolver.Proxy, nil
		case (text == "redirect" || text == "") && s.PoolURL != "":
			return resolver.Redirect, nil
		case text == "redirect":
			return 0, usage(fmt.Errorf("%s: redirect needs serve.pool_url", where), "set it to where clients can read the store")
		case text == "presign":
			return resolver.Presign, nil
		}
		return 0, usage(fmt.Errorf("%s: %q is none of proxy, redirect, presign", where, text), "")
	}
	all, err := parse("serve.delivery", s.Delivery)
	if err != nil {
		return nil, err
	}
	by := map[string]resolver.Delivery{"": all}
	for i, r := range repos {
		if r.Delivery == "" {
			by[r.Path] = all
		} else if by[r.Path], err = parse(fmt.Sprintf("repos[%d].delivery", i), r.Delivery); err != nil {
			return nil, err
		}
	}
	return by, nil
}

// auth is nil where everything is open.
func (s serveConfig) auth(repos []repoConfig) (*service.Auth, error) {
	credentials := func(configs []authConfig) (list []service.Credential) {
		for _, c := range configs {
			list = append(list, service.Credential{User: c.User, Bcrypt: c.Bcrypt, Token: c.TokenSHA256})
		}
		return list
	}
	own := map[string][]service.Credential{}
	for _, r := range repos {
		if len(r.Auth) > 0 {
			own[r.Path] = credentials(r.Auth)
		}
	}
	if len(s.Auth) == 0 && len(own) == 0 {
		return nil, nil
	}
	auth, err := service.NewAuth(credentials(s.Auth), own)
	if err != nil {
		return nil, usage(fmt.Errorf("auth: %w", err), "for instance auth: [{user: ci, bcrypt: $2y$…}, {token_sha256: …}]")
	}
	return auth, nil
}

// trusted are the networks of trusted proxies, which were checked.
func (s serveConfig) trusted() (networks []netip.Prefix) {
	for _, text := range s.TrustedProxies {
		if network, err := parseNetwork(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}

func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// resolverOptions are what the resolver is told.
func (cfg config) resolverOptions(store objstore.Store, metrics *service.Metrics, log *slog.Logger) (resolver.Options, error) {
	s := cfg.Serve
	hot, err := s.cacheBytes()
	if err != nil {
		return resolver.Options{}, err
	}
	deliveries, err := s.deliveries(cfg.Repos)
	if err != nil {
		return resolver.Options{}, err
	}
	opts := resolver.Options{
		Store: metrics.CountErrors(store), Refresh: s.Refresh, Log: log, HotBytes: hot, PoolURL: s.PoolURL,
		Delivery: func(base string) resolver.Delivery {
			if d, ok := deliveries[base]; ok {
				return d
			}
			return deliveries[""]
		},
	}
	if auth, err := s.auth(cfg.Repos); err != nil {
		return opts, err
	} else if auth != nil {
		opts.Access = auth.Access
	}
	for _, d := range deliveries {
		if d != resolver.Presign || opts.SignURL != nil {
			continue
		}
		signer, ok := objstore.CanSign(store)
		if !ok {
			return opts, usage(errors.New("delivery presign: this store signs no URLs"), "only S3 and MinIO do")
		}
		opts.SignURL = func(ctx context.Context, key string) (string, error) { return signer.SignedURL(ctx, key, s.PresignTTL) }
	}
	return opts, nil
}

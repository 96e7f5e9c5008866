package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/service"
)

// url is the address of asof serve on this machine.
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

// cacheBytes is the resolver's setting, in which a negative number means no memory.
func (s serveConfig) cacheBytes() int64 {
	if s.Cache == 0 {
		return -1
	}
	return int64(s.Cache)
}

// presign is the delivery that needs a store which signs URLs.
const presign = "presign"

// deliveries says how each repo is delivered, by its base path; "" is any other.
func (s serveConfig) deliveries(repos []repoConfig) (map[string]resolver.Delivery, error) {
	var errs []error
	parse := func(key, text string) resolver.Delivery {
		switch {
		case text == presign:
			return resolver.Presign
		case text == "proxy", text == "" && s.PoolURL == "":
			return resolver.Proxy
		case s.PoolURL == "":
			errs = append(errs, option.Errorf(key, "redirect needs serve.pool_url: where clients can read the store"))
		}
		return resolver.Redirect
	}
	all := parse("serve.delivery", s.Delivery)
	by := map[string]resolver.Delivery{"": all}
	for i, r := range repos {
		by[r.Path] = all
		if r.Delivery != "" {
			by[r.Path] = parse(fmt.Sprintf("repos[%d].delivery", i), r.Delivery)
		}
	}
	return by, errors.Join(errs...)
}

// credentials are those of a list.
func credentials(configs []authConfig) (list []service.Credential) {
	for _, c := range configs {
		list = append(list, service.Credential{User: c.User, Bcrypt: c.Bcrypt, Token: c.TokenSHA256})
	}
	return list
}

// auth is nil if everything is open.
func (s serveConfig) auth(repos []repoConfig) (*service.Auth, error) {
	own := map[string][]service.Credential{}
	for _, r := range repos {
		if len(r.Auth) > 0 {
			own[r.Path] = credentials(r.Auth)
		}
	}
	if len(s.Auth) == 0 && len(own) == 0 {
		return nil, nil
	}
	return service.NewAuth(credentials(s.Auth), own)
}

// trusted are the networks of trusted proxies, which checkServe checked.
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

// resolverOptions are the resolver's options. signer is nil if the store signs no URLs.
func (cfg config) resolverOptions(store resolver.Store, signer objstore.Signer, metrics *service.Metrics, log *slog.Logger) (resolver.Options, error) {
	s := cfg.Serve
	deliveries, err := s.deliveries(cfg.Repos)
	if err != nil {
		return resolver.Options{}, err
	}
	opts := resolver.Options{
		Store: metrics.CountErrors(store), Refresh: s.Refresh, Log: log, HotBytes: s.cacheBytes(), PoolURL: s.PoolURL,
		PublicURL: cfg.PublicURL, Secure: service.Secure(s.trusted()),
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
		opts.Access, opts.Sandbox = auth.Access, !s.ActiveContent
	}
	for _, d := range deliveries {
		if d != resolver.Presign || opts.SignURL != nil {
			continue
		}
		if signer == nil {
			return opts, usage(errors.New("delivery presign: this store signs no URLs"), "only S3 and MinIO do")
		}
		opts.SignURL = func(ctx context.Context, key string) (string, error) { return signer.SignedURL(ctx, key, s.PresignTTL) }
	}
	return opts, nil
}

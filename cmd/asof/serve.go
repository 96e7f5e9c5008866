package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/service"
)

// firstRefresh is how long the start waits for the store. If the store does not answer
// in time, the service runs anyway and reports that it is not ready.
const firstRefresh = 10 * time.Second

func newServeCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the store: resolve any time, list and deliver files",
		Long: `Run the resolver as an HTTP service. It only reads. It picks up new repos and
checkpoints without a restart, and keeps answering from memory while the store is down.
A store that is away at the start is waited for, with 503.
SIGHUP reloads the TLS certificate and reopens the access log. Sockets from systemd
replace --listen.`,
		Example: `  asof serve
  asof serve --listen 0.0.0.0:8080 --access-log -
  asof serve --listen :443 --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.read()
			if err != nil {
				return err
			}
			log := a.logger(cfg)
			cfg.checkServing(log)
			if err := cfg.mistakes(); err != nil {
				return err
			}
			store, err := a.plainStore(cmd.Context(), cfg, log, storeurl.Options{})
			if errors.Is(err, objstore.ErrNoStore) {
				later := func(ctx context.Context) (objstore.Store, error) {
					return a.plainStore(ctx, cfg, log, storeurl.Options{})
				}
				return a.serve(cmd.Context(), cfg, &awaited{open: later}, nil, log)
			}
			if err != nil {
				return err
			}
			signer, _ := objstore.As[objstore.Signer](store)
			return a.serve(cmd.Context(), cfg, store, signer, log)
		},
	}
	flags := cmd.Flags()
	flags.String("listen", "", "address to listen on (default 127.0.0.1:8080)")
	flags.String("refresh", "", "how often to look for new checkpoints, a `duration` (default 5s)")
	flags.String("delivery", "", "how files reach clients: proxy, redirect or presign (default proxy; with --pool-url redirect)")
	flags.String("pool-url", "", "where clients can read the store: redirect sends them there")
	flags.String("cache", "", "memory for small files that are asked for often; 0: none (default 64MiB)")
	flags.String("tls-cert", "", "serve HTTPS with this certificate chain")
	flags.String("tls-key", "", "and this private key")
	flags.String("access-log", "", "file to log requests to; -: standard output")
	flags.String("metrics-listen", "", "serve /-/metrics on this address only")
	a.bindFlags(flags)
	return cmd
}

// serve runs the service as it is configured.
func (a *app) serve(ctx context.Context, cfg config, store resolver.Store, signer objstore.Signer, log *slog.Logger) error {
	metrics := service.NewMetrics()
	opts, err := cfg.resolverOptions(store, signer, metrics, log)
	if err != nil {
		return err
	}
	r := resolver.New(opts)
	metrics.Watch(r, time.Now)
	access, err := a.openAccessLog(cfg)
	if err != nil {
		return err
	}
	handler := service.New(service.Options{
		Resolver: r, Metrics: metrics, Log: log, AccessLog: access.logger, Trusted: cfg.Serve.trusted(),
		RatePerSecond: cfg.Serve.RateLimit, Burst: cfg.Serve.RateBurst,
		Access: opts.Access, OwnMetrics: cfg.Serve.MetricsListen != "",
	})
	server := &service.Server{Handler: handler, Log: log, MaxConnections: cfg.Serve.MaxConnections, Draining: handler.Drain}
	scheme := "http"
	if cfg.Serve.TLSCert != "" {
		scheme = "https"
		if server.Certificate, err = service.LoadCertificate(cfg.Serve.TLSCert, cfg.Serve.TLSKey, log); err != nil {
			return usage(err, "")
		}
	}
	listeners, err := service.Listen(cfg.Serve.Listen)
	if err != nil {
		return usage(err, "choose another address with --listen")
	}
	group, ctx := errgroup.WithContext(ctx)
	if cfg.Serve.MetricsListen != "" {
		l, err := net.Listen("tcp", cfg.Serve.MetricsListen)
		if err != nil {
			return usage(err, "choose another address with --metrics-listen")
		}
		mux := http.NewServeMux()
		mux.Handle("/-/metrics", metrics)
		group.Go(func() error { return (&service.Server{Handler: mux, Log: log}).Run(ctx, l) })
	}
	for _, l := range listeners {
		fmt.Fprintf(a.stderr, "serving %s on %s://%s/\n", cfg.Store, scheme, l.Addr())
	}
	group.Go(func() error {
		onHangup(ctx, func() {
			if err := errors.Join(server.Certificate.Reload(), access.reopen()); err != nil {
				log.Error("reload", "error", err)
			}
		})
		return nil
	})
	group.Go(func() error { return serve(ctx, r, server, listeners...) })
	return group.Wait()
}

// serve answers requests until the context ends, and then finishes those under way.
func serve(ctx context.Context, r *resolver.Resolver, server *service.Server, listeners ...net.Listener) error {
	first, cancel := context.WithTimeout(ctx, firstRefresh)
	_ = r.Refresh(first) // what failed was logged, and is tried again
	cancel()
	ctx, stop := context.WithCancel(ctx)
	refreshed := make(chan error, 1)
	go func() { refreshed <- r.Run(ctx) }()
	err := server.Run(ctx, listeners...)
	stop()
	<-refreshed
	return err
}

// onHangup calls do at each SIGHUP until the context ends.
func onHangup(ctx context.Context, do func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-hangups:
			do()
		case <-ctx.Done():
			return
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/resolver"
)

// drainTime is how long requests under way may take after a signal.
const drainTime = 20 * time.Second

func newServeCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the store: resolve any time, list and deliver files",
		Long: `Run the resolver as an HTTP service. It only reads. It follows new repos and
checkpoints without a restart, and goes on answering from memory while the
store is away.`,
		Example: `  asof serve
  asof serve --listen 0.0.0.0:8080 --log-level debug`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.setup()
			if err != nil {
				return err
			}
			cache, err := cfg.Serve.cacheBytes()
			if err != nil {
				return err
			}
			store, err := a.store(cmd.Context(), cfg, log, false)
			if err != nil {
				return err
			}
			listener, err := net.Listen("tcp", cfg.Serve.Listen)
			if err != nil {
				return usage(err, "choose another address with --listen")
			}
			fmt.Fprintf(a.stderr, "serving %s on http://%s/\n", cfg.Store, listener.Addr())
			return serve(cmd.Context(), listener, resolver.Options{
				Store: store, Refresh: cfg.Serve.Refresh, PoolURL: cfg.Serve.PoolURL, HotBytes: cache, Log: log,
			})
		},
	}
	flags := cmd.Flags()
	flags.String("listen", "", "address to listen on (default 127.0.0.1:8080)")
	flags.Duration("refresh", 0, "how often to look for new checkpoints (default 5s)")
	flags.String("pool-url", "", "send clients there for files")
	flags.String("cache", "", "memory for small files that are asked for often; 0: none (default 64MiB)")
	a.bindFlags(flags)
	return cmd
}

// serve answers requests until the context ends, and then finishes those under way.
func serve(ctx context.Context, listener net.Listener, opts resolver.Options) error {
	r := resolver.New(opts)
	_ = r.Refresh(ctx) // what failed was logged, and is tried again
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	refreshed := make(chan error, 1)
	go func() { refreshed <- r.Run(ctx) }()

	server := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(opts.Log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := server.Shutdown(drain)
	stop()
	<-refreshed
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("serve: some requests were cut off after %s", drainTime), server.Close())
	}
	return err
}

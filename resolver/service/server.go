package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/net/netutil"
)

const (
	// headerTimeout is how long a client may take to say what it wants.
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	// drainTime is how long requests under way may take in the end.
	drainTime = 20 * time.Second
)

// Server listens. The zero value of what is not required is none.
type Server struct {
	Handler http.Handler // required
	Log     *slog.Logger // required
	// Certificate makes it HTTPS, with HTTP/2.
	Certificate *Certificate
	// MaxConnections bounds those that are open on each listener; more wait.
	MaxConnections int
	// Draining is called when no more requests should come.
	Draining func()
}

// Listen opens an address, or takes over the sockets that systemd has opened
// (LISTEN_FDS), whatever the address.
func Listen(address string) ([]net.Listener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("take over sockets: %w", err)
	}
	var listeners []net.Listener
	for _, l := range passed {
		if l != nil { // not one of a datagram socket
			listeners = append(listeners, l)
		}
	}
	if listeners != nil {
		return listeners, nil
	}
	l, err := net.Listen("tcp", address)
	return []net.Listener{l}, err
}

// http is the server itself, with its bounds.
func (s *Server) http() *http.Server {
	server := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout, // nobody here waits for a body
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	if s.Certificate != nil {
		server.TLSConfig = &tls.Config{GetCertificate: s.Certificate.get, MinVersion: tls.VersionTLS12}
	}
	return server
}

// Run serves until the context ends, and then finishes what is under way. It
// tells systemd when it is ready and when it stops.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	server := s.http()
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		if s.MaxConnections > 0 {
			l = netutil.LimitListener(l, s.MaxConnections)
		}
		go func() {
			if s.Certificate != nil {
				failed <- server.ServeTLS(l, "", "")
			} else {
				failed <- server.Serve(l)
			}
		}()
	}
	s.notify(daemon.SdNotifyReady)
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve: %w", err), server.Close())
	case <-ctx.Done():
	}
	s.notify(daemon.SdNotifyStopping)
	if s.Draining != nil {
		s.Draining()
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("serve: some requests were cut off after %s", drainTime), server.Close())
	}
	return err
}

// notify tells systemd, if it is there.
func (s *Server) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.Log.Warn("systemd was not told", "state", state, "error", err)
	}
}

package service

import (
	"log/slog"
	"net/http"
	"time"
)

// logAccess writes the record of a request. user is who has authenticated, empty for
// nobody: what a client merely claims is not logged, as it may be a password. The query is
// left out: a client may have put into it what is nobody's business.
func (s *Service) logAccess(req *http.Request, rec *recorder, user string, took time.Duration) {
	s.opts.AccessLog.LogAttrs(req.Context(), slog.LevelInfo, "request",
		slog.String("client", s.client(req).String()),
		slog.String("user", user),
		slog.String("method", req.Method),
		slog.String("host", req.Host),
		slog.String("path", req.URL.EscapedPath()),
		slog.String("proto", req.Proto),
		slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes),
		slog.Duration("took", took),
		slog.String("agent", req.UserAgent()),
	)
}

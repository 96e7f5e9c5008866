package main

import (
	"context"
	"io"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

type streamingFunc func(context.Context, *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error)

// streaming answers events while the body is being read: invoke mode
// RESPONSE_STREAM.
func streaming(h http.Handler) streamingFunc {
	return func(ctx context.Context, event *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
		h, req, err := route(ctx, event, h)
		if err != nil {
			return nil, err
		}
		r, w := io.Pipe()
		s := &stream{header: http.Header{}, body: w, ready: make(chan int, 1)}
		go func() {
			err := serveHTTP(h, s, req)
			s.WriteHeader(http.StatusOK)
			w.CloseWithError(err) // nil: the end
		}()
		status := <-s.ready
		return &events.LambdaFunctionURLStreamingResponse{StatusCode: status, Headers: s.sent, Body: r}, nil
	}
}

// stream is an http.ResponseWriter into a pipe. Until it has sent the status,
// only the serving goroutine may touch it.
type stream struct {
	header http.Header
	sent   map[string]string
	body   *io.PipeWriter
	ready  chan int // gets the status, once
}

func (s *stream) Header() http.Header { return s.header }

func (s *stream) WriteHeader(status int) {
	if s.sent == nil {
		s.sent = headers(s.header)
		s.ready <- status
	}
}

func (s *stream) Write(p []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return s.body.Write(p)
}

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	// maxBuffered is the largest body of a buffered answer. Lambda takes 6 MiB of
	// JSON, in which base64 turns three bytes into four.
	maxBuffered = 4 << 20
	// maxStreamed is Lambda's own limit for a streamed answer.
	maxStreamed = 200_000_000
	// signedFor is how long a client may wait before it starts to fetch a large
	// file.
	signedFor = time.Hour
)

type bufferedFunc func(context.Context, *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLResponse, error)

// buffered answers events in one piece: invoke mode BUFFERED.
func buffered(h http.Handler) bufferedFunc {
	return func(ctx context.Context, event *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLResponse, error) {
		h, req, err := route(ctx, event, h)
		if err != nil {
			return nil, err
		}
		w := &answer{header: http.Header{}}
		if err := serveHTTP(h, w, req); err != nil {
			return nil, err
		}
		// Always base64: only then is the answer's size known, whatever its
		// bytes.
		return &events.LambdaFunctionURLResponse{
			StatusCode: w.status, Headers: headers(w.header),
			Body: base64.StdEncoding.EncodeToString(w.body.Bytes()), IsBase64Encoded: true,
		}, nil
	}
}

// answer is an http.ResponseWriter that keeps the whole answer.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// serveHTTP calls the handler. A handler panics to cut its answer short;
// serveHTTP turns that into an error.
func serveHTTP(h http.Handler, w http.ResponseWriter, req *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = fmt.Errorf("%s %s: answer cut short", req.Method, req.URL.EscapedPath())
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, req)
	return nil
}

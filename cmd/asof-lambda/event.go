package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// payloadVersion is the format of a function URL's events.
const payloadVersion = "2.0"

// route returns the request that an event describes, and the handler that answers
// it: h, or a badRequest if the target is malformed.
func route(ctx context.Context, event *events.LambdaFunctionURLRequest, h http.Handler) (http.Handler, *http.Request, error) {
	req, err := request(ctx, event)
	if bad, ok := errors.AsType[badRequest](err); ok {
		return bad, nil, nil
	}
	return h, req, err
}

// request returns the HTTP request that an event describes. Its path keeps the
// client's escapes. Only a badRequest is the client's fault; any other error is
// not.
func request(ctx context.Context, event *events.LambdaFunctionURLRequest) (*http.Request, error) {
	if event.Version != payloadVersion || event.RequestContext.HTTP.Method == "" {
		return nil, fmt.Errorf("event of version %q is no request to a function URL: want %s", event.Version, payloadVersion)
	}
	target := event.RawPath
	if event.RawQueryString != "" {
		target += "?" + event.RawQueryString
	}
	u, err := url.ParseRequestURI(target)
	if err != nil || u.Scheme != "" {
		return nil, badRequest{}
	}
	var body io.Reader = strings.NewReader(event.Body)
	if event.IsBase64Encoded {
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	req := &http.Request{
		Method: event.RequestContext.HTTP.Method, URL: u, RequestURI: target,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(body),
		Host: event.RequestContext.DomainName, RemoteAddr: event.RequestContext.HTTP.SourceIP,
	}
	for name, value := range event.Headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	return req.WithContext(ctx), nil
}

// badRequest: the target is malformed. An HTTP server would answer 400 before it
// calls a handler.
type badRequest struct{}

func (badRequest) Error() string { return "the address is malformed" }

// ServeHTTP answers 400.
func (e badRequest) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, "error: "+e.Error()+"\n") // into memory or a pipe
}

// headers returns an answer's headers as Lambda takes them, with one value per
// name.
func headers(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		out[name] = strings.Join(values, ", ")
	}
	return out
}

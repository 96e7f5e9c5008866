package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// maxPayload is the largest answer that Lambda takes from a buffered function.
const maxPayload = 6 << 20

// invocation is an event on its way through the runtime API.
type invocation struct {
	event []byte
	done  chan reply
}

// reply is what the function posted for an invocation.
type reply struct {
	failed  bool // posted to /error, or the stream ended with an error
	payload []byte
	header  http.Header
	chunked bool
}

// runtimeAPI is Lambda's side of its runtime API, version 2018-06-01, for one
// function that runs as a process.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	t       *testing.T
	server  *httptest.Server
	pending chan *invocation // the function asks for the next one
	current chan *invocation // it works on this one
	log     *bytes.Buffer
}

// start runs the function's program, with the given environment, until the test
// ends.
func start(t *testing.T, program string, env ...string) *runtimeAPI {
	t.Helper()
	api := &runtimeAPI{t: t, pending: make(chan *invocation), current: make(chan *invocation, 1), log: &bytes.Buffer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", api.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/request-id/response", api.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/request-id/error", api.response)
	api.server = httptest.NewServer(mux)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.server.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=asof", "_HANDLER=bootstrap", "GORACE=atexit_sleep_ms=20",
	}, env...)
	cmd.Stderr = api.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // it was killed
		api.server.CloseClientConnections()
		api.server.Close()
		if t.Failed() {
			t.Logf("the function's log:\n%s", api.log)
		}
	})
	return api
}

func (api *runtimeAPI) next(w http.ResponseWriter, req *http.Request) {
	select {
	case <-req.Context().Done():
	case inv := <-api.pending:
		api.current <- inv
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "request-id")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(30*time.Second).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:asof")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(inv.event)
	}
}

func (api *runtimeAPI) response(w http.ResponseWriter, req *http.Request) {
	payload, err := io.ReadAll(req.Body)
	failed := err != nil || strings.HasSuffix(req.URL.Path, "/error") || req.Trailer.Get("Lambda-Runtime-Function-Error-Type") != ""
	w.WriteHeader(http.StatusAccepted)
	(<-api.current).done <- reply{failed, payload, req.Header, len(req.TransferEncoding) > 0}
}

// invoke passes an event to the function and waits for its reply.
func (api *runtimeAPI) invoke(event []byte) (reply, error) {
	inv := &invocation{event, make(chan reply, 1)}
	timeout := time.After(30 * time.Second)
	select {
	case api.pending <- inv:
	case <-timeout:
		return reply{}, fmt.Errorf("the function does not ask for events")
	}
	select {
	case r := <-inv.done:
		return r, nil
	case <-timeout:
		return reply{}, fmt.Errorf("the function does not answer")
	}
}

// integration is an answer in the form a function URL understands.
type integration struct {
	StatusCode      int
	Headers         map[string]string
	Body            string
	IsBase64Encoded bool
}

// answer decodes a reply, of either invoke mode.
func (r reply) answer(stream bool) (a integration, body []byte, err error) {
	switch {
	case r.failed:
		return a, nil, fmt.Errorf("the function failed: %.500s", r.payload)
	case stream:
		if got := r.header.Get("Content-Type"); got != "application/vnd.awslambda.http-integration-response" || !r.chunked {
			return a, nil, fmt.Errorf("streamed as %q, chunked: %t", got, r.chunked)
		}
		prelude, rest, ok := bytes.Cut(r.payload, make([]byte, 8))
		if !ok {
			return a, nil, fmt.Errorf("no end of the prelude in %.200q", r.payload)
		}
		return a, rest, json.Unmarshal(prelude, &a)
	case len(r.payload) > maxPayload:
		return a, nil, fmt.Errorf("%d bytes are more than Lambda takes", len(r.payload))
	}
	if err := json.Unmarshal(r.payload, &a); err != nil {
		return a, nil, err
	}
	if !a.IsBase64Encoded {
		return a, []byte(a.Body), nil
	}
	body, err = base64.StdEncoding.DecodeString(a.Body)
	return a, body, err
}

// url returns a function URL: an HTTP server that turns requests into events, and
// answers into responses.
func (api *runtimeAPI) url(stream bool) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		event, err := json.Marshal(eventOf(req))
		if err != nil {
			panic(err) // an event is made of strings
		}
		r, err := api.invoke(event)
		var a integration
		var body []byte
		if err == nil {
			a, body, err = r.answer(stream)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		for name, value := range a.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(a.StatusCode)
		_, _ = w.Write(body)
	}))
	api.t.Cleanup(server.Close)
	return server.URL
}

// eventOf returns the event that a function URL makes of a request: header names
// in lower case, several values joined, path and query unchanged.
func eventOf(req *http.Request) events.LambdaFunctionURLRequest {
	path, query, _ := strings.Cut(req.RequestURI, "?")
	event := events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: path, RawQueryString: query, Headers: map[string]string{"host": req.Host},
	}
	for name, values := range req.Header {
		event.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	event.RequestContext.DomainName = "abc.lambda-url.eu-west-1.on.aws"
	event.RequestContext.HTTP.Method, event.RequestContext.HTTP.Path = req.Method, path
	event.RequestContext.HTTP.Protocol, event.RequestContext.HTTP.SourceIP = req.Proto, "192.0.2.1"
	return event
}

// program is the test binary itself; the environment makes it the function.
func program() string { return os.Args[0] }

const asFunction = "ASOF_TEST_AS_FUNCTION=1"

func TestMain(m *testing.M) {
	if name, value, _ := strings.Cut(asFunction, "="); os.Getenv(name) == value {
		main()
		return
	}
	os.Exit(shared.Run(m))
}

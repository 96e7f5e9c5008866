package main

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// counter is a proxy in front of the store that counts requests. It costs time,
// so counted runs are not measured.
type counter struct {
	endpoint string
	server   *http.Server

	mu     sync.Mutex
	counts counts
}

// counts are requests by kind: HEAD, GET, LIST (a GET of a bucket), PUT, COPY (a
// PUT without a body of its own), POST, DELETE; and "manifests", the PUT requests
// that write a manifest.
type counts map[string]int

const manifestPuts = "manifests"

func (c counts) total() int {
	n := 0
	for kind, k := range c {
		if kind != manifestPuts {
			n += k
		}
	}
	return n
}

func startCounter(ctx context.Context, backend string) (*counter, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &counter{endpoint: l.Addr().String(), counts: counts{}}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: backend})
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}
	c.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.count(r)
		forward.ServeHTTP(w, r)
	})}
	go func() { _ = c.server.Serve(l) }() // until close
	return c, nil
}

func (c *counter) close() { _ = c.server.Close() }

func (c *counter) count(r *http.Request) {
	kind := r.Method
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case kind == http.MethodGet && key == "":
		kind = "LIST"
	case kind == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		kind = "COPY"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[kind]++
	if kind == http.MethodPut && strings.HasPrefix(key, ".asof/manifests/") {
		c.counts[manifestPuts]++
	}
}

// take returns the counts since the last call.
func (c *counter) take() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := maps.Clone(c.counts)
	clear(c.counts)
	return taken
}

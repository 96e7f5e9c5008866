package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// bareServer is net/http alone, the lower bound for asof: it serves a map's
// redirects, or a folder's files.
const bareServer = "bare net/http"

// startBare starts it on the folder, or on nginx's map if there is one.
func (l *lab) startBare(ctx context.Context, store, conf string) (*webServer, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	rules := ""
	if conf != "" {
		rules = filepath.Join(l.dir, "rules")
		if err := os.WriteFile(rules, []byte(conf), 0o644); err != nil {
			return nil, err
		}
	}
	p, err := program{dir: l.dir, args: []string{l.self, childArg, "web", listen, store, rules}}.start(ctx)
	if err != nil {
		return nil, err
	}
	return &webServer{name: bareServer, url: "http://" + listen, process: p}, nil
}

// serveBare is the child: it serves until it is killed.
func serveBare(args []string) error {
	listen, store, rules := args[0], args[1], args[2]
	if rules == "" {
		return http.ListenAndServe(listen, http.FileServer(http.Dir(store)))
	}
	conf, err := os.ReadFile(rules)
	if err != nil {
		return err
	}
	to := map[string][]string{}
	for line := range strings.Lines(string(conf)) {
		if f := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), ";")); len(f) == 2 && strings.HasPrefix(f[0], "/") {
			to[f[0]] = f[1:]
		}
	}
	none := []string{"0"}
	return http.ListenAndServe(listen, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		location, ok := to[req.URL.Path]
		if !ok {
			http.NotFound(w, req)
			return
		}
		w.Header()["Location"] = location
		w.Header()["Content-Length"] = none
		w.WriteHeader(http.StatusMovedPermanently)
	}))
}

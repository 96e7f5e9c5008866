package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/manifest"
)

const (
	redirects = "redirect"
	smallFile = "small file"
	asked     = 1000 // different paths in a load
)

// webServer is asof or nginx, running.
type webServer struct {
	name    string
	url     string
	process *process
	total   int64
}

// servePart loads nginx, asof, and a bare Go server in turn: with redirects,
// which the others make from a map, and with small files from one folder.
func servePart(ctx context.Context, l *lab) error {
	if l.nginx == "" || l.wrk == "" {
		return nil // the notes say so
	}
	if err := l.serveRedirects(ctx); err != nil {
		return fmt.Errorf("%s: %w", redirects, err)
	}
	if err := l.serveFiles(ctx); err != nil {
		return fmt.Errorf("%s: %w", smallFile, err)
	}
	return nil
}

// serveRedirects asks for moments between 10,000 checkpoints, and paths in them.
// All have one manifest, since asof looks the path up before it redirects.
func (l *lab) serveRedirects(ctx context.Context) error {
	const checkpoints = 10_000
	store := filepath.Join(l.dir, "redirects")
	folder, err := dirstore.New(store, dirstore.Options{Create: true})
	if err != nil {
		return err
	}
	root, err := writeManifest(folder, l.files, manifest.Root{}, func(int) bool { return false })
	if err != nil {
		return err
	}
	digest := root.Name
	if err := writeFleet(ctx, store, 1, checkpoints, func(int) manifest.Digest { return digest }); err != nil {
		return err
	}
	rng := rand.New(random(l.seed, 3<<32, 0))
	var ask []string
	var rules strings.Builder
	for range asked {
		id, second := checkpointID(rng.IntN(checkpoints)), 1+rng.IntN(hour-1)
		path := largePath(rng.IntN(l.files))
		from := fmt.Sprintf("/%s/%s/%s", fleetName(0), id+manifest.ID(second), path)
		ask = append(ask, from)
		fmt.Fprintf(&rules, "    %s /%s/%s/%s;\n", from, fleetName(0), id, path)
	}
	conf := "map_hash_max_size 16384;\n  map_hash_bucket_size 256;\n  map $uri $to {\n" + rules.String() + "  }\n"
	return l.compareServers(ctx, redirects, store, conf, "return 301 $to;", ask, http.StatusMovedPermanently, 0.6)
}

// serveFiles asks for files of a full checkpoint in a folder. Their paths there
// are the paths by which both servers serve them.
func (l *lab) serveFiles(ctx context.Context) error {
	store := filepath.Join(l.dir, "files")
	source := filepath.Join(l.dir, "small")
	t := &tree{dir: source, dirs: l.dirs}
	if _, err := os.Stat(source); err != nil {
		if t, err = newTree(ctx, l, "small"); err != nil {
			return err
		}
	}
	r, _, err := l.publish(ctx, l.asof, store, "full", source, nil)
	if err != nil {
		return err
	}
	rng := rand.New(random(l.seed, 4<<32, 0))
	var ask []string
	for range asked {
		ask = append(ask, r.Path+t.path(rng.IntN(l.files)))
	}
	return l.compareServers(ctx, smallFile, store, "", "root "+store+";", ask, http.StatusOK, 0.5)
}

// compareServers starts the servers and loads them in turn.
func (l *lab) compareServers(ctx context.Context, scenario, store, conf, location string, ask []string, status int, atLeast float64) error {
	script, err := l.script(strings.ReplaceAll(scenario, " ", "-"), ask)
	if err != nil {
		return err
	}
	nginx, err := l.startNginx(ctx, conf, location)
	if err != nil {
		return err
	}
	defer nginx.process.stop()
	asof, err := l.startServe(ctx, l.asof, store)
	if err != nil {
		return err
	}
	defer asof.process.stop()
	bare, err := l.startBare(ctx, store, conf)
	if err != nil {
		return err
	}
	defer bare.process.stop()
	servers := []*webServer{nginx, asof, bare}
	rows := map[*webServer]*served{}
	for _, s := range servers {
		rows[s] = &served{Scenario: scenario, Tool: s.name}
		l.report.Served = append(l.report.Served, rows[s])
		if err := answers(ctx, s.process, s.url+ask[0], status, time.Minute); err != nil {
			return err
		}
		seen, err := l.wrkRun(ctx, script, s.url, 1) // to warm up
		if err != nil {
			return err
		}
		s.total += seen.requests
	}
	for _, s := range []*webServer{asof, bare} {
		if err := sameAnswer(ctx, nginx.url+ask[1], s.url+ask[1]); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	for round := range l.runs {
		for _, s := range servers {
			l.log("  run %d: %s, %s", round+1, scenario, s.name)
			seen, err := l.wrkRun(ctx, script, s.url, l.seconds)
			if err != nil {
				return err
			}
			s.total += seen.requests
			rows[s].Rate, rows[s].P99 = append(rows[s].Rate, seen.rate), append(rows[s].P99, seen.p99)
		}
	}
	for _, s := range servers {
		u := s.process.stop()
		rows[s].CPU, rows[s].RSS = u.cpu/float64(s.total)*1e6, u.rss
	}
	l.report.atLeast(scenario, "rate, of nginx's", atLeast, ratio(rows[asof].Rate, rows[nginx].Rate))
	l.report.atMost(scenario, "p99, of nginx's", 3, ratio(rows[asof].P99, rows[nginx].P99))
	if l.profile == "" {
		return nil
	}
	l.log("  profile")
	return l.profileServe(ctx, scenario, store, script)
}

func (l *lab) startServe(ctx context.Context, binary, store string, env ...string) (*webServer, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	work, err := l.workspace("serve", "store: "+store)
	if err != nil {
		return nil, err
	}
	p, err := program{dir: work, env: env, args: []string{binary, "serve", "--listen", listen}}.start(ctx)
	if err != nil {
		return nil, err
	}
	return &webServer{name: "asof", url: "http://" + listen, process: p}, nil
}

// sameAnswer makes sure that both servers do the same work.
func sameAnswer(ctx context.Context, a, b string) error {
	var seen [2]string
	for i, url := range []string{a, b} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := direct.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		location := res.Header.Get("Location")
		if i := strings.Index(location, "/"+fleetName(0)+"/"); i > 0 {
			location = location[i:] // nginx adds the host
		}
		seen[i] = fmt.Sprint(res.StatusCode, " ", location)
		if res.StatusCode == http.StatusOK {
			seen[i] += fmt.Sprint(res.ContentLength)
		}
	}
	if seen[0] != seen[1] {
		return fmt.Errorf("nginx answers %q, this one %q", seen[0], seen[1])
	}
	return nil
}

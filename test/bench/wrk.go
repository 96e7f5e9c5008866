package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// wrkScript asks for the paths in turn and prints what is read below. The
// requests are made beforehand, as their making would cost as much as a redirect.
const wrkScript = `
local paths = {%s}
local requests, i = {}, 0
init = function(args)
  for k, path in ipairs(paths) do requests[k] = wrk.format("GET", path) end
end
request = function()
  i = i %% #requests + 1
  return requests[i]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d\n", summary.requests, summary.duration,
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`

// script writes the load for wrk.
func (l *lab) script(name string, paths []string) (string, error) {
	var quoted []string
	for _, p := range paths {
		quoted = append(quoted, fmt.Sprintf("%q", p))
	}
	file := filepath.Join(l.dir, name+".lua")
	return file, os.WriteFile(file, fmt.Appendf(nil, wrkScript, strings.Join(quoted, ",")), 0o644)
}

// load is wrk's measurement of a server.
type load struct {
	requests int64
	rate     float64 // a second
	p99      float64 // ms
}

// wrkRun loads a server from one thread over 32 connections.
func (l *lab) wrkRun(ctx context.Context, script, url string, seconds int) (load, error) {
	out, _, err := program{dir: l.dir, args: []string{
		l.wrk, "-t1", "-c32", fmt.Sprintf("-d%ds", seconds), "-s", script, url,
	}}.run(ctx)
	if err != nil {
		return load{}, err
	}
	_, line, _ := strings.Cut(string(out), "RESULT ")
	var requests, micros, p99, errors int64
	if _, err := fmt.Sscan(line, &requests, &micros, &p99, &errors); err != nil {
		return load{}, fmt.Errorf("wrk printed %q: %w", out, err)
	}
	if errors > 0 || requests == 0 {
		return load{}, fmt.Errorf("wrk: %d of %d requests to %s failed", errors, requests, url)
	}
	return load{requests, float64(requests) / (float64(micros) / 1e6), float64(p99) / 1000}, nil
}

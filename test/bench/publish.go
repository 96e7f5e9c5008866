package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// tool is a program that copies a folder into a bucket.
type tool struct {
	name string
	// push makes the bucket hold the folder's content.
	push func(ctx context.Context, endpoint, bucket string) (result, usage, error)
}

// result is what asof says it did; empty for others.
type result struct {
	Checkpoint struct{ ID string }
	Path       string
	Files      struct{ Uploaded, Copied, Reused int }
	Pages      struct{ Uploaded, Copied, Reused int }
}

// The scenarios of a folder, in order.
const (
	first     = "first publish"
	changed   = "1 % changed"
	unchanged = "nothing changed"
)

// publishPart publishes a folder of small files with all tools in turn: first
// into an empty bucket, then with one file in a hundred changed, then unchanged.
func publishPart(ctx context.Context, l *lab) error {
	server, err := l.minioAt(ctx)
	if err != nil {
		return err
	}
	t, err := newTree(ctx, l, "small")
	if err != nil {
		return err
	}
	full, thin := l.asofTool(t.dir, "full"), l.asofTool(t.dir, "thin")
	if l.profile != "" {
		l.log("  profile")
		if err := l.profilePublish(ctx, t.dir); err != nil {
			return err
		}
	}
	tools := []tool{full, thin}
	if l.rclone != "" {
		best, err := l.bestRclone(ctx, t.dir)
		if err != nil {
			return err
		}
		tools = slices.Insert(tools, 0, best)
	}
	bare := l.putTool(t.dir)
	for round := range l.runs {
		l.log("  run %d: %s", round+1, bare.name)
		u, err := l.pushOnce(ctx, bare)
		if err != nil {
			return err
		}
		l.report.timed(first, bare.name).add(u)
		for _, tool := range tools {
			l.log("  run %d: %s", round+1, tool.name)
			err := pushThrice(ctx, server, t, tool, server.endpoint, func(scenario string, _ result, u usage) {
				l.report.timed(scenario, tool.name).add(u)
			}, nil)
			if err != nil {
				return err
			}
		}
	}
	if err := l.countRequests(ctx, server, t, tools); err != nil {
		return err
	}
	if l.rclone != "" {
		l.report.timed(first, bare.name).against(l.report.timed(first, tools[0].name))
	}
	for _, tool := range tools {
		for _, scenario := range []string{first, changed, unchanged} {
			l.comparePublish(scenario, tool.name, tools[0].name)
		}
	}
	return nil
}

// pushOnce is a first publish in its own bucket.
func (l *lab) pushOnce(ctx context.Context, t tool) (usage, error) {
	bucket, drop, err := l.server.bucket(ctx)
	if err != nil {
		return usage{}, err
	}
	defer drop()
	settle()
	_, u, err := t.push(ctx, l.server.endpoint, bucket)
	return u, err
}

// pushThrice is one round of one tool in its own bucket.
func pushThrice(ctx context.Context, server *minioServer, t *tree, tool tool, endpoint string, done func(string, result, usage), change func(files, dirs int)) error {
	bucket, drop, err := server.bucket(ctx)
	if err != nil {
		return err
	}
	defer drop()
	for _, scenario := range []string{first, changed, unchanged} {
		if scenario == changed {
			files, dirs, err := t.change()
			if err != nil {
				return err
			}
			if change != nil {
				change(files, dirs)
			}
			if err := pause(ctx); err != nil {
				return err
			}
		}
		settle()
		r, u, err := tool.push(ctx, endpoint, bucket)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", scenario, tool.name, err)
		}
		done(scenario, r, u)
	}
	return nil
}

// countRequests runs every tool once more, through a counting proxy.
func (l *lab) countRequests(ctx context.Context, server *minioServer, t *tree, tools []tool) error {
	proxy, err := startCounter(ctx, server.endpoint)
	if err != nil {
		return err
	}
	defer proxy.close()
	for _, tool := range tools {
		l.log("  counting: %s", tool.name)
		var files, dirs int
		err := pushThrice(ctx, server, t, tool, proxy.endpoint, func(scenario string, r result, _ usage) {
			c := proxy.take()
			l.report.timed(scenario, tool.name).Requests = c
			if r.Checkpoint.ID != "" {
				l.requestTargets(scenario, tool.name, r, c, files, dirs)
			}
		}, func(f, d int) { files, dirs = f, d })
		if err != nil {
			return err
		}
	}
	return nil
}

// rootPages is the number of pages that every checkpoint has of its own: the
// front page, and changes.json, which tells programs the same.
const rootPages = 2

// requestTargets checks the counts against what was published. files and dirs are
// those that changed before.
func (l *lab) requestTargets(scenario, name string, r result, c counts, files, dirs int) {
	what := scenario + ", " + name
	switch scenario {
	case first:
		beyond := c["PUT"] - l.files - r.Pages.Uploaded - c[manifestPuts]
		l.report.atMost(what, "PUT beyond files, pages and manifests", 10, float64(beyond))
		l.report.atMost(what, "HEAD", 0, float64(c["HEAD"]))
	case changed:
		pages := dirs + rootPages
		if name == thinName {
			l.report.atMost(what, "requests beyond changed files, pages of their directories and the root", 10, float64(c.total()-files-pages))
		} else {
			l.report.atMost(what, "uploads beyond changed files", 0, float64(r.Files.Uploaded-files))
			l.report.atMost(what, "pages written beyond those of changed directories and the root", 0, float64(r.Pages.Uploaded-pages))
		}
	case unchanged:
		l.report.atMost(what, "requests", 3, float64(c.total()))
	}
}

// comparePublish compares a tool's runs with the peer's, and a thin publish with
// its own first.
func (l *lab) comparePublish(scenario, name, peer string) {
	t := l.report.timed(scenario, name)
	if name != peer && l.rclone != "" {
		t.against(l.report.timed(scenario, peer))
		if scenario == first {
			l.report.atMost(scenario+", "+name, "wall time, of rclone's", 0.7, t.WallRatio)
			l.report.atMost(scenario+", "+name, "client CPU, of rclone's", 0.5, t.CPURatio)
		}
	}
	if scenario == changed && name == thinName {
		own := ratio(t.Wall, l.report.timed(first, name).Wall)
		l.report.atMost(scenario+", "+name, "wall time, of its first publish", 1.0/20, own)
	}
}

const (
	fullName = "asof full"
	thinName = "asof thin"
)

// asofTool is asof with its defaults.
func (l *lab) asofTool(dir, layout string) tool {
	return tool{"asof " + layout, func(ctx context.Context, endpoint, bucket string) (result, usage, error) {
		store := "minio://" + endpoint + "/" + bucket
		return l.publish(ctx, l.asof, store, layout, dir, l.server.asofEnv())
	}}
}

// publish runs asof publish on one repo.
func (l *lab) publish(ctx context.Context, binary, store, layout, dir string, env []string) (result, usage, error) {
	work, err := l.workspace("publish", "store: "+store, "repos:", "  - name: bench", "    layout: "+layout,
		"    remote: {type: dir, path: "+dir+"}")
	if err != nil {
		return result{}, usage{}, err
	}
	out, u, err := program{dir: work, env: env, args: []string{binary, "publish", "-o", "json"}}.run(ctx)
	if err != nil {
		return result{}, u, err
	}
	var published struct{ Repos []result }
	if err := json.Unmarshal(out, &published); err != nil || len(published.Repos) != 1 {
		return result{}, u, fmt.Errorf("asof publish printed %q: %w", out, err)
	}
	return published.Repos[0], u, nil
}

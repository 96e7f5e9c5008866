package main

import (
	"context"
	"fmt"
)

// rcloneTool is rclone copy with a number of transfers, and otherwise its
// defaults.
func (l *lab) rcloneTool(dir string, transfers int) tool {
	name := fmt.Sprintf("rclone %d", transfers)
	return tool{name, func(ctx context.Context, endpoint, bucket string) (result, usage, error) {
		_, u, err := program{
			dir: l.dir,
			env: []string{
				"RCLONE_CONFIG_BENCH_TYPE=s3", "RCLONE_CONFIG_BENCH_PROVIDER=Minio", "RCLONE_CONFIG_BENCH_REGION=us-east-1",
				"RCLONE_CONFIG_BENCH_ENDPOINT=http://" + endpoint,
				"RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=" + l.server.accessKey,
				"RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=" + l.server.secretKey,
			},
			args: []string{l.rclone, "copy", "--transfers", fmt.Sprint(transfers), dir, "bench:" + bucket + "/tree"},
		}.run(ctx)
		return result{}, u, err
	}}
}

// bestRclone tries each number of transfers once. It returns the fastest, which
// then runs in turn with asof.
func (l *lab) bestRclone(ctx context.Context, dir string) (best tool, err error) {
	var fastest float64
	for _, n := range l.transfers {
		t := l.rcloneTool(dir, n)
		u, err := l.pushOnce(ctx, t)
		if err != nil {
			return best, err
		}
		l.log("  %s: %.1f s", t.name, u.wall)
		l.report.timed("first publish, tried once", t.name).add(u)
		if fastest == 0 || u.wall < fastest {
			best, fastest = t, u.wall
		}
	}
	return best, nil
}

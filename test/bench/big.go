package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sync/errgroup"
)

// bigPart publishes big files with asof and uploads them with the SDK that asof
// uses, in turn. It also takes files of a quarter of the size, to see whether
// memory grows.
func bigPart(ctx context.Context, l *lab) error {
	server, err := l.minioAt(ctx)
	if err != nil {
		return err
	}
	dir, quarter := filepath.Join(l.dir, "big"), filepath.Join(l.dir, "quarter")
	for i := range l.bigs {
		name := fmt.Sprintf("%d.iso", i)
		err := writeBig(filepath.Join(dir, name), l.seed, uint64(i), l.big)
		if err == nil {
			err = writeBig(filepath.Join(quarter, name), l.seed, uint64(l.bigs+i), l.big/4)
		}
		if err != nil {
			return err
		}
	}
	defer os.RemoveAll(dir) // so that they are in nobody's way later
	defer os.RemoveAll(quarter)

	large := fmt.Sprintf("%d files of %d MiB", l.bigs, l.big>>20)
	small := fmt.Sprintf("%d files of %d MiB", l.bigs, l.big>>22)
	for round := range l.runs {
		for _, step := range []struct {
			scenario string
			tool     tool
		}{
			{large, l.sdkTool(dir, "unhashed")}, {large, l.asofTool(dir, "full")}, {large, l.sdkTool(dir, "digest first")},
			{large, l.sdkTool(dir, "default")},
			{small, l.asofTool(quarter, "full")},
		} {
			l.log("  run %d: %s, %s", round+1, step.scenario, step.tool.name)
			bucket, _, err := server.bucket(ctx)
			if err != nil {
				return err
			}
			settle()
			_, u, err := step.tool.push(ctx, server.endpoint, bucket)
			server.remove(ctx, bucket)
			if err != nil {
				return fmt.Errorf("%s: %w", step.tool.name, err)
			}
			l.report.timed(step.scenario, step.tool.name).add(u)
		}
	}
	ours, sdk := l.report.timed(large, fullName), l.report.timed(large, sdkName("unhashed"))
	ours.against(sdk)
	l.report.timed(large, sdkName("digest first")).against(sdk)
	l.report.timed(large, sdkName("default")).against(sdk)
	l.report.atLeast(large, "speed, of the SDK's with the same settings", 0.8, 1/ours.WallRatio)
	// Not a ratio: both values are so small that the runtime's variation is a
	// tenth of them.
	l.report.atMost(large, "MiB of peak memory beyond that for files of a quarter", 16, median(ours.RSS)-median(l.report.timed(small, fullName).RSS))
	return nil
}

func sdkName(hash string) string { return "SDK " + hash }

// sdkTool uploads a folder with the SDK alone, in its own process. "unhashed"
// does not hash the parts either. asof sets the SDK up like that, and supplies a
// hash if one is needed. "digest first" first reads every file once for its
// digest: the lower bound for a tool that must name content before it sends it.
// "default" lets the SDK hash what it sends.
func (l *lab) sdkTool(dir, hash string) tool {
	return tool{sdkName(hash), func(ctx context.Context, endpoint, bucket string) (result, usage, error) {
		_, u, err := program{dir: l.dir, env: l.server.asofEnv(), args: []string{l.self, childArg, "sdk", endpoint, bucket, dir, hash}}.run(ctx)
		return result{}, u, err
	}}
}

// uploadBySDK is the child of sdkTool. It uploads all files at once, with parts
// of the same size, and as many at a time, as asof.
func uploadBySDK(args []string) error {
	endpoint, bucket, dir, hash := args[0], args[1], args[2], args[3]
	client, err := minio.New(endpoint, &minio.Options{Creds: credentials.NewEnvMinio(), Region: "us-east-1"})
	if err != nil {
		return err
	}
	if hash == "digest first" {
		if err := eachFile(dir, func(_ context.Context, f *os.File, _ fs.FileInfo) error {
			_, err := io.CopyBuffer(sha256.New(), struct{ io.Reader }{f}, make([]byte, 256<<10))
			return err
		}); err != nil {
			return err
		}
	}
	return eachFile(dir, func(ctx context.Context, f *os.File, info fs.FileInfo) error {
		_, err := client.PutObject(ctx, bucket, info.Name(), f, info.Size(), minio.PutObjectOptions{
			PartSize: 16 << 20, NumThreads: 3, DisableContentSha256: hash != "default",
		})
		return err
	})
}

// eachFile does something with every file of a folder, all at once.
func eachFile(dir string, do func(context.Context, *os.File, fs.FileInfo) error) error {
	group, ctx := errgroup.WithContext(context.Background())
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		group.Go(func() error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			return do(ctx, f, info)
		})
		return nil
	})
	if waitErr := group.Wait(); err == nil {
		err = waitErr
	}
	return err
}

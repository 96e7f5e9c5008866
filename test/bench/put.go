package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/minio/minio-go/v7/pkg/signer"
	"golang.org/x/sync/errgroup"
)

// putTransfers is the number of transfers of a bare client: as many as asof's.
const putTransfers = 32

const putName = "bare PUT"

// putTool uploads a folder with net/http alone, in its own process: no digest, no
// listing, no condition, no library. It is the lower bound that the server sets.
func (l *lab) putTool(dir string) tool {
	return tool{putName, func(ctx context.Context, endpoint, bucket string) (result, usage, error) {
		_, u, err := program{dir: l.dir, env: l.server.asofEnv(), args: []string{l.self, childArg, "put", endpoint, bucket, dir}}.run(ctx)
		return result{}, u, err
	}}
}

// putBare is the child of putTool.
func putBare(args []string) error {
	endpoint, bucket, dir := args[0], args[1], args[2]
	key, secret := os.Getenv("MINIO_ROOT_USER"), os.Getenv("MINIO_ROOT_PASSWORD")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: putTransfers, WriteBufferSize: 64 << 10}}
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(putTransfers)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || ctx.Err() != nil {
			return err
		}
		group.Go(func() error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			url := "http://" + endpoint + "/" + bucket + filepath.ToSlash(path[len(dir):])
			req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(data))
			if err != nil {
				return err
			}
			req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			res, err := client.Do(signer.SignV4(*req, key, secret, "", "us-east-1"))
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				return fmt.Errorf("PUT %s: %s, %w", url, res.Status, err)
			}
			return nil
		})
		return nil
	})
	if waitErr := group.Wait(); err == nil {
		err = waitErr
	}
	return err
}

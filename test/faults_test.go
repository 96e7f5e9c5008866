package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/remote/dir"
)

// Whatever happens to any one request of a publish, or to all from one on: the
// publish succeeds, or fails and says why, and the next one finishes the work.
// Nothing published is lost, and the store ends up as if nothing had happened.
func TestFaultAtEveryRequest(t *testing.T) {
	server := minio.Server(t)
	for _, kv := range credentials(server) {
		t.Setenv(splitEnv(kv))
	}
	bucket := server.NewBucket(t)
	states := upstreamStates(t)
	for _, driver := range []string{"minio", "s3"} {
		for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
			t.Run(driver+"/"+string(layout), func(t *testing.T) {
				run := func(name string, f fault, k int) *faultyRun {
					return &faultyRun{
						driver: driver, direct: server.Endpoint, bucket: bucket, layout: layout, states: states,
						prefix: driver + "-" + string(layout) + "/" + name, proxy: newFaultProxy(t, server.Endpoint), fault: f, at: k,
					}
				}
				clean := run("clean", fault{}, 0)
				want, err := clean.do(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				requests := clean.proxy.requests()
				t.Logf("a first, a changed and an unchanged publish: %d requests", requests)

				var g errgroup.Group
				g.SetLimit(16) // most of the time is the libraries' pauses
				var runs atomic.Int32
				var mu sync.Mutex
				failures := map[string]int{} // failed publishes, by fault
				for i, f := range faults() {
					for k := 1 + i%faultStride; k <= requests; k += faultStride {
						g.Go(func() error {
							r := run(fmt.Sprintf("%d-%d", i, k), f, k)
							got, err := r.do(t.Context())
							if err == nil && got != want {
								err = fmt.Errorf("the store holds\n%s\nwant\n%s", got, want)
							}
							if err != nil {
								t.Errorf("%s at %s: %v", f.name, r.proxy.met(), err)
							}
							runs.Add(1)
							mu.Lock()
							defer mu.Unlock()
							failures[f.name] += r.failures
							return nil
						})
					}
				}
				_ = g.Wait()
				t.Logf("%d runs with a fault; publishes that failed and were run again: %v", runs.Load(), failures)
			})
		}
	}
}

// faultStride is the distance between requests with a fault. Each fault begins at
// another one, so that together they cover every request. With 1, every fault
// covers every request; that takes five minutes.
const faultStride = 6

// upstreamStates returns two folders: an upstream before and after a change.
func upstreamStates(t *testing.T) [2]string {
	t.Helper()
	var states [2]string
	for i, files := range []map[string]string{
		{"a": "a", "same/b": strings.Repeat("b", 40<<10), "same/twin": "a", "gone": "gone"},
		{"a": "changed", "same/b": strings.Repeat("b", 40<<10), "same/twin": "a", "new": "new"},
	} {
		states[i] = t.TempDir()
		for name, content := range files {
			path := filepath.Join(states[i], filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			at := time.Date(2025, time.March, 18, 14, 3, 38+i, 0, time.UTC)
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	return states
}

// faultyRun is a first, a changed and an unchanged publish. One of their requests
// gets a fault.
type faultyRun struct {
	driver, direct, bucket, prefix string
	layout                         manifest.Layout
	states                         [2]string
	proxy                          *faultProxy
	fault                          fault
	at                             int

	ahead    atomic.Int64 // seconds that the clock is ahead, so that no publish waits for a second to end
	failures int          // publishes that failed and were run again
	reported []manifest.ID
}

const faultyBase = "base/repo"

// do makes the run and returns the final content of the store, with checkpoint
// ids replaced by their order.
func (r *faultyRun) do(ctx context.Context) (string, error) {
	store, err := storeurl.Open(ctx, storeURL(r.driver, r.proxy.endpoint, r.bucket, r.prefix), storeurl.Options{})
	if err != nil {
		return "", err
	}
	pub := r.publisher(store)
	r.proxy.arm(r.fault, r.at)
	for i, state := range []string{r.states[0], r.states[1], r.states[1]} {
		if err := r.publish(ctx, pub, state, i == 2); err != nil {
			return "", fmt.Errorf("publish %d: %w", i+1, err)
		}
	}
	if r.at > 0 && r.fault.fits == nil && r.proxy.met() == "" {
		return "", errors.New("no request met the fault")
	}
	r.proxy.disarm()
	return r.look(ctx)
}

func faultyRepo() manifest.Repo { return manifest.Repo{Name: "repo", Base: faultyBase} }

func (r *faultyRun) publisher(store objstore.Store) *publisher.Publisher {
	return publisher.New(publisher.Options{
		Store: store,
		Env: job.Env{
			Concurrency: 3, RetryDelay: time.Millisecond,
			Now: func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load()) * time.Second) },
		},
	})
}

// publish publishes a state. If that fails with a clear reason, it is run again,
// without faults.
func (r *faultyRun) publish(ctx context.Context, pub *publisher.Publisher, state string, unchanged bool) error {
	source, err := dir.New(dir.Options{Path: state})
	if err != nil {
		return err
	}
	repo := publisher.Repo{Repo: faultyRepo(), Layout: r.layout, Remote: source}
	r.ahead.Add(2)
	result, err := pub.Publish(ctx, repo, publisher.PublishOptions{})
	if err != nil {
		if !errors.Is(err, objstore.ErrUnavailable) && !errors.Is(err, objstore.ErrDenied) {
			return fmt.Errorf("the reason is not told: %w", err)
		}
		r.failures++
		r.proxy.disarm()
		r.ahead.Add(2)
		if result, err = pub.Publish(ctx, repo, publisher.PublishOptions{}); err != nil {
			return fmt.Errorf("run again without faults: %w", err)
		}
	}
	if unchanged && result.Outcome != publisher.Unchanged {
		return fmt.Errorf("the same state once more: %s", result.Outcome)
	}
	r.reported = append(r.reported, result.Checkpoint.ID)
	return nil
}

// look proves the store, not through the proxy, and describes it.
func (r *faultyRun) look(ctx context.Context) (string, error) {
	store, err := storeurl.Open(ctx, storeURL(r.driver, r.direct, r.bucket, r.prefix), storeurl.Options{})
	if err != nil {
		return "", err
	}
	report, err := readback.Verify(ctx, readback.Options{Store: store}, faultyRepo(), nil, false)
	if err != nil {
		return "", err
	}
	if len(report.Problems) > 0 || len(report.Unfinished) > 0 || report.Checkpoints != 2 {
		return "", fmt.Errorf("verify: %+v", report)
	}
	data, _, err := store.Load(ctx, manifest.IndexKey(faultyBase), "")
	if err != nil {
		return "", err
	}
	index, err := manifest.ParseIndex(data)
	if err != nil {
		return "", err
	}
	for _, id := range r.reported {
		if _, listed := index.Find(id); !listed {
			return "", fmt.Errorf("%s was reported and is lost", id)
		}
	}
	// Another run has other ids, and so other objects with ids: a checkpoint's
	// receipt, its front page, and their manifest.
	var names, lines []string
	for i, c := range index.Checkpoints {
		receipt, ok, err := catalog.NewFinder(catalog.From(store), c.Pages).Find(ctx, manifest.ChangesPath)
		if err != nil || !ok {
			return "", fmt.Errorf("%s has no receipt: %w", c.ID, err)
		}
		for what, name := range map[string]string{"id": c.ID.String(), "pages": manifest.ManifestKey(c.Pages), "receipt": manifest.BlobKey(receipt.SHA256)} {
			names = append(names, name, fmt.Sprintf("<%s %d>", what, i+1))
		}
		lines = append(lines, fmt.Sprintf("checkpoint %d: manifest %s content %s, %d files, %d bytes, %s", i+1, c.Manifest, c.Content, c.Files, c.Bytes, c.Layout))
	}
	order := strings.NewReplacer(names...)
	for info, err := range store.List(ctx, "", "") {
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(info.Key, manifest.PrivatePrefix) || strings.HasPrefix(info.Key, manifest.ProbePrefix) {
			continue // attempts: one for each try
		}
		size := info.Size
		if info.Key == manifest.IndexKey(faultyBase) || info.Key == manifest.RegistryKey {
			size = 0 // they contain a count of their generations
		}
		lines = append(lines, fmt.Sprintf("%s %d", order.Replace(info.Key), size))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}

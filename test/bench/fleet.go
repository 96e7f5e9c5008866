package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/manifest"
)

const hour = 3600 // seconds between two checkpoints of a generated repo

func fleetName(i int) string { return fmt.Sprintf("repo%04d", i) }

func checkpointID(i int) manifest.ID {
	return manifest.IDOf(time.Unix(1_600_000_000, 0)) + manifest.ID(i*hour)
}

// fleetPart starts a resolver on many repos with many checkpoints each.
func fleetPart(ctx context.Context, l *lab) error {
	store := filepath.Join(l.dir, "fleet")
	defer os.RemoveAll(store)
	l.log("  writing %d histories of %d checkpoints", l.fleet, l.fleetEach)
	if err := writeFleet(ctx, store, l.fleet, l.fleetEach, anyManifest); err != nil {
		return err
	}
	scenario := fmt.Sprintf("start on %d repos", l.fleet)
	var starts []float64
	row := l.report.timed(scenario, "asof serve")
	for round := range l.runs {
		l.log("  run %d: %s", round+1, scenario)
		begin := time.Now()
		s, err := l.startServe(ctx, l.asof, store)
		if err != nil {
			return err
		}
		err = answers(ctx, s.process, s.url+"/"+fleetName(l.fleet-1)+"/latest/x", http.StatusTemporaryRedirect, 5*time.Minute)
		took := time.Since(begin).Seconds()
		u := s.process.stop()
		if err != nil {
			return err
		}
		u.wall = took // until the first answer
		row.add(u)
		starts = append(starts, took)
	}
	l.report.atMost(scenario, "seconds to the first answer", 5, median(starts))
	l.report.atMost(scenario, "peak MiB", 1000*1000*1000/float64(1<<20), median(row.RSS))
	return nil
}

// anyManifest returns a digest for a checkpoint that nobody looks into.
func anyManifest(i int) manifest.Digest { return manifest.Sum(fmt.Append(nil, i)) }

// writeFleet writes repos with only an index into a folder store, sealed as
// publishers would. All have the same checkpoints, which costs the resolver the
// same.
func writeFleet(ctx context.Context, dir string, repos, checkpoints int, of func(int) manifest.Digest) error {
	store, err := dirstore.New(dir, dirstore.Options{Create: true})
	if err != nil {
		return err
	}
	registry := manifest.Registry{Generation: 1}
	for i := range repos {
		name := fleetName(i)
		registry.Repos = append(registry.Repos, manifest.Repo{Name: name, Base: name})
		index, segments, err := fleetIndex(name, checkpoints, of)
		if err != nil {
			return err
		}
		for _, s := range segments {
			if err := writeObject(dir, manifest.SegmentKey(s.Ref.Digest), s.Data); err != nil {
				return err
			}
		}
		data, err := index.Encode()
		if err == nil {
			err = writeObject(dir, manifest.IndexKey(name), data)
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	data, err := registry.Encode()
	if err == nil {
		_, err = store.Swap(ctx, manifest.RegistryKey, "", data, objstore.Attributes{})
	}
	return err
}

// writeObject writes an object as a file, because the store would wait for the
// disk each time.
func writeObject(dir, key string, data []byte) error {
	file := filepath.Join(dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// fleetIndex returns the index of n checkpoints with the given manifests, and its
// segments, as n publishes would have left them.
func fleetIndex(name string, n int, of func(int) manifest.Digest) (manifest.Index, []manifest.SealedSegment, error) {
	ix := manifest.Index{Repo: name, Generation: int64(n), Horizon: checkpointID(n - 1)}
	ix.Checkpoints = make([]manifest.Checkpoint, n)
	for i := range ix.Checkpoints {
		d := of(i)
		ix.Checkpoints[i] = manifest.Checkpoint{
			ID: checkpointID(i), Manifest: d, Content: d, Pages: d, Files: 20_000, Bytes: 320 << 20, Layout: manifest.Thin,
		}
	}
	// A tail of one too many is cut to half, and grows again.
	const keep = manifest.TailEntries / 2
	tail := n
	if n > manifest.TailEntries {
		tail = keep + (n-manifest.TailEntries-1)%(manifest.TailEntries+1-keep)
	}
	return ix.Seal(tail, manifest.SegmentEntries, manifest.Segment{})
}

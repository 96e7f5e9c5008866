package main

import (
	"bytes"
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
	l.log("  writing %d indexes of %d checkpoints", l.fleet, l.fleetEach)
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

// anyManifest is a digest for a checkpoint that nobody looks into.
func anyManifest(i int) manifest.Digest { return manifest.Sum(fmt.Append(nil, i)) }

// writeFleet writes repos with nothing but an index into a folder store. All
// have the same checkpoints: what the resolver does with them is the same.
func writeFleet(ctx context.Context, dir string, repos, checkpoints int, of func(int) manifest.Digest) error {
	store, err := dirstore.New(dir, dirstore.Options{Create: true})
	if err != nil {
		return err
	}
	template, err := fleetIndex(checkpoints, of).Encode()
	if err != nil {
		return err
	}
	before, after, _ := bytes.Cut(template, []byte(fleetName(0)))
	registry := manifest.Registry{Generation: 1}
	for i := range repos {
		name := fleetName(i)
		registry.Repos = append(registry.Repos, manifest.Repo{Name: name, Base: name})
		if err := writeIndex(dir, name, before, []byte(name), after); err != nil {
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

// writeIndex writes an index as a file, since a swap would wait for the disk each
// time.
func writeIndex(dir, base string, parts ...[]byte) error {
	file := filepath.Join(dir, filepath.FromSlash(manifest.IndexKey(base)))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err == nil {
			_, err = f.Write(part)
		}
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// fleetIndex is an index whose checkpoints have the given manifests.
func fleetIndex(n int, of func(int) manifest.Digest) manifest.Index {
	ix := manifest.Index{Repo: fleetName(0), Generation: int64(n), Horizon: checkpointID(n - 1)}
	ix.Checkpoints = make([]manifest.Checkpoint, n)
	for i := range ix.Checkpoints {
		d := of(i)
		ix.Checkpoints[i] = manifest.Checkpoint{
			ID: checkpointID(i), Manifest: d, Content: d, Pages: d, Files: 20_000, Bytes: 320 << 20, Layout: manifest.Thin,
		}
	}
	return ix
}

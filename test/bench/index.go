package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// indexFigures resolves moments among n checkpoints in memory, and writes the
// index that one more publish would have to write.
func indexFigures(r *report, _ string, n int) error {
	of := fmt.Sprintf("index of %d checkpoints", n)
	ix := fleetIndex(n, anyManifest)
	timeline := manifest.NewTimeline(ix)
	rng := rand.New(random(7, 0, 0))
	at := make([]manifest.ID, 1<<16)
	for i := range at {
		at[i] = checkpointID(rng.IntN(n)) + manifest.ID(rng.IntN(hour))
	}
	const times = 1 << 20
	var nanoseconds []float64
	for range 5 {
		begin := time.Now()
		for i := range times {
			if a := timeline.Resolve(at[i%len(at)]); a.Outcome != manifest.Found {
				return fmt.Errorf("resolve: %v", a)
			}
		}
		nanoseconds = append(nanoseconds, float64(time.Since(begin).Nanoseconds())/times)
	}
	took := slices.Min(nanoseconds) // what other work on the machine slows least
	r.figure(of+": resolve", took, "ns")
	r.atMost(of, "ns to resolve", 300, took)

	// The index is one object: its size per checkpoint is that of a part of it,
	// which is as large as an index may be.
	part := min(n, manifest.MaxIndex/400)
	data, err := fleetIndex(part, anyManifest).Encode()
	if err != nil {
		return err
	}
	size := float64(len(data)) / float64(part) * float64(n) / 1e6
	r.figure(of+": written by one more publish", size, "MB")
	r.atMost(of, "MB written by one more publish", 1, size)
	if size*1e6 > manifest.MaxIndex {
		r.figure(of+": the largest that is allowed", float64(manifest.MaxIndex)/1e6, "MB")
	}
	return nil
}

// listingFigures renders a directory of a hundred thousand files, and ten times
// as many to see whether memory grows.
func listingFigures(r *report, _ string, _ int) error {
	render := func(n int) (cpu, peak float64, err error) {
		before, _ := spent()
		err = page.WriteDirectory(io.Discard, "pool/", func(yield func(page.Entry) bool) {
			for i := range n {
				if !yield(page.Entry{Name: fmt.Sprintf("package-%07d_1.0.deb", i), Size: int64(i), Modified: 1_700_000_000}) {
					return
				}
			}
		})
		cpu, peak = spent()
		return cpu - before, peak, err
	}
	cpu, small, err := render(100_000)
	if err != nil {
		return err
	}
	_, large, err := render(1_000_000)
	if err != nil {
		return err
	}
	r.figure("listing of 100,000 files", cpu, "s of CPU")
	r.figure("listing of 100,000 files: peak memory", small, "MiB")
	r.figure("listing of 1,000,000 files: peak memory", large, "MiB")
	r.atMost("listing", "peak memory for ten times the files, of that for 100,000", 1.2, large/small)
	return nil
}

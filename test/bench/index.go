package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// indexFigures resolves moments among n checkpoints with all segments in memory,
// and encodes what one more publish writes.
func indexFigures(r *report, _ string, n int) error {
	of := fmt.Sprintf("index of %d checkpoints", n)
	index, segments, err := fleetIndex(fleetName(0), n, anyManifest)
	if err != nil {
		return err
	}
	sealed := map[manifest.Digest]*manifest.Timeline{}
	for _, s := range segments {
		segment, err := manifest.ParseSegment(s.Data, index.Repo, s.Ref)
		if err != nil {
			return err
		}
		sealed[s.Ref.Digest] = segment.Timeline()
	}
	largest := len(slices.MaxFunc(segments, func(a, b manifest.SealedSegment) int { return len(a.Data) - len(b.Data) }).Data)
	segments = nil
	ctx := context.Background()
	history := manifest.NewHistory(index, func(_ context.Context, ref manifest.SegmentRef) (*manifest.Timeline, error) {
		return sealed[ref.Digest], nil
	})
	rng := rand.New(random(7, 0, 0))
	at := make([]manifest.ID, 1<<16)
	for i := range at {
		at[i] = checkpointID(rng.IntN(n)) + manifest.ID(rng.IntN(hour))
	}
	const times = 1 << 20
	// perResolve is the CPU time of one resolve, in nanoseconds: the least of
	// five runs, which other work on the machine slows least.
	perResolve := func(use func(manifest.Answer) bool) (float64, error) {
		var nanoseconds []float64
		for range 5 {
			begin, _ := spent()
			for i := range times {
				a, err := history.Resolve(ctx, manifest.At(at[i%len(at)]), index.Horizon)
				if err != nil || a.Outcome != manifest.Found || !use(a) {
					return 0, fmt.Errorf("resolve: %v, %v", a, err)
				}
			}
			end, _ := spent()
			nanoseconds = append(nanoseconds, (end-begin)*1e9/times)
		}
		return slices.Min(nanoseconds), nil
	}
	id, err := perResolve(func(a manifest.Answer) bool { return a.ID != 0 })
	if err != nil {
		return err
	}
	entry, err := perResolve(func(a manifest.Answer) bool { return a.Checkpoint.Pages != manifest.Digest{} })
	if err != nil {
		return err
	}
	r.figure(of+": resolve to an id", id, "ns of CPU")
	r.figure(of+": resolve and read the entry", entry, "ns of CPU")
	r.atMost(of, "ns to resolve to an id", 300, id)

	// The longest tail is the most that a publish writes.
	for index.Tail().Len() < manifest.TailEntries {
		c := index.Checkpoints[0]
		c.ID = index.Horizon + hour
		if index, err = index.Append(c); err != nil {
			return err
		}
	}
	data, err := index.Encode()
	if err != nil {
		return err
	}
	size := float64(len(data)) / 1e6
	r.figure(of+": segments", float64(len(index.Segments)), "objects")
	r.figure(of+": the largest segment", float64(largest)/1e6, "MB")
	r.figure(of+": written by one more publish", size, "MB")
	r.atMost(of, "MB written by one more publish", 1, size)

	begin, _ := spent()
	const reads = 100
	for range reads {
		if _, err := manifest.ParseIndex(data); err != nil {
			return err
		}
	}
	end, _ := spent()
	r.figure(of+": reading the index", (end-begin)/reads*1e3, "ms of CPU")
	return nil
}

// listingFigures renders a directory of a hundred thousand files, and ten times
// as many, to see whether memory grows.
func listingFigures(r *report, _ string, _ int) error {
	render := func(n int) (cpu, peak float64, err error) {
		before, _ := spent()
		err = page.WriteDirectory(io.Discard, manifest.Repo{Name: "bench", Base: "bench"}, "pool/", func(yield func(page.Entry) bool) {
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

package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/manifest"
)

const changes = 100 // between two versions of the large manifest

// manifestFigures builds a manifest of n files, writes it to a folder store, and
// reads it back; then two more with 100 files changed, scattered and in one place.
func manifestFigures(r *report, dir string, n int) error {
	store, err := dirstore.New(dir, dirstore.Options{Create: true})
	if err != nil {
		return err
	}
	of := fmt.Sprintf("manifest of %d files", n)
	root, err := writeManifest(store, n, manifest.Root{}, func(int) bool { return false })
	if err != nil {
		return err
	}
	written, _ := spent()
	read := 0
	stored, err := catalog.Open(context.Background(), catalog.From(store), root.Name)
	if err != nil {
		return err
	}
	for _, err := range stored.Entries(context.Background()) {
		if err != nil {
			return err
		}
		read++
	}
	if read != n {
		return fmt.Errorf("read %d entries of %d", read, n)
	}
	cpu, peak := spent()
	r.figure(of+": leaves", float64(len(root.Leaves)), "leaves")
	r.figure(of+": root", float64(len(root.Encode()))/1024, "KiB")
	r.figure(of+": build and write", written, "s of CPU")
	r.figure(of+": read back", cpu-written, "s of CPU")
	r.figure(of+": peak memory of both", peak, "MiB")
	r.atMost(of, "seconds of CPU to build, write and read", 10, cpu)
	r.atMost(of, "peak MiB", 512, peak)

	apart := rand.New(random(5, 0, 0)).Perm(n)[:changes]
	in := map[int]bool{}
	for _, i := range apart {
		in[i] = true
	}
	for _, way := range []struct {
		name    string
		changed func(int) bool
	}{
		{"100 changes in one place", func(i int) bool { return i >= n/2 && i < n/2+changes }},
		{"100 changes all over", func(i int) bool { return in[i] }},
	} {
		next, err := writeManifest(store, n, root, way.changed)
		if err != nil {
			return err
		}
		leaves, bytes := next.Own()
		share := 100 * float64(leaves) / float64(len(next.Leaves))
		r.figure(way.name+": leaves written", float64(leaves), "leaves")
		r.figure(way.name+": written in all", float64(len(next.Encode())+int(bytes))/1024, "KiB")
		r.atMost(way.name, "% of the leaves written", 1, share)
		if err := diffFigure(r, way.name, store, root, next); err != nil {
			return err
		}
	}
	return lookupFigure(r, of, store, root, n)
}

// largeEntry returns the file with a number, in path order.
func largeEntry(i int, changed bool) manifest.Entry {
	seed := binary.BigEndian.AppendUint64(nil, uint64(i))
	if changed {
		seed = append(seed, 1)
	}
	return manifest.Entry{Path: largePath(i), Size: int64(2048 + i%28672), SHA256: manifest.Sum(seed), Modified: 1_700_000_000}
}

func largePath(i int) string { return fmt.Sprintf("pool/main/d%04d/package-%07d_1.0.deb", i/100, i) }

// writeManifest stores a manifest without the leaves that prev has too.
func writeManifest(store objstore.Store, n int, prev manifest.Root, changed func(int) bool) (manifest.Root, error) {
	entries := make([]manifest.Entry, n)
	b := manifest.NewBuilder()
	for i := range n {
		entries[i] = largeEntry(i, changed(i))
		if err := b.Add(entries[i]); err != nil {
			return manifest.Root{}, err
		}
	}
	root, err := b.Finish()
	if err != nil {
		return root, err
	}
	root = root.Sharing(prev)
	hash := sha256.New()
	size, err := io.Copy(hash, root.Object(entries))
	if err != nil {
		return root, err
	}
	body := objstore.Body{Size: size, SHA256: manifest.Digest(hash.Sum(nil)), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(root.Object(entries)), nil
	}}
	return root, store.Create(context.Background(), manifest.ManifestKey(root.Name), body, objstore.Attributes{})
}

// diffFigure reads both roots and compares what they do not share.
func diffFigure(r *report, name string, store objstore.Store, from, to manifest.Root) error {
	ctx := context.Background()
	var times []float64
	for range 5 {
		begin := time.Now()
		a, err := catalog.Open(ctx, catalog.From(store), from.Name)
		b, err2 := catalog.Open(ctx, catalog.From(store), to.Name)
		if err := cmp.Or(err, err2); err != nil {
			return err
		}
		found := 0
		for _, err := range catalog.Diff(ctx, a, b) {
			if err != nil {
				return err
			}
			found++
		}
		if found != changes {
			return fmt.Errorf("diff: %d changes, want %d", found, changes)
		}
		times = append(times, time.Since(begin).Seconds()*1000)
	}
	fastest := slices.Min(times) // other work on the machine slows it least
	r.figure(name+": diff", fastest, "ms")
	r.atMost(name, "ms to diff", 100, fastest)
	return nil
}

// lookupFigure looks paths up with the root in memory and the leaf in the store.
func lookupFigure(r *report, of string, store objstore.Store, root manifest.Root, n int) error {
	rng := rand.New(random(6, 0, 0))
	var times []float64
	for range 1000 {
		path := largePath(rng.IntN(n))
		begin := time.Now()
		ref, ok := root.Find(path)
		if !ok {
			return fmt.Errorf("lookup: the root has no %s", path)
		}
		body, err := store.Open(context.Background(), manifest.ManifestKey(root.In(ref)), ref.Offset, ref.Size)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(body)
		body.Close()
		if err != nil {
			return err
		}
		if manifest.Sum(text) != ref.Digest {
			return fmt.Errorf("lookup: leaf %s is damaged", ref.Digest)
		}
		leaf, err := manifest.NewLeaf(text)
		if err != nil {
			return fmt.Errorf("lookup: %w", err)
		}
		if _, ok, err := leaf.Find(path); err != nil || !ok {
			return fmt.Errorf("lookup: the leaf has no %s: %w", path, err)
		}
		times = append(times, time.Since(begin).Seconds()*1000)
	}
	r.figure(of+": lookup of a path", median(times), "ms")
	r.atMost(of, "ms to look a path up", 1, median(times))
	return nil
}

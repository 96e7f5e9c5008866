package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// Small files have smallest to largest bytes, evenly distributed.
const (
	smallest = 2 << 10
	largest  = 30 << 10
)

// tree is a folder of small files. Their bytes follow from the seed, the file's
// number, and the round of its last change.
type tree struct {
	dir         string
	seed        uint64
	files, dirs int
	round       int
}

func newTree(ctx context.Context, l *lab, name string) (*tree, error) {
	t := &tree{dir: filepath.Join(l.dir, name), seed: l.seed, files: l.files, dirs: l.dirs}
	for i := range t.dirs {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(t.dir, t.path(i))), 0o755); err != nil {
			return nil, err
		}
	}
	for i := range t.files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := t.write(i); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// path is the name of the file with a number.
func (t *tree) path(i int) string { return fmt.Sprintf("d%03d/f%05d.bin", i%t.dirs, i) }

func (t *tree) write(i int) error {
	rng := random(t.seed, uint64(i), uint64(t.round))
	size := smallest + int64(rng.Uint64()%(largest-smallest+1))
	path := filepath.Join(t.dir, t.path(i))
	if err := writeRandom(path, rng, size); err != nil {
		return err
	}
	at := time.Date(2025, 1, 1, 0, t.round, 0, 0, time.UTC)
	return os.Chtimes(path, at, at)
}

// change rewrites one file in a hundred, different ones in every round. It
// returns how many files that were, and in how many directories.
func (t *tree) change() (files, dirs int, err error) {
	t.round++
	rng := rand.New(random(t.seed, 1<<32, uint64(t.round)))
	in := map[int]bool{}
	for _, i := range rng.Perm(t.files)[:t.files/100] {
		if err := t.write(i); err != nil {
			return 0, 0, err
		}
		files++
		in[i%t.dirs] = true
	}
	return files, len(in), nil
}

// writeBig writes a big file.
func writeBig(path string, seed, number uint64, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeRandom(path, random(seed, 2<<32, number), size)
}

func writeRandom(path string, rng *rand.ChaCha8, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for size > 0 && err == nil {
		part := buffer[:min(size, int64(len(buffer)))]
		_, _ = rng.Read(part) // never fails
		_, err = f.Write(part)
		size -= int64(len(part))
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// buffer is for one file at a time. This program uses little memory, because
// Linux counts it in the peak of every child (see spent and peakNote).
var buffer [32 << 10]byte

// random returns a source that follows from three numbers.
func random(a, b, c uint64) *rand.ChaCha8 {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[0:], a)
	binary.LittleEndian.PutUint64(seed[8:], b)
	binary.LittleEndian.PutUint64(seed[16:], c)
	return rand.NewChaCha8(seed)
}

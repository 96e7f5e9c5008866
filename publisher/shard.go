package publisher

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// maxShards bounds the number of shards.
const maxShards = 10_000

// Shard is one of several disjoint parts of a remote's content. The digest
// decides the part, so equal content is in one part. The zero value is
// everything.
type Shard struct {
	Index int // from 1
	Count int
}

// ParseShard reads the written form of a shard: 1/4 is the first of four.
func ParseShard(s string) (Shard, error) {
	index, count, ok := strings.Cut(s, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	if !ok || err1 != nil || err2 != nil || i < 1 || n < i || n > maxShards {
		return Shard{}, fmt.Errorf("%q is no shard: write 1/4 for the first of four, up to %d", s, maxShards)
	}
	return Shard{i, n}, nil
}

// String returns the shard's name in keys.
func (s Shard) String() string {
	if s.whole() {
		return "all"
	}
	return fmt.Sprintf("%d-of-%d", s.Index, s.Count)
}

func (s Shard) whole() bool { return s.Count <= 1 }

func (s Shard) has(d manifest.Digest) bool {
	return binary.BigEndian.Uint64(d[:8])%uint64(s.Count) == uint64(s.Index-1)
}

// of returns the part of a revision that belongs to the shard.
func (s Shard) of(rev *revision.Revision) (*revision.Revision, error) {
	if s.whole() {
		return rev, nil
	}
	return rev.Part(func(f remote.File) bool { return s.has(f.SHA256) })
}

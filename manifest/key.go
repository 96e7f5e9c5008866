package manifest

import (
	"fmt"
	"strings"
)

const checkpointsName = "checkpoints.json"

// RegistryKey is the key of the registry.
const RegistryKey = "asof.json"

// FrontKey is the key of the store's front page, which names its repos.
const FrontKey = IndexPage

// Prefixes of the keys that are no part of a repo's public tree.
const (
	BlobPrefix     = ".asof/pool/sha256/"
	ManifestPrefix = ".asof/manifests/sha256/"
	SegmentPrefix  = ".asof/segments/sha256/"
	PrivatePrefix  = ".asof/repos/" // staged revisions and attempts; never served
	PinPrefix      = ".asof/pins/"  // never served
	ProbePrefix    = ".asof/probe/" // what trying a store may leave behind
)

// IndexKey is the key of a repo's checkpoint index.
func IndexKey(base string) string { return base + "/" + checkpointsName }

// ListKey is the key of a repo's list of checkpoints, a page.
func ListKey(base string) string { return base + "/" + IndexPage }

// SegmentListKey is the key of the page that lists the checkpoints of a segment,
// which is known by its first id.
func SegmentListKey(base string, first ID) string {
	return base + "/" + segmentListStart + first.String() + segmentListEnd
}

// The name of a segment's page is an id between these.
const (
	segmentListStart = "index-"
	segmentListEnd   = ".html"
)

// ParseSegmentListName reads the last part of a SegmentListKey.
func ParseSegmentListName(name string) (first ID, ok bool) {
	rest, ok := strings.CutPrefix(name, segmentListStart)
	if !ok {
		return 0, false
	}
	if rest, ok = strings.CutSuffix(rest, segmentListEnd); !ok {
		return 0, false
	}
	return parseID(rest)
}

// TreePrefix is what the keys of a checkpoint's tree start with.
func TreePrefix(base string, id ID) string { return base + "/" + id.String() + "/" }

// TreeKey is the key of a file in a checkpoint's tree.
func TreeKey(base string, id ID, path string) string { return TreePrefix(base, id) + path }

// FileKey is the key of a checkpoint's file with a digest, upstream's or asof's.
func FileKey(base string, id ID, layout Layout, path string, d Digest) string {
	if layout.Pools(path) {
		return BlobKey(d)
	}
	return TreeKey(base, id, path)
}

// BlobKey is the key of a blob in the pool.
func BlobKey(d Digest) string { return shardKey(BlobPrefix, d) }

// ManifestKey is the key of a manifest's object, by its name.
func ManifestKey(d Digest) string { return shardKey(ManifestPrefix, d) }

// SegmentKey is the key of a segment of a checkpoint index.
func SegmentKey(d Digest) string { return shardKey(SegmentPrefix, d) }

// RepoPrefix is what the keys of a repo's private objects start with: in this
// order its attempts, its journals, and its staged revision.
func RepoPrefix(base string) string { return PrivatePrefix + base + "/" }

// StagedKey is the key of a repo's staged revision.
func StagedKey(base string) string { return RepoPrefix(base) + "staged.json" }

// TogetherKey is the key of a repo's copy of the group that it was last
// published in.
func TogetherKey(base string) string { return PrivatePrefix + base + "/together.json" }

// JournalPrefix is what the keys of a repo's journals start with.
func JournalPrefix(base string) string { return RepoPrefix(base) + "journals/" }

// JournalKey is the key of the journal of a repo's syncs: of those that fetch
// everything ("all"), or of one shard ("1-of-4").
func JournalKey(base, part string) string { return JournalPrefix(base) + part }

// AttemptPrefix is what the keys of a repo's attempts start with.
func AttemptPrefix(base string) string { return RepoPrefix(base) + "attempts/" }

// AttemptKey is the key of the attempt that claims an id.
func AttemptKey(base string, id ID) string { return AttemptPrefix(base) + id.String() }

// ParseAttemptKey is the inverse of AttemptKey.
func ParseAttemptKey(base, key string) (ID, error) {
	name, ok := strings.CutPrefix(key, AttemptPrefix(base))
	if !ok {
		return 0, fmt.Errorf("%q is not the key of an attempt of %s", key, base)
	}
	return ParseID(name)
}

// PinKey is the key of a pin, made at a second and told from others by a token.
func PinKey(at ID, token string) string { return PinPrefix + at.String() + "-" + token }

// ParseBlobKey is the inverse of BlobKey.
func ParseBlobKey(key string) (Digest, error) { return parseShardKey(BlobPrefix, key) }

// ParseManifestKey is the inverse of ManifestKey.
func ParseManifestKey(key string) (Digest, error) { return parseShardKey(ManifestPrefix, key) }

// ParseSegmentKey is the inverse of SegmentKey.
func ParseSegmentKey(key string) (Digest, error) { return parseShardKey(SegmentPrefix, key) }

func shardKey(prefix string, d Digest) string {
	hex := d.String()
	return prefix + hex[:2] + "/" + hex
}

func parseShardKey(prefix, key string) (Digest, error) {
	name := key[strings.LastIndexByte(key, '/')+1:]
	d, err := ParseDigest(name)
	if err != nil || shardKey(prefix, d) != key {
		return Digest{}, fmt.Errorf("%q is not a key below %s", key, prefix)
	}
	return d, nil
}

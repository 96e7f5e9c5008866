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

// Prefixes of keys outside a repo's public tree.
const (
	BlobPrefix     = ".asof/pool/sha256/"
	ManifestPrefix = ".asof/manifests/sha256/"
	SegmentPrefix  = ".asof/segments/sha256/"
	PrivatePrefix  = ".asof/repos/" // staged revisions and attempts; never served
	PinPrefix      = ".asof/pins/"  // never served
	ProbePrefix    = ".asof/probe/" // what a trial of a store may leave
	// JanitorPrefix is where publishers can't write: what the janitor knows. It is
	// never served.
	JanitorPrefix = ".asof/janitor/"
	// NoticePrefix is no note of a repo: no base path begins with a dot.
	NoticePrefix = JanitorPrefix + ".notices/"
)

// RolloutKey is the key of the register of rings.
const RolloutKey = ".asof/rollout/rings.json"

// RolloutRecords is the prefix of the keys of its records.
const RolloutRecords = ".asof/rollout/records/"

// RolloutRecordKey returns the key of the record of a recorded change, as they are counted.
// The number in it counts down, so a listing begins with the latest.
func RolloutRecordKey(recorded int64) string {
	return fmt.Sprintf("%s%016d", RolloutRecords, maxNumber-recorded)
}

// FolderKey returns the key of the page of a folder above repos.
func FolderKey(folder string) string { return folder + "/" + IndexPage }

// Folders returns the folders above a path, the highest first: of a/b/c they are a
// and a/b.
func Folders(path string) (folders []string) {
	for i := range len(path) {
		if path[i] == '/' {
			folders = append(folders, path[:i])
		}
	}
	return folders
}

// IndexKey returns the key of a repo's checkpoint index.
func IndexKey(base string) string { return base + "/" + checkpointsName }

// ListKey returns the key of a repo's list of checkpoints, a page.
func ListKey(base string) string { return base + "/" + IndexPage }

// SegmentListKey returns the key of the page that lists a segment's checkpoints. The
// segment's first id names it.
func SegmentListKey(base string, first ID) string {
	return base + "/" + segmentListStart + first.String() + segmentListEnd
}

// SegmentListPrefix returns the prefix of the keys of all such pages of a repo.
func SegmentListPrefix(base string) string { return base + "/" + segmentListStart }

// A segment's page is named by an id between these.
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

// TreePrefix returns the prefix of all keys in a checkpoint's tree.
func TreePrefix(base string, id ID) string { return base + "/" + id.String() + "/" }

// TreeKey returns the key of a file in a checkpoint's tree.
func TreeKey(base string, id ID, path string) string { return TreePrefix(base, id) + path }

// Place is where the files of a revision are. A checkpoint's layout decides
// between its tree and the pool. The zero Place is the pool: a staged revision
// has no id yet, and all its files are there.
type Place struct {
	Base   string
	ID     ID
	Layout Layout
}

// Key returns the key of a file with this digest, upstream's or asof's.
func (p Place) Key(path string, d Digest) string {
	if p.Pools(path) {
		return BlobKey(d)
	}
	return TreeKey(p.Base, p.ID, path)
}

// Pools reports whether a file is in the pool.
func (p Place) Pools(path string) bool { return p == (Place{}) || p.Layout.Pools(path) }

// Place returns where the checkpoint's files are. base is the repo's base path.
func (c Checkpoint) Place(base string) Place { return Place{base, c.ID, c.Layout} }

// BlobKey returns the key of a blob in the pool.
func BlobKey(d Digest) string { return shardKey(BlobPrefix, d) }

// ManifestKey returns the key of the manifest with a name.
func ManifestKey(d Digest) string { return shardKey(ManifestPrefix, d) }

// SegmentKey returns the key of a segment of a checkpoint index.
func SegmentKey(d Digest) string { return shardKey(SegmentPrefix, d) }

// RepoPrefix returns the prefix of a repo's private objects. They sort as
// attempts, journals, records, and registers.
func RepoPrefix(base string) string { return PrivatePrefix + base + "/" }

// SkipPrivate reports whether a key below a RepoPrefix is one of the repo's own, and
// not that of a repo whose base path stands inside its. after is where a listing goes
// on behind all others of its kind.
func SkipPrivate(prefix, key string) (own bool, after string) {
	dir, name, inDir := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	switch {
	case !inDir:
		return true, key // a register
	case strings.Contains(name, "/"):
		return false, key
	case dir == "attempts" || dir == "records":
		return true, max(key, prefix+dir+"/:") // which sorts right after the digits of their names
	}
	return dir == "journals", key
}

// StagedKey returns the key of a repo's staged revision.
func StagedKey(base string) string { return RepoPrefix(base) + "staged.json" }

// GroupKey returns the key of a repo's copy of its latest group.
func GroupKey(base string) string { return PrivatePrefix + base + "/together.json" }

// ValidatorsKey returns the key of a repo's register of validators.
func ValidatorsKey(base string) string { return RepoPrefix(base) + "validators.json" }

// NoteKey returns the key of the janitor's note of a repo.
func NoteKey(base string) string { return JanitorPrefix + base + noteEnd }

const noteEnd = "/note.json"

// ParseNoteKey returns the inverse of NoteKey.
func ParseNoteKey(key string) (base string, ok bool) {
	base, below := strings.CutPrefix(key, JanitorPrefix)
	base, ok = strings.CutSuffix(base, noteEnd)
	return base, below && ok
}

// JournalPrefix returns the prefix of a repo's journals.
func JournalPrefix(base string) string { return RepoPrefix(base) + "journals/" }

// JournalKey returns the key of a sync journal: of syncs that fetch everything
// ("all"), or of one shard ("1-of-4").
func JournalKey(base, part string) string { return JournalPrefix(base) + part }

// AttemptPrefix returns the prefix of a repo's attempts.
func AttemptPrefix(base string) string { return RepoPrefix(base) + "attempts/" }

// AttemptKey returns the key of the attempt that claims an id.
func AttemptKey(base string, id ID) string { return AttemptPrefix(base) + id.String() }

// ParseAttemptKey returns the inverse of AttemptKey.
func ParseAttemptKey(base, key string) (ID, error) {
	name, ok := strings.CutPrefix(key, AttemptPrefix(base))
	if !ok {
		return 0, fmt.Errorf("%q is not the key of an attempt of %s", key, base)
	}
	return ParseID(name)
}

// RecordPrefix returns the prefix of the records of a repo's index.
func RecordPrefix(base string) string { return RepoPrefix(base) + "records/" }

// RecordKey returns the key of the record of an index at one generation. The
// number in it counts down, so a listing begins with the latest.
func RecordKey(base string, generation int64) string {
	return fmt.Sprintf("%s%016d", RecordPrefix(base), maxNumber-generation)
}

// PinKey returns the key of a pin made at a second. The token makes it unique.
func PinKey(at ID, token string) string { return PinPrefix + at.String() + "-" + token }

// NoticeKey returns the key of a notice given at a second. The token makes it unique.
func NoticeKey(at ID, token string) string { return NoticePrefix + at.String() + "-" + token }

// ParseBlobKey returns the inverse of BlobKey.
func ParseBlobKey(key string) (Digest, error) { return parseShardKey(BlobPrefix, key) }

// ParseManifestKey returns the inverse of ManifestKey.
func ParseManifestKey(key string) (Digest, error) { return parseShardKey(ManifestPrefix, key) }

// ParseSegmentKey returns the inverse of SegmentKey.
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

// KindAt returns the kind of the object under a key, and a file's path in its tree. base
// is the base path of the repo that is looked at; objects of others, and keys that nothing
// of asof's has, give false. A page counts as a file: both have the same attributes.
func KindAt(base, key string) (k Kind, id ID, path string, ok bool) {
	for prefix, kind := range map[string]Kind{BlobPrefix: KindBlob, ManifestPrefix: KindManifest, SegmentPrefix: KindSegment, PinPrefix: KindPin, NoticePrefix: KindNotice, RolloutRecords: KindRecord} {
		if strings.HasPrefix(key, prefix) {
			return kind, 0, "", true
		}
	}
	switch key {
	case RegistryKey:
		return KindRegistry, 0, "", true
	case RolloutKey:
		return KindRollout, 0, "", true
	case FrontKey, ListKey(base):
		return KindList, 0, "", true
	case IndexKey(base):
		return KindIndex, 0, "", true
	case StagedKey(base):
		return KindStaged, 0, "", true
	case GroupKey(base):
		return KindGroup, 0, "", true
	case ValidatorsKey(base):
		return KindValidators, 0, "", true
	case NoteKey(base):
		return KindNote, 0, "", true
	}
	for prefix, kind := range map[string]Kind{JournalPrefix(base): KindJournal, AttemptPrefix(base): KindAttempt, RecordPrefix(base): KindRecord} {
		if strings.HasPrefix(key, prefix) {
			return kind, 0, "", true
		}
	}
	rest, ok := strings.CutPrefix(key, base+"/")
	if !ok {
		return 0, 0, "", false
	}
	if _, segment := ParseSegmentListName(rest); segment {
		return KindList, 0, "", true
	}
	name, path, below := strings.Cut(rest, "/")
	id, isID := parseID(name)
	if !below || !isID {
		return 0, 0, "", false
	}
	if path == "" || strings.HasSuffix(path, "/") {
		return KindPage, id, path, true
	}
	return KindFile, id, path, true
}

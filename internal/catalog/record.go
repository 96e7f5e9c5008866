package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// LatestRecord returns the latest readable copy of a repo's index; the zero Index
// if there is none. It may be older than the index itself. A copy that a later version of
// asof wrote is not passed over: the error is manifest.ErrNewer. One that somebody wrote by
// hand to be the latest for ever is.
func LatestRecord(ctx context.Context, s objstore.Reader, repo manifest.Repo) (manifest.Index, error) {
	for info, err := range s.List(ctx, manifest.RecordPrefix(repo.Base), "") {
		if err != nil {
			return manifest.Index{}, err
		}
		index, err := ReadRecord(ctx, s, info.Key)
		switch {
		case errors.Is(err, errUnreadable), errors.Is(err, objstore.ErrNotFound), err == nil && index.UsedUp(true):
			continue
		case err != nil:
			return manifest.Index{}, err
		case repo.Name == "" || index.Repo == repo.Name:
			return index, nil
		}
	}
	return manifest.Index{}, ctx.Err()
}

// errUnreadable: a record can't be read.
var errUnreadable = errors.New("it can't be read")

// ReadRecord reads one record.
func ReadRecord(ctx context.Context, s objstore.Reader, key string) (manifest.Index, error) {
	return readRecord(ctx, s, key, manifest.MaxIndex, manifest.ParseIndex)
}

// readRecord reads a record of a register. If it can't be read, the error is errUnreadable.
func readRecord[T any](ctx context.Context, s objstore.Reader, key string, limit int64, parse func([]byte) (T, error)) (doc T, err error) {
	data, err := From(s)(ctx, key, 0, limit+1)
	if err != nil {
		return doc, err
	}
	doc, err = parse(data)
	switch {
	case errors.Is(err, manifest.ErrNewer):
		err = fmt.Errorf("%s: %w", key, err)
	case err != nil:
		err = fmt.Errorf("%s: %w: %w", key, errUnreadable, err)
	}
	return doc, err
}

// ErrLost: a register that must be there is gone, or was replaced by an earlier
// one.
var ErrLost = errors.New("lost")

// LoadIndex reads a repo's index. It is empty for a repo that was never published.
// If the index is lost, the error is ErrLost.
func LoadIndex(ctx context.Context, s objstore.Reader, repo manifest.Repo) (State[manifest.Index], error) {
	index, err := Index(repo).Load(ctx, s)
	if err == nil && !index.Exists() {
		err = CheckNeverPublished(ctx, s, repo)
	}
	return index, err
}

// CheckNeverPublished makes sure that a repo without an index never had one. If a
// lost index were taken for an empty one, a new history would begin, or
// everything would become garbage. The error is ErrLost.
func CheckNeverPublished(ctx context.Context, s objstore.Reader, repo manifest.Repo) error {
	left, err := LeftOfIndex(ctx, s, repo.Base)
	if err != nil || left == "" {
		return err
	}
	// Or somebody has published it first, just now.
	if now, err := Index(repo).Load(ctx, s); err != nil || now.Exists() {
		return err
	}
	return fmt.Errorf("%w: %s is gone, but the repo was published: %s is there", ErrLost, manifest.IndexKey(repo.Base), left)
}

// CheckRegistered makes sure that a registry names every repo that has private
// objects in the store, or of which the janitor has a note. If a lost registry were
// taken for an empty one, whatever it named would become garbage. So it would be if
// somebody put another repo's base path around it. The error is ErrLost. It costs some
// listings per repo.
func CheckRegistered(ctx context.Context, s objstore.Reader, registry manifest.Registry) error {
	stray, err := unregistered(ctx, s, registry)
	if err != nil || stray == "" {
		return err
	}
	// Or somebody has registered it just now.
	now, err := Registry().Load(ctx, s)
	if err != nil {
		return err
	}
	if now.Doc.Generation != registry.Generation {
		return CheckRegistered(ctx, s, now.Doc)
	}
	return fmt.Errorf("%w: %s does not name the repo of %s", ErrLost, manifest.RegistryKey, stray)
}

// unregistered returns an object of a repo that the registry does not name.
func unregistered(ctx context.Context, s objstore.Reader, registry manifest.Registry) (key string, err error) {
	bases := map[string]bool{}
	var prefixes []string
	for _, repo := range registry.Repos {
		bases[repo.Base] = true
		prefixes = append(prefixes, manifest.RepoPrefix(repo.Base))
	}
	slices.Sort(prefixes)
	for info, err := range s.List(ctx, manifest.JanitorPrefix, "") {
		if err != nil {
			return "", err
		}
		if base, ok := manifest.ParseNoteKey(info.Key); ok && !bases[base] {
			return info.Key, nil
		}
	}
	after := ""
	for {
		key, err := firstKey(ctx, s, manifest.PrivatePrefix, after)
		if key == "" || err != nil {
			return "", err
		}
		i, _ := slices.BinarySearch(prefixes, key)
		if i == 0 || !strings.HasPrefix(key, prefixes[i-1]) {
			return key, nil
		}
		own := false
		if own, after = manifest.SkipPrivate(prefixes[i-1], key); !own {
			return key, nil
		}
	}
}

// firstKey returns the first key with a prefix and behind another one; empty if
// there is none.
func firstKey(ctx context.Context, s objstore.Reader, prefix, after string) (string, error) {
	for info, err := range s.List(ctx, prefix, after) {
		return info.Key, err
	}
	return "", ctx.Err()
}

// LeftOfIndex returns the key of something that only a repo with an index has: a
// record, or a list of checkpoints. It is empty if there is no such thing.
func LeftOfIndex(ctx context.Context, s objstore.Reader, base string) (string, error) {
	if key, err := firstKey(ctx, s, manifest.RecordPrefix(base), ""); key != "" || err != nil {
		return key, err
	}
	list, err := Page(manifest.ListKey(base)).Load(ctx, s)
	if err != nil || !list.Exists() {
		return "", err
	}
	return manifest.ListKey(base), nil
}

package reliance

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// A notice says what a collection may delete although it is young. These rules make that
// safe while publishers are at work:
//
//   - The collection gives notice, fences and reads all indexes, and then looks for
//     claims. A claim that may still be committed ends it, before it deletes anything.
//   - A run claims its id before it looks at what it may reuse, and looks at the
//     notices after that, before it commits. If it has claimed before the collection
//     looked, there is no collection. Otherwise it sees the notice, pins what is on it,
//     and waits: as for old content.
//   - The collection deletes nothing that was stored after the notice, by the store's
//     clock. So what such a run stores itself stays.
//
// A notice stays for the grace period, as a run may find an object before it is deleted
// and look at the notices later.

// GiveNotice says that objects may be deleted soon. It returns the notice's key, and the
// time by the store's clock before which an object must have been stored to be deleted.
func GiveNotice(ctx context.Context, store objstore.Store, now time.Time, keys []string) (key string, before time.Time, err error) {
	slices.Sort(keys)
	key = manifest.NoticeKey(manifest.IDOf(now), rand.Text())
	list := []byte(strings.Join(keys, "\n") + "\n")
	if _, err := objstore.Put(ctx, store, key, objstore.Bytes(list), catalog.Attributes(manifest.KindNotice, "")); err != nil {
		return key, time.Time{}, err
	}
	info, err := store.Stat(ctx, key)
	return key, info.Modified.Truncate(time.Second), err // stores give times of different precision
}

// Noticed returns those of some keys that a notice names.
func Noticed(ctx context.Context, store objstore.Reader, keys []string) (named []string, err error) {
	var wanted map[string]bool
	for info, err := range store.List(ctx, manifest.NoticePrefix, "") {
		if err != nil {
			return nil, err
		}
		if wanted == nil {
			wanted = make(map[string]bool, len(keys))
			for _, key := range keys {
				wanted[key] = true
			}
		}
		err := eachLine(ctx, store, info.Key, func(key string) {
			if wanted[key] {
				named = append(named, key)
				delete(wanted, key)
			}
		})
		if err != nil && !errors.Is(err, objstore.ErrNotFound) { // too old, or taken back
			return nil, fmt.Errorf("read %s: %w", info.Key, err)
		}
	}
	return named, nil
}

// heed makes the run look again at what a notice names, however young it is.
func (r *Reliance) heed(ctx context.Context) error {
	if len(r.young) == 0 {
		return nil
	}
	named, err := Noticed(ctx, r.store, r.young)
	if err != nil {
		return err
	}
	r.keys, r.young = append(r.keys, named...), nil
	return nil
}

// eachLine calls do for each line of an object.
func eachLine(ctx context.Context, store objstore.Reader, key string, do func(line string)) error {
	r, err := store.Open(ctx, key, 0, objstore.Whole)
	if err != nil {
		return err
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		do(lines.Text())
	}
	return lines.Err()
}

package cloudfront

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	kvs "github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore/types"

	"github.com/asof/asof/publisher/ledger"
)

const (
	// maxBatch is how many keys CloudFront changes in one request.
	maxBatch = 50
	// maxOvertaken is how often an update starts again because others changed
	// the store: there is one version for all of its keys.
	maxOvertaken = 10
)

// update brings the key value store up to the index. First it puts months and
// days, in any number of requests. Then it puts the repo's own value, which makes
// them known. Last it deletes what that value no longer covers. So a function
// never finds less than the repo's value promises, and the next update finishes
// one that was cut off.
//
// If checkpoints of the future were taken back, their months and days go first: their
// time will come. If no checkpoint is left, the repo's value goes last: nothing resolves
// then, and the origin answers that. The same holds for a retired repo.
func (a *Announcer) update(ctx context.Context, change ledger.Announcement) error {
	base, ix := change.Repo.Base, change.Index
	if ix.Retired != nil {
		// The origin answers that.
		ix.Segments, ix.Checkpoints, ix.Pruned = nil, nil, nil
	}
	t := newTimeline(base, ix, a.opts.Months, change.Rings)
	var head []Pair
	if len(ix.Checkpoints) > 0 {
		own, err := t.head()
		if err != nil {
			return err
		}
		head = append(head, own)
	}
	for range maxOvertaken {
		err := a.tryUpdate(ctx, t, head)
		if _, ok := errors.AsType[*types.ConflictException](err); ok {
			continue
		}
		if _, ok := errors.AsType[*types.ServiceQuotaExceededException](err); ok {
			err = fmt.Errorf("%w: it holds %d MiB: configure fewer months", err, maxStore>>20)
		}
		return err
	}
	return fmt.Errorf("others changed it %d times meanwhile", maxOvertaken)
}

func (a *Announcer) tryUpdate(ctx context.Context, t timeline, head []Pair) error {
	described, err := a.values.DescribeKeyValueStore(ctx, &kvs.DescribeKeyValueStoreInput{KvsARN: &a.opts.KeyValueStore})
	if err != nil {
		return err
	}
	w := writer{a, described.ETag}
	pairs, first, last := t.pairs(), []string(nil), []string(nil) // what to put, and to delete before and after
	value, ok, err := a.get(ctx, t.base)
	if err != nil {
		return err
	}
	if ok {
		have, err := parseHead(value)
		if err != nil {
			return err
		}
		if have.generation >= t.index.Generation {
			return nil // the store already has this state, or a newer one
		}
		if t.wentBack(have) {
			first, err = a.outdated(ctx, have.months(t.base), pairs)
		} else {
			pairs = t.changed(have)
			last, err = a.known(ctx, t.dropped(have))
		}
		if err != nil {
			return err
		}
		if len(head) == 0 {
			first = append(first, t.base)
		}
	}
	if err := w.delete(ctx, first); err != nil {
		return err
	}
	puts := append(pairs, head...)
	if err := w.put(ctx, puts); err != nil {
		return err
	}
	if err := w.delete(ctx, last); err != nil {
		return err
	}
	a.opts.Log.Info("updated", "key_value_store", a.opts.KeyValueStore, "base", t.base, "put", len(puts), "deleted", len(first)+len(last))
	return nil
}

// outdated returns those of the months and their days that the store has and that are not
// among the pairs. An update may have been cut off between them.
func (a *Announcer) outdated(ctx context.Context, months []string, pairs []Pair) ([]string, error) {
	keys, err := a.known(ctx, months)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, key := range keys {
		if slices.ContainsFunc(pairs, func(p Pair) bool { return p.Key == key }) {
			continue
		}
		if _, ok, err := a.get(ctx, key); err != nil {
			return nil, err
		} else if ok {
			there = append(there, key)
		}
	}
	return there, nil
}

// known returns the keys that the store has for months, and for the days that
// they name.
func (a *Announcer) known(ctx context.Context, months []string) ([]string, error) {
	var keys []string
	for _, month := range months {
		value, ok, err := a.get(ctx, month)
		if err != nil {
			return nil, err
		}
		if ok {
			keys = append(append(keys, daysOf(month, value)...), month)
		}
	}
	return keys, nil
}

func (a *Announcer) get(ctx context.Context, key string) (value string, ok bool, err error) {
	out, err := a.values.GetKey(ctx, &kvs.GetKeyInput{KvsARN: &a.opts.KeyValueStore, Key: &key})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return aws.ToString(out.Value), true, nil
}

// writer changes a store until somebody else does.
type writer struct {
	*Announcer
	version *string
}

func (w *writer) put(ctx context.Context, pairs []Pair) error {
	var puts []types.PutKeyRequestListItem
	for _, p := range pairs {
		puts = append(puts, types.PutKeyRequestListItem{Key: aws.String(p.Key), Value: aws.String(p.Value)})
	}
	for batch := range slices.Chunk(puts, maxBatch) {
		if err := w.change(ctx, batch, nil); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) delete(ctx context.Context, keys []string) error {
	var deletes []types.DeleteKeyRequestListItem
	for _, key := range keys {
		deletes = append(deletes, types.DeleteKeyRequestListItem{Key: aws.String(key)})
	}
	for batch := range slices.Chunk(deletes, maxBatch) {
		if err := w.change(ctx, nil, batch); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) change(ctx context.Context, puts []types.PutKeyRequestListItem, deletes []types.DeleteKeyRequestListItem) error {
	out, err := w.values.UpdateKeys(ctx, &kvs.UpdateKeysInput{KvsARN: &w.opts.KeyValueStore, IfMatch: w.version, Puts: puts, Deletes: deletes})
	if err != nil {
		return err
	}
	w.version = out.ETag
	return nil
}

package cloudfront

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	kvs "github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore/types"

	"github.com/asof/asof/manifest"
)

const (
	// maxBatch is how many keys CloudFront changes in one request.
	maxBatch = 50
	// maxOvertaken is how often an update starts again because others changed
	// the store: there is one version for all of its keys.
	maxOvertaken = 10
)

// update brings the key value store up to the index. Months and days come first,
// in any number of requests; the last puts the repo's own value, which makes
// them known; then what it no longer covers is deleted. So a function never
// finds less than the repo's value promises, and an update that was cut off is
// finished by the next.
func (a *Announcer) update(ctx context.Context, base string, ix manifest.Index) error {
	if len(ix.Checkpoints) == 0 {
		return nil // nothing to resolve to: the origin says so
	}
	t := newTimeline(base, ix, a.opts.Months)
	head, err := t.head()
	if err != nil {
		return err
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

func (a *Announcer) tryUpdate(ctx context.Context, t timeline, head Pair) error {
	described, err := a.values.DescribeKeyValueStore(ctx, &kvs.DescribeKeyValueStoreInput{KvsARN: &a.opts.KeyValueStore})
	if err != nil {
		return err
	}
	w := writer{a, described.ETag}
	pairs, dropped := t.pairs(), []string(nil)
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
			return nil // this very state was told, or a newer one
		}
		pairs = t.changed(have)
		if dropped, err = a.known(ctx, t.dropped(have)); err != nil {
			return err
		}
	}
	var puts []types.PutKeyRequestListItem
	for _, p := range append(pairs, head) {
		puts = append(puts, types.PutKeyRequestListItem{Key: aws.String(p.Key), Value: aws.String(p.Value)})
	}
	for batch := range slices.Chunk(puts, maxBatch) {
		if err := w.change(ctx, batch, nil); err != nil {
			return err
		}
	}
	var deletes []types.DeleteKeyRequestListItem
	for _, key := range dropped {
		deletes = append(deletes, types.DeleteKeyRequestListItem{Key: aws.String(key)})
	}
	for batch := range slices.Chunk(deletes, maxBatch) {
		if err := w.change(ctx, nil, batch); err != nil {
			return err
		}
	}
	a.opts.Log.Info("updated", "key_value_store", a.opts.KeyValueStore, "base", t.base, "put", len(puts), "deleted", len(deletes))
	return nil
}

// known are the keys that the store has of months, and of the days that they
// name.
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

// writer changes a store as long as nobody else does.
type writer struct {
	*Announcer
	version *string
}

func (w *writer) change(ctx context.Context, puts []types.PutKeyRequestListItem, deletes []types.DeleteKeyRequestListItem) error {
	out, err := w.values.UpdateKeys(ctx, &kvs.UpdateKeysInput{KvsARN: &w.opts.KeyValueStore, IfMatch: w.version, Puts: puts, Deletes: deletes})
	if err != nil {
		return err
	}
	w.version = out.ETag
	return nil
}

package catalog

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Rollout returns the store's register of rings. It is empty where there never were any.
func Rollout() Register[manifest.Rollout] {
	return Register[manifest.Rollout]{
		Key: manifest.RolloutKey, kind: manifest.KindRollout,
		parse: manifest.ParseRollout, encode: manifest.Rollout.Encode,
	}
}

// LoadRollout reads the register of rings, and reports whether its last change is recorded. If
// the register is lost, or somebody put an earlier one in its place, the error is ErrLost.
func LoadRollout(ctx context.Context, s objstore.Reader) (now State[manifest.Rollout], recorded bool, err error) {
	if now, err = Rollout().Load(ctx, s); err != nil {
		return now, false, err
	}
	record, err := LatestRollout(ctx, s)
	if err == nil && record.Recorded > now.Doc.Recorded {
		// Or somebody has changed it just now.
		if now, err = Rollout().Load(ctx, s); err == nil && record.Recorded > now.Doc.Recorded {
			err = fmt.Errorf("%w: %s is older than %s", ErrLost, manifest.RolloutKey, manifest.RolloutRecordKey(record.Recorded))
		}
	}
	return now, err == nil && record.Recorded == now.Doc.Recorded, err
}

// InRings returns a history that knows the rings of the store.
func InRings(ctx context.Context, s objstore.Reader, history *manifest.History) (*manifest.History, error) {
	rings, _, err := LoadRollout(ctx, s)
	if err != nil {
		return nil, err
	}
	return history.WithRings(&rings.Doc), nil
}

// LatestRollout returns the latest readable record of the register of rings; the zero Rollout
// if there is none.
func LatestRollout(ctx context.Context, s objstore.Reader) (manifest.Rollout, error) {
	for info, err := range s.List(ctx, manifest.RolloutRecords, "") {
		if err != nil {
			return manifest.Rollout{}, err
		}
		rollout, err := readRolloutRecord(ctx, s, info.Key)
		switch {
		case errors.Is(err, errUnreadable), errors.Is(err, objstore.ErrNotFound):
			continue
		case err != nil:
			return manifest.Rollout{}, err
		}
		return rollout, nil
	}
	return manifest.Rollout{}, ctx.Err()
}

// RecordRollout stores a record of the register's last recorded change. If there is one
// already, it stays: a ring whose time moved on since says nothing new.
func RecordRollout(ctx context.Context, s objstore.Store, rollout manifest.Rollout) error {
	if rollout.Recorded == 0 {
		return nil
	}
	data, err := rollout.Encode()
	if err != nil {
		return err
	}
	err = s.Create(ctx, manifest.RolloutRecordKey(rollout.Recorded), objstore.Bytes(data), Attributes(manifest.KindRecord, ""))
	if errors.Is(err, objstore.ErrExists) {
		return nil
	}
	return err
}

// RolloutHistory yields the recorded changes of the rings, the latest first. It stops after an
// error.
func RolloutHistory(ctx context.Context, s objstore.Reader) iter.Seq2[manifest.RingChange, error] {
	return func(yield func(manifest.RingChange, error) bool) {
		for info, err := range s.List(ctx, manifest.RolloutRecords, "") {
			var rollout manifest.Rollout
			if err == nil {
				rollout, err = readRolloutRecord(ctx, s, info.Key)
			}
			if !yield(rollout.Last, err) || err != nil {
				return
			}
		}
	}
}

func readRolloutRecord(ctx context.Context, s objstore.Reader, key string) (manifest.Rollout, error) {
	return readRecord(ctx, s, key, manifest.MaxRollout, func(data []byte) (manifest.Rollout, error) {
		rollout, err := manifest.ParseRollout(data)
		if err == nil && rollout.UsedUp() {
			err = manifest.ErrUsedUp
		}
		if err == nil && manifest.RolloutRecordKey(rollout.Recorded) != key {
			err = fmt.Errorf("it records change %d", rollout.Recorded)
		}
		return rollout, err
	})
}

package dirstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/asof/asof/internal/objstore"
)

// Load implements objstore.Store. The version is a hash of the content.
func (s *Store) Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error) {
	if err := s.begin(ctx, "load", key); err != nil {
		return nil, "", err
	}
	data, err := s.load(key)
	if err != nil {
		return nil, "", fmt.Errorf("load %s: %w", key, err)
	}
	v := version(data)
	if v == have {
		return nil, v, fmt.Errorf("load %s: %w", key, objstore.ErrNotModified)
	}
	return data, v, nil
}

func (s *Store) load(key string) ([]byte, error) {
	f, size, err := s.open(key)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > objstore.MaxRegister {
		return nil, objstore.ErrTooLarge
	}
	// A register's file is only ever replaced, never written to: this is one
	// state.
	return io.ReadAll(f)
}

// Swap implements objstore.Store.
func (s *Store) Swap(ctx context.Context, key string, old objstore.Version, data []byte, _ objstore.Attributes) (objstore.Version, error) {
	if err := s.begin(ctx, "swap", key); err != nil {
		return "", err
	}
	if err := s.swap(ctx, key, old, data); err != nil {
		return "", fmt.Errorf("swap %s: %w", key, err)
	}
	return version(data), nil
}

func (s *Store) swap(ctx context.Context, key string, old objstore.Version, data []byte) error {
	if len(data) > objstore.MaxRegister {
		return objstore.ErrTooLarge
	}
	unlock, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer unlock()

	now := objstore.Version("")
	current, err := s.load(key)
	switch {
	case err == nil:
		now = version(current)
	case !errors.Is(err, objstore.ErrNotFound):
		return err
	}
	if now != old {
		return objstore.ErrChanged
	}
	if now == "" {
		// There may be a folder, or a file where the key needs a folder.
		if err := s.vacant(key); err != nil {
			return err
		}
	}

	f, temp, err := s.temp()
	if err != nil {
		return classify(err)
	}
	defer s.root.Remove(temp) // already gone once it is renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	// What the register will name must be on disk before the register.
	if err := syncStore(s.root); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	if err := s.inFolder(key, func() error { return s.root.Rename(temp, key) }); err != nil {
		return classify(err)
	}
	return syncDir(s.root, path.Dir(key))
}

// acquire takes the lock of all swaps in this folder, or gives up with ctx. The
// channel orders the swaps of this process. The file lock ignores contexts, so
// another goroutine waits for it.
func (s *Store) acquire(ctx context.Context) (unlock func(), err error) {
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.root.MkdirAll(ownDir, 0o755); err != nil {
		<-s.lock
		return nil, classify(err)
	}
	type result struct {
		unlock func()
		err    error
	}
	locked := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(filepath.Join(s.dir, filepath.FromSlash(lockKey))).Lock()
		locked <- result{unlock, err}
	}()
	release := func(r result) {
		if r.err == nil {
			r.unlock()
		}
		<-s.lock
	}
	select {
	case r := <-locked:
		if r.err != nil {
			release(r)
			return nil, classify(r.err)
		}
		return func() { release(r) }, nil
	case <-ctx.Done():
		go func() { release(<-locked) }()
		return nil, ctx.Err()
	}
}

func version(data []byte) objstore.Version {
	sum := sha256.Sum256(data)
	return objstore.Version(hex.EncodeToString(sum[:]))
}

// syncDir makes a rename in the folder durable, if the system can.
func syncDir(root *os.Root, dir string) error {
	if !syncsDirs {
		return nil
	}
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

package objstore

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
)

// WithPrefix is the part of a store whose keys begin with prefix and a "/", as a
// store of its own: keys lose the prefix on the way out and get it on the way
// in. Slashes around prefix don't count; an empty one returns s. The prefix
// counts against MaxKey, and errors name the full key.
func WithPrefix(s Store, prefix string) (Store, error) {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return s, nil
	}
	if err := CheckKey(prefix, false); err != nil {
		return nil, err
	}
	return prefixed{store: s, prefix: prefix + "/"}, nil
}

type prefixed struct {
	store  Store
	prefix string // ends in "/"
}

// full is the key in the underlying store. A bad key is checked here, too: "" or
// "../x" must not become a good one behind a prefix.
func (p prefixed) full(key string) (string, error) {
	if err := CheckKey(key, p.store.SlashKeys()); err != nil {
		return "", err
	}
	return p.prefix + key, nil
}

func (p prefixed) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	key, err := p.full(key)
	if err != nil {
		return nil, err
	}
	return p.store.Open(ctx, key, offset, length)
}

func (p prefixed) Stat(ctx context.Context, key string) (Info, error) {
	key, err := p.full(key)
	if err != nil {
		return Info{}, err
	}
	info, err := p.store.Stat(ctx, key)
	info.Key = strings.TrimPrefix(info.Key, p.prefix)
	return info, err
}

func (p prefixed) Create(ctx context.Context, key string, body Body, attr Attributes) error {
	key, err := p.full(key)
	if err != nil {
		return err
	}
	return p.store.Create(ctx, key, body, attr)
}

func (p prefixed) Copy(ctx context.Context, src, dst string, attr Attributes, vacant bool) error {
	src, err := p.full(src)
	if err != nil {
		return err
	}
	dst, err = p.full(dst)
	if err != nil {
		return err
	}
	return p.store.Copy(ctx, src, dst, attr, vacant)
}

func (p prefixed) List(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	if after != "" {
		after = p.prefix + after
	}
	return func(yield func(Info, error) bool) {
		if err := CheckPrefix(prefix); err != nil {
			yield(Info{}, fmt.Errorf("list: %w", err))
			return
		}
		for info, err := range p.store.List(ctx, p.prefix+prefix, after) {
			info.Key = strings.TrimPrefix(info.Key, p.prefix)
			if !yield(info, err) {
				return
			}
		}
	}
}

func (p prefixed) Delete(ctx context.Context, key string) error {
	key, err := p.full(key)
	if err != nil {
		return err
	}
	return p.store.Delete(ctx, key)
}

func (p prefixed) Load(ctx context.Context, key string, have Version) ([]byte, Version, error) {
	key, err := p.full(key)
	if err != nil {
		return nil, "", err
	}
	return p.store.Load(ctx, key, have)
}

func (p prefixed) Swap(ctx context.Context, key string, old Version, data []byte, attr Attributes) (Version, error) {
	key, err := p.full(key)
	if err != nil {
		return "", err
	}
	return p.store.Swap(ctx, key, old, data, attr)
}

func (p prefixed) SlashKeys() bool { return p.store.SlashKeys() }

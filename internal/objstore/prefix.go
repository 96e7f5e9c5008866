package objstore

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
)

// WithPrefix returns the part of a store whose keys begin with prefix and a "/",
// as a store of its own. Its keys don't contain the prefix. Slashes around prefix
// don't count; an empty prefix returns s. The prefix counts against MaxKey, and
// errors name the full key.
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

// full returns the key in the underlying store. It checks the key, because a bad
// one ("" or "../x") must not become valid after a prefix.
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

// As translates the abilities of the inner store, as [As] describes. There is no
// Unwrap: an ability that takes keys needs them translated, and a [Tidier] would
// tidy the whole store.
func (p prefixed) As(target any) (ok bool) {
	switch target := target.(type) {
	case *Priced:
		*target, ok = As[Priced](p.store)
	case *Mender:
		var mender Mender
		if mender, ok = As[Mender](p.store); ok {
			*target = prefixedMender{prefixedHeaded{p, mender}, mender}
		}
	case *Headed:
		var headed Headed
		if headed, ok = As[Headed](p.store); ok {
			*target = prefixedHeaded{p, headed}
		}
	case *Clock:
		*target, ok = As[Clock](p.store)
	case *Signer:
		var signer Signer
		if signer, ok = As[Signer](p.store); ok {
			*target = prefixedSigner{p, signer}
		}
	}
	return ok
}

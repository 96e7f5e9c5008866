package objstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The checks of Probe. Each returns one line about what the store does, or an
// error about what is wrong with it.

// present makes sure that a store answers. What refuses everything, or is another kind of
// server, would look like a store that does everything wrong.
func (p *prober) present(ctx context.Context) error {
	for _, err := range p.store.List(ctx, p.base, "") {
		if errors.Is(err, ErrDenied) || errors.Is(err, ErrUnsupported) { // a check tells
			return nil
		}
		return err
	}
	return nil
}

func (p *prober) create(ctx context.Context) (string, error) {
	key := p.key("create")
	// Put, because the driver's own retry may find what its first try wrote.
	if _, err := Put(ctx, p.store, key, Bytes([]byte("first")), probeAttributes); err != nil {
		return "", err
	}
	switch err := p.put(ctx, key, "second"); {
	case err == nil:
		return "", found("a second create overwrote the object")
	case !errors.Is(err, ErrExists):
		return "", err
	}
	return "a second create is refused, the object untouched", p.holds(ctx, key, "first")
}

func (p *prober) swap(ctx context.Context) (string, error) {
	key := p.key("swap")
	var zero Version
	swap := func(old Version, data string) (Version, error) {
		return p.store.Swap(ctx, key, old, []byte(data), probeAttributes)
	}
	// refused checks that a write failed as it must.
	refused := func(what string, err, want error) error {
		if err == nil {
			return found("%s succeeded", what)
		}
		if !errors.Is(err, want) {
			return err
		}
		return nil
	}
	// The two swaps that must succeed use Update: the driver's own retry may find
	// what its first try wrote, and nobody else knows the key.
	update := func(old Version, data string) (Version, error) {
		return Update(ctx, p.store, key, old, []byte(data), probeAttributes)
	}
	v1, err := update(zero, "one")
	if err != nil {
		return "", err
	}
	_, err = swap(zero, "absent")
	if err = refused("a swap from absent on a register that is there", err, ErrChanged); err != nil {
		return "", err
	}
	if err = refused("a create over a register", p.put(ctx, key, "created"), ErrExists); err != nil {
		return "", err
	}
	v2, err := update(v1, "two")
	if err != nil {
		return "", err
	}
	_, err = swap(v1, "stale")
	if err = refused("a stale swap", err, ErrChanged); err != nil {
		return "", err
	}
	data, v, err := p.store.Load(ctx, key, "")
	if err == nil && (string(data) != "two" || v != v2) {
		err = found("after refused writes the register holds %q at version %q, want \"two\" at %q", data, v, v2)
	}
	return "stale and absent are refused", err
}

// race runs f in all racers at once, for some rounds. Each round must have one
// winner.
func (p *prober) race(f func(round, racer int) (won bool, err error)) (string, error) {
	for round := range p.opts.Rounds {
		var mu sync.Mutex
		var wins int
		var firstErr error
		var wg sync.WaitGroup
		start := make(chan struct{})
		for racer := range p.opts.Racers {
			wg.Go(func() {
				<-start
				won, err := f(round, racer)
				mu.Lock()
				defer mu.Unlock()
				if won {
					wins++
				}
				if firstErr == nil {
					firstErr = err
				}
			})
		}
		close(start)
		wg.Wait()
		if firstErr != nil {
			return "", firstErr
		}
		if wins != 1 {
			return "", found("%d of %d racers won, want exactly one", wins, p.opts.Racers)
		}
	}
	return fmt.Sprintf("%d racers, %d rounds, exactly one winner each", p.opts.Racers, p.opts.Rounds), nil
}

func (p *prober) createRace(ctx context.Context) (string, error) {
	return p.race(func(round, racer int) (bool, error) {
		err := p.put(ctx, p.key(fmt.Sprintf("create-race/%d", round)), fmt.Sprintf("racer %d", racer))
		if errors.Is(err, ErrExists) {
			return false, nil
		}
		return err == nil, err
	})
}

func (p *prober) swapRace(ctx context.Context) (string, error) {
	key := p.key("swap-race")
	version, err := p.store.Swap(ctx, key, "", []byte("start"), probeAttributes)
	if err != nil {
		return "", err
	}
	versions := make([]Version, p.opts.Rounds+1)
	versions[0] = version
	return p.race(func(round, racer int) (bool, error) {
		v, err := p.store.Swap(ctx, key, versions[round], fmt.Appendf(nil, "round %d racer %d", round, racer), probeAttributes)
		if errors.Is(err, ErrChanged) {
			return false, nil
		}
		if err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			versions[round+1] = v
		}
		return err == nil, err
	})
}

func (p *prober) copy(ctx context.Context) (string, error) {
	src, dst := p.key("copy/from"), p.key("copy/to")
	if err := p.put(ctx, src, "content"); err != nil {
		return "", err
	}
	if err := p.store.Copy(ctx, src, dst, probeAttributes, false); err != nil {
		return "", err
	}
	return "objects are copied inside the store", p.holds(ctx, dst, "content")
}

func (p *prober) copyOnto(ctx context.Context) (string, error) {
	src, dst := p.key("onto/from"), p.key("onto/to")
	for key, content := range map[string]string{src: "new", dst: "old"} {
		if err := p.put(ctx, key, content); err != nil {
			return "", err
		}
	}
	switch err := p.store.Copy(ctx, src, dst, probeAttributes, false); {
	case err == nil:
		return "", found("a copy overwrote an object")
	case !errors.Is(err, ErrExists):
		return "", err
	}
	return "refused, the object untouched", p.holds(ctx, dst, "old")
}

func (p *prober) list(ctx context.Context) (string, error) {
	var want []string
	for _, name := range []string{"B", "a+", "a,/c", "a/b", "a/b0", "a/c/d", "a0", "b", "é"} {
		key := p.key("list/" + name)
		want = append(want, key)
		if err := p.put(ctx, key, ""); err != nil {
			return "", err
		}
	}
	list := func(after string) (keys []string, err error) {
		for info, err := range p.store.List(ctx, p.base+"list/", after) {
			if err != nil {
				return nil, err
			}
			keys = append(keys, info.Key)
		}
		return keys, nil
	}
	for i, after := range append([]string{""}, want...) {
		got, err := list(after)
		if err != nil {
			return "", err
		}
		if !slices.Equal(got, want[i:]) {
			text := strings.ReplaceAll(fmt.Sprintf("%q, want %q", got, want[i:]), p.base+"list/", "")
			return "", found("after %q it lists %s", strings.TrimPrefix(after, p.base+"list/"), text)
		}
	}
	return "byte order, what was just written is listed", nil
}

func (p *prober) ranges(ctx context.Context) (string, error) {
	key := p.key("ranges")
	if err := p.put(ctx, key, "0123456789"); err != nil {
		return "", err
	}
	for _, r := range []struct {
		offset, length int64
		want           string
	}{{0, 1, "0"}, {3, 4, "3456"}, {7, Whole, "789"}, {8, 100, "89"}, {10, 1, ""}} {
		got, err := p.read(ctx, key, r.offset, r.length)
		if err != nil {
			return "", err
		}
		if got != r.want {
			return "", found("offset %d, length %d gives %q, want %q", r.offset, r.length, got, r.want)
		}
	}
	if _, err := p.read(ctx, key, 11, 1); err == nil {
		return "", found("an offset past the end is not an error")
	}
	return "any part of an object can be read", nil
}

func (p *prober) characters(ctx context.Context) (string, error) {
	names := []string{"space x", "plus+", "tilde~", "colon:", "percent%2F", "hash#", "query?a=b", "amp&", `quotes'"`, "brackets[(", "at@,;=$!*", "ü日\U0001F4E6", "..dots..", ".hidden"}
	for _, name := range names {
		key := p.key("keys/" + name)
		err := p.put(ctx, key, name)
		if err == nil {
			err = p.holds(ctx, key, name)
		}
		if err != nil {
			return "", fmt.Errorf("%q: %w", name, err)
		}
	}
	slices.Sort(names)
	var got []string
	for info, err := range p.store.List(ctx, p.base+"keys/", "") {
		if err != nil {
			return "", err
		}
		got = append(got, strings.TrimPrefix(info.Key, p.base+"keys/"))
	}
	if !slices.Equal(got, names) {
		return "", found("listed as %q, want %q", got, names)
	}
	return fmt.Sprintf("%d odd keys come back as they were written", len(names)), nil
}

func (p *prober) slash(ctx context.Context) (string, error) {
	if !p.store.SlashKeys() {
		return "", fmt.Errorf("%w: by its driver", ErrUnsupported)
	}
	for _, name := range []string{"slash/", "slash/below"} {
		if err := p.put(ctx, p.key(name), name); err != nil {
			return "", err
		}
	}
	for _, name := range []string{"slash/", "slash/below"} {
		if err := p.holds(ctx, p.base+name, name); err != nil {
			return "", err
		}
	}
	return "they hold data of their own", nil
}

package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

// state is a repo's index and the version at which it was read.
type state struct {
	index   manifest.Index
	version objstore.Version
	left    leftBehind // by others; where a checkpoint is made
}

// loadIndex reads a repo's index; that of a repo never published is empty.
func (p *Publisher) loadIndex(ctx context.Context, repo Repo) (state, error) {
	index, version, err := catalog.Index(ctx, p.Store, repo.registered())
	return state{index: index, version: version}, err
}

// Horizon is a repo's: publishing adds nothing at or before it. It is
// manifest.MinID or less where nothing was published yet.
func (p *Publisher) Horizon(ctx context.Context, repo Repo) (manifest.ID, error) {
	current, err := p.look(ctx, repo)
	return current.index.Horizon, err
}

// swapIndex commits an index that was derived from s.
func (p *Publisher) swapIndex(ctx context.Context, repo Repo, s state, next manifest.Index) (state, error) {
	data, err := next.Encode()
	if err != nil {
		return state{}, err
	}
	version, err := objstore.Update(ctx, p.Store, manifest.IndexKey(repo.Base), s.version, data, attributes(manifest.KindIndex, ""))
	return state{index: next, version: version}, err
}

// register makes the store's registry and its front page name the repo, and takes
// a new store into use only if its conditional writes work.
func (p *Publisher) register(ctx context.Context, repo Repo) error {
	for {
		reg, version, err := catalog.Registry(ctx, p.Store)
		if err != nil {
			return err
		}
		if version == "" {
			if reg.Unsafe, err = p.checkStore(ctx); err != nil {
				return err
			}
		}
		if reg.Unsafe && !p.AllowUnsafe {
			return fmt.Errorf("%s: %w", manifest.RegistryKey, ErrUnsafeStore)
		}
		next, err := reg.Add(repo.registered())
		if err != nil {
			return fmt.Errorf("register repo %s: %w", repo.Name, err)
		}
		if next.Generation == reg.Generation {
			return p.refreshFront(ctx)
		}
		data, err := next.Encode()
		if err != nil {
			return err
		}
		_, err = objstore.Update(ctx, p.Store, manifest.RegistryKey, version, data, attributes(manifest.KindRegistry, ""))
		if err == nil {
			return p.refreshFront(ctx)
		}
		if !errors.Is(err, objstore.ErrChanged) {
			return err
		}
	}
}

// refreshFront makes the store's front page name the repos of the registry.
func (p *Publisher) refreshFront(ctx context.Context) error {
	return p.refreshPage(ctx, manifest.FrontKey, func() ([]byte, error) {
		reg, _, err := catalog.Registry(ctx, p.Store)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		err = page.WriteFrontOfStore(&b, reg.Repos)
		return b.Bytes(), err
	})
}

// refreshPage makes a page that may change show what render reads. Like a list, it is
// swapped only by who has read that after it, so that the last to do so shows the last.
// Where render has nothing to show, the page stays as it is.
func (p *Publisher) refreshPage(ctx context.Context, key string, render func() ([]byte, error)) error {
	for {
		have, version, err := p.Store.Load(ctx, key, "")
		if err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
		want, err := render()
		if err != nil || want == nil || bytes.Equal(have, want) {
			return err
		}
		_, err = objstore.Update(ctx, p.Store, key, version, want, attributes(manifest.KindList, ""))
		if !errors.Is(err, objstore.ErrChanged) {
			return err
		}
	}
}

// checkStore tries the conditional writes of a store that was never used.
func (p *Publisher) checkStore(ctx context.Context) (unsafe bool, err error) {
	err = objstore.QuickCheck(ctx, p.Store)
	switch {
	case err == nil:
		return false, nil
	case !errors.Is(err, objstore.ErrUnsupported):
		return false, err
	case !p.AllowUnsafe:
		return false, fmt.Errorf("%w: %w", ErrUnsafeStore, err)
	}
	p.Log.Warn("the store has no working compare-and-swap: two publishers at once may lose a checkpoint", "error", err)
	return true, nil
}

// loadStaged reads a repo's staged revision and its document's version.
func (p *Publisher) loadStaged(ctx context.Context, repo Repo) (manifest.Staged, objstore.Version, error) {
	data, version, err := p.Store.Load(ctx, manifest.StagedKey(repo.Base), "")
	if err != nil {
		return manifest.Staged{}, "", err
	}
	staged, err := manifest.ParseStaged(data)
	if err != nil {
		return manifest.Staged{}, "", fmt.Errorf("%s: %w", manifest.StagedKey(repo.Base), err)
	}
	return staged, version, nil
}

// listPage is a repo's list of checkpoints as it was read; empty if there is none.
type listPage struct {
	data    []byte
	version objstore.Version
}

func (p *Publisher) loadList(ctx context.Context, repo Repo) (listPage, error) {
	data, version, err := p.Store.Load(ctx, manifest.ListKey(repo.Base), "")
	if errors.Is(err, objstore.ErrNotFound) {
		err = nil
	}
	return listPage{data, version}, err
}

// updateList makes the list, which was read before the index was read or
// swapped, show that index. As that holds for whoever swaps the list, the last
// one to do so shows the last index, however many publishers there are.
func (p *Publisher) updateList(ctx context.Context, repo Repo, list listPage, index manifest.Index) error {
	for {
		want, err := renderList(repo.Base, index)
		if err != nil || bytes.Equal(list.data, want) {
			return err
		}
		// A list that shows a segment as it is now says that its page does, too.
		for _, ref := range index.Segments {
			if page.ListsSegment(list.data, ref) {
				continue
			}
			if err := p.refreshSegmentList(ctx, repo, ref.First); err != nil {
				return err
			}
		}
		_, err = objstore.Update(ctx, p.Store, manifest.ListKey(repo.Base), list.version, want, attributes(manifest.KindList, ""))
		if !errors.Is(err, objstore.ErrChanged) {
			return err
		}
		if list, err = p.loadList(ctx, repo); err != nil {
			return err
		}
		s, err := p.loadIndex(ctx, repo)
		if err != nil {
			return err
		}
		index = s.index
	}
}

// refreshList makes the list show the index, which is read again only where the
// list has to change.
func (p *Publisher) refreshList(ctx context.Context, repo Repo, index manifest.Index) error {
	list, err := p.loadList(ctx, repo)
	if err != nil {
		return err
	}
	want, err := renderList(repo.Base, index)
	if err != nil || bytes.Equal(list.data, want) {
		return err
	}
	s, err := p.loadIndex(ctx, repo)
	if err != nil {
		return err
	}
	return p.updateList(ctx, repo, list, s.index)
}

// checkNeverPublished holds that a repo without an index never had one: it has no
// list of checkpoints either, which is written behind it. To take a lost index for
// an empty one would begin a new history, or make garbage of all there is.
func (p *Publisher) checkNeverPublished(ctx context.Context, repo Repo) error {
	list, err := p.loadList(ctx, repo)
	if err != nil || len(list.data) == 0 {
		return err
	}
	// Or else somebody has published it first, just now.
	if current, err := p.loadIndex(ctx, repo); err != nil || current.version != "" {
		return err
	}
	return fmt.Errorf("%w: %s is gone: the repo has a list of checkpoints", ErrLost, manifest.IndexKey(repo.Base))
}

func renderList(base string, index manifest.Index) ([]byte, error) {
	var buf bytes.Buffer
	err := page.WriteList(&buf, base, index)
	return buf.Bytes(), err
}

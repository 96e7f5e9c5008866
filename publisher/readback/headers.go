package readback

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// asks reports whether a quick run asks for the headers of each object.
func (v *verification) asks() bool { return v.Headers && v.headed != nil }

// judgeHeaders notes the headers of an object if they are not those that asof gives it.
func (v *verification) judgeHeaders(key string, have objstore.Headers) {
	wrong := catalog.CheckHeaders(v.repo.Base, key, have)
	if wrong == "" {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.headers == nil {
		v.headers = map[string]string{}
	}
	v.headers[key] = wrong
}

// stat describes an object, and judges its headers if the run asks for them.
func (v *verification) stat(ctx context.Context, key string) (objstore.Info, error) {
	if !v.asks() {
		return v.Store.Stat(ctx, key)
	}
	h, info, err := v.headed.Headers(ctx, key)
	if err == nil {
		v.judgeHeaders(key, h)
	}
	return info, err
}

// registers are the keys of what clients read and what is loaded, not opened: it comes
// without its headers.
func (v *verification) registers(index manifest.Index) []string {
	keys := []string{manifest.RegistryKey, manifest.FrontKey, manifest.IndexKey(v.repo.Base), manifest.ListKey(v.repo.Base)}
	for _, ref := range index.Segments {
		keys = append(keys, manifest.SegmentListKey(v.repo.Base, ref.First))
	}
	return keys
}

// askHeaders judges the headers of objects. Whether they exist was checked elsewhere.
func (v *verification) askHeaders(ctx context.Context, keys ...string) error {
	if v.headed == nil {
		return nil
	}
	for _, key := range keys {
		err := v.Retry(ctx, key, func() error {
			h, _, err := v.headed.Headers(ctx, key)
			if err == nil {
				v.judgeHeaders(key, h)
			}
			return err
		})
		if err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (v *verification) headerProblems() []Problem {
	list := make([]Problem, 0, len(v.headers))
	for key, what := range v.headers {
		p := Problem{Key: key, What: what}
		if _, id, _, _ := manifest.KindAt(v.repo.Base, key); id.Valid() {
			p.Checkpoint = &id
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Problem) int { return cmp.Compare(a.Key, b.Key) })
	return list
}

package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Register is one of a store's registers: a small document that changes by
// compare-and-swap only. It is safe for concurrent use.
type Register[T any] struct {
	Key    string
	kind   manifest.Kind
	absent T // the value of a register that does not exist
	parse  func([]byte) (T, error)
	encode func(T) ([]byte, error)
}

// State is a register as it was read.
type State[T any] struct {
	Doc     T
	Version objstore.Version // empty: the register does not exist
}

// Exists reports whether the register exists.
func (s State[T]) Exists() bool { return s.Version != "" }

// Load reads the register. If its document can't be read, the error is a
// *DamagedError, and the state holds the version of the damaged register. One that a later
// version of asof wrote is not damaged: the error is manifest.ErrNewer, and the state holds
// no version by which it could be replaced.
func (r Register[T]) Load(ctx context.Context, s Store) (State[T], error) {
	data, version, err := s.Load(ctx, r.Key, "")
	if errors.Is(err, objstore.ErrNotFound) {
		return State[T]{Doc: r.absent}, nil
	}
	if err != nil {
		return State[T]{Doc: r.absent}, err
	}
	doc, err := r.parse(data)
	if errors.Is(err, manifest.ErrNewer) {
		return State[T]{Doc: r.absent}, fmt.Errorf("%s: %w", r.Key, err)
	}
	if err != nil {
		return State[T]{r.absent, version}, &DamagedError{r.Key, err}
	}
	return State[T]{doc, version}, nil
}

// Swap replaces the document that was read by the next one. The error is
// objstore.ErrChanged if the register has changed since.
func (r Register[T]) Swap(ctx context.Context, s objstore.Store, old State[T], next T) (State[T], error) {
	data, err := r.encode(next)
	if err != nil {
		return State[T]{}, err
	}
	version, err := objstore.Update(ctx, s, r.Key, old.Version, data, Attributes(r.kind, ""))
	return State[T]{next, version}, err
}

// Change changes the register, also while others change it. It reads the
// document, calls change for the next one, and swaps. If somebody else was
// faster, it starts again. If changed is false, or on an error, it writes
// nothing.
func (r Register[T]) Change(ctx context.Context, s objstore.Store, change func(State[T]) (next T, changed bool, err error)) (State[T], error) {
	for {
		now, err := r.Load(ctx, s)
		if err != nil {
			return now, err
		}
		next, changed, err := change(now)
		if err != nil || !changed {
			return now, err
		}
		swapped, err := r.Swap(ctx, s, now, next)
		if !errors.Is(err, objstore.ErrChanged) {
			return swapped, err
		}
	}
}

// DamagedError is a register whose document can't be read, or belongs to another
// register.
type DamagedError struct {
	Key string
	Err error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s: %v", e.Key, e.Err) }
func (e *DamagedError) Unwrap() error { return e.Err }

// Is finds ErrDamaged in the error of a registry, an index or the register of rings.
func (e *DamagedError) Is(target error) bool {
	return target == ErrDamaged && (e.Key == manifest.RegistryKey || e.Key == manifest.RolloutKey || strings.HasSuffix(e.Key, manifest.IndexKey("")))
}

// ErrDamaged: the registry, an index or the register of rings can't be read. A rebuild writes it anew.
var ErrDamaged = errors.New("damaged")

// Attributes returns what the store keeps with an object of a kind. path is the
// path of a file or page in its tree.
func Attributes(k manifest.Kind, path string) objstore.Attributes {
	return objstore.Attributes{ContentType: k.ContentType(path), CacheControl: k.CacheControl(path)}
}

// Registry returns the store's registry. In a new store it is empty.
func Registry() Register[manifest.Registry] {
	return Register[manifest.Registry]{
		Key: manifest.RegistryKey, kind: manifest.KindRegistry,
		parse: manifest.ParseRegistry, encode: manifest.Registry.Encode,
	}
}

// Index returns a repo's checkpoint index. It is empty for a repo that was never
// published. With an empty repo name, an index of any name is accepted.
func Index(repo manifest.Repo) Register[manifest.Index] {
	return Register[manifest.Index]{
		Key: manifest.IndexKey(repo.Base), kind: manifest.KindIndex, absent: manifest.NewIndex(repo.Name),
		encode: func(index manifest.Index) ([]byte, error) {
			if index.UsedUp(false) {
				return nil, &DamagedError{manifest.IndexKey(repo.Base), manifest.ErrUsedUp}
			}
			return index.Encode()
		},
		parse: func(data []byte) (manifest.Index, error) {
			index, err := manifest.ParseIndex(data)
			if err == nil && repo.Name != "" && index.Repo != repo.Name {
				err = fmt.Errorf("the index belongs to repo %s, not %s", index.Repo, repo.Name)
			}
			if err == nil && index.UsedUp(false) {
				err = manifest.ErrUsedUp
			}
			return index, err
		},
	}
}

// Staged returns the revision that the last sync staged.
func Staged(base string) Register[manifest.Staged] {
	return Register[manifest.Staged]{
		Key: manifest.StagedKey(base), kind: manifest.KindStaged,
		parse: manifest.ParseStaged, encode: manifest.Staged.Encode,
	}
}

// Group returns a repo's copy of its latest group.
func Group(base string) Register[manifest.Group] {
	return Register[manifest.Group]{
		Key: manifest.GroupKey(base), kind: manifest.KindGroup,
		parse: manifest.ParseGroup, encode: manifest.Group.Encode,
	}
}

// Journal returns a journal of syncs: of those that fetch everything, or of one
// shard.
func Journal(base, part string) Register[manifest.Attempt] {
	return Register[manifest.Attempt]{
		Key: manifest.JournalKey(base, part), kind: manifest.KindJournal,
		parse: manifest.ParseAttempt, encode: manifest.Attempt.Encode,
	}
}

// Validators returns what upstream said of a repo's root documents.
func Validators(base string) Register[manifest.Validators] {
	return Register[manifest.Validators]{
		Key: manifest.ValidatorsKey(base), kind: manifest.KindValidators,
		parse: manifest.ParseValidators, encode: manifest.Validators.Encode,
	}
}

// Note returns the janitor's note of a repo.
func Note(repo manifest.Repo) Register[manifest.Note] {
	return Register[manifest.Note]{
		Key: manifest.NoteKey(repo.Base), kind: manifest.KindNote, absent: manifest.Note{Repo: repo.Name},
		encode: manifest.Note.Encode,
		parse: func(data []byte) (manifest.Note, error) {
			note, err := manifest.ParseNote(data)
			if err == nil && note.Repo != repo.Name {
				err = fmt.Errorf("the note belongs to repo %s, not %s", note.Repo, repo.Name)
			}
			return note, err
		},
	}
}

// Page returns a page that changes: a list of checkpoints, or the store's front page.
func Page(key string) Register[[]byte] {
	asIs := func(data []byte) ([]byte, error) { return data, nil }
	return Register[[]byte]{Key: key, kind: manifest.KindList, parse: asIs, encode: asIs}
}

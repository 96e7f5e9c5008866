package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

const registryFormat = "asof.registry/1"

// MaxRegistry bounds the size of a registry in bytes.
const MaxRegistry = 16 << 20

// Registry lists the repos of a store.
type Registry struct {
	Generation int64 // counts the changes; 0: never written
	// Unsafe records that the store is in use without compare-and-swap, because
	// its operator explicitly said so.
	Unsafe bool
	Repos  []Repo // in ascending order of their base paths
}

// Repo is a named series of checkpoints at a base path.
type Repo struct {
	Name string `json:"name"`
	Base string `json:"base"`
}

// ErrTaken: a name or base path belongs to another repo.
var ErrTaken = errors.New("already taken")

// Add returns a copy with one more repo. Adding a repo that is already there
// changes nothing.
func (r Registry) Add(repo Repo) (Registry, error) {
	if slices.Contains(r.Repos, repo) {
		return r, nil
	}
	next := r
	next.Generation++
	next.Repos = append(slices.Clone(r.Repos), repo)
	slices.SortStableFunc(next.Repos, func(a, b Repo) int { return strings.Compare(a.Base, b.Base) })
	if err := next.check(); err != nil {
		return r, err
	}
	return next, nil
}

// Find returns the repo with a name.
func (r Registry) Find(name string) (Repo, bool) {
	i := slices.IndexFunc(r.Repos, func(repo Repo) bool { return repo.Name == name })
	if i < 0 {
		return Repo{}, false
	}
	return r.Repos[i], true
}

// Below returns the repos below a folder; all of them below "".
func (r Registry) Below(folder string) []Repo {
	if folder == "" {
		return r.Repos
	}
	return slices.DeleteFunc(slices.Clone(r.Repos), func(repo Repo) bool { return !strings.HasPrefix(repo.Base, folder+"/") })
}

type registryHead struct {
	Format     string `json:"format"`
	Generation int64  `json:"generation"`
	Unsafe     bool   `json:"unsafe,omitempty"`
}

// Encode returns the registry's canonical form: JSON with one line a repo.
func (r Registry) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b, err := appendHead(nil, registryHead{registryFormat, r.Generation, r.Unsafe})
	if err != nil {
		return nil, err
	}
	b = appendList(b, "repos", r.Repos, "}\n", appendRepo)
	if len(b) > MaxRegistry {
		return nil, fmt.Errorf("registry: larger than %d bytes", MaxRegistry)
	}
	return b, nil
}

// ParseRegistry reads the canonical form only.
func ParseRegistry(data []byte) (Registry, error) {
	r, err := parseRegistry(data)
	if err != nil {
		return Registry{}, fmt.Errorf("registry: %w", err)
	}
	return r, nil
}

func parseRegistry(data []byte) (r Registry, err error) {
	d, err := openDocument(data, MaxRegistry, registryFormat)
	if err != nil {
		return r, err
	}
	var head registryHead
	if err := d.head(&head); err != nil {
		return r, err
	}
	r.Generation, r.Unsafe = head.Generation, head.Unsafe
	if r.Repos, err = readList(d, "repos", "}", readRepo); err != nil {
		return r, err
	}
	if err := d.end(); err != nil {
		return r, err
	}
	return r, r.check()
}

func (r Registry) check() error {
	if r.Generation < 0 || r.Generation > maxNumber {
		return fmt.Errorf("generation %d is not within 0 and %d", r.Generation, int64(maxNumber))
	}
	names := make(map[string]bool, len(r.Repos))
	for i, repo := range r.Repos {
		if err := CheckBase(repo.Name); err != nil {
			return fmt.Errorf("repo name: %w", err)
		}
		if err := CheckBase(repo.Base); err != nil {
			return fmt.Errorf("repo %s: %w", repo.Name, err)
		}
		if names[repo.Name] {
			return fmt.Errorf("repo name %s: %w", repo.Name, ErrTaken)
		}
		names[repo.Name] = true
		if i > 0 && repo.Base < r.Repos[i-1].Base {
			return fmt.Errorf("repo %s is out of order", repo.Name)
		}
	}
	return CheckDisjoint(r.Repos)
}

// CheckDisjoint reports the first two repos whose base paths overlap.
func CheckDisjoint(repos []Repo) error {
	byBase := make(map[string]string, len(repos))
	for _, repo := range repos {
		if other, ok := byBase[repo.Base]; ok {
			return fmt.Errorf("base path %s of repo %s is repo %s's: %w", repo.Base, repo.Name, other, ErrTaken)
		}
		byBase[repo.Base] = repo.Name
	}
	for _, repo := range repos {
		for _, folder := range Folders(repo.Base) {
			if other, ok := byBase[folder]; ok {
				return fmt.Errorf("base path %s of repo %s stands inside %s of repo %s: %w", repo.Base, repo.Name, folder, other, ErrTaken)
			}
		}
	}
	return nil
}

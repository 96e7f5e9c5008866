package dir

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

// area is a folder that may be read. Whatever is opened goes through root, which no
// link leads out of, whoever changes links meanwhile.
type area struct {
	root *os.Root
	real string // its path, absolute and without links
}

func openArea(name string) (area, error) {
	full, err := filepath.Abs(name)
	if err != nil {
		return area{}, err
	}
	root, err := os.OpenRoot(full)
	if err != nil {
		return area{}, err
	}
	real, err := filepath.EvalSymlinks(full)
	return area{root, real}, err
}

// place is where something stands: a path below an area, "." for the area itself.
type place struct {
	root *os.Root
	path string
}

func (p place) join(name string) place { return place{p.root, path.Join(p.path, name)} }

// ground is the folder, the areas that links may lead into, and where they led.
type ground struct {
	areas []area // the folder first

	mu     sync.RWMutex
	linked map[string]place // by path in the tree: links that os.Root does not follow
}

func newGround(folder string, follow []string) (*ground, error) {
	g := &ground{linked: map[string]place{}}
	for i, name := range append([]string{folder}, follow...) {
		a, err := openArea(name)
		if err != nil {
			g.close()
			if i > 0 {
				err = fmt.Errorf("follow: %w", err)
			}
			return nil, err
		}
		g.areas = append(g.areas, a)
	}
	return g, nil
}

func (g *ground) top() place { return place{g.areas[0].root, "."} }

// place is where a path of the tree stands.
func (g *ground) place(name string) place {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for above := name; len(g.linked) > 0 && above != "."; above = path.Dir(above) {
		if at, ok := g.linked[above]; ok {
			return at.join(strings.TrimPrefix(name[len(above):], "/"))
		}
	}
	return place{g.areas[0].root, name}
}

// outsideError is a link to where nobody said that it may lead.
type outsideError struct{ target string }

func (e *outsideError) Error() string { return "it leads out of the folder, to " + e.target }

// folder is the one to allow for this link: the target, or the folder that the target
// stands in. It is empty for the root of the file system, which nobody should allow.
func (e *outsideError) folder() string {
	folder := e.target
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		folder = filepath.Dir(folder)
	}
	if folder == filepath.Dir(folder) {
		return ""
	}
	return folder
}

// follow finds where the link at a path of the tree leads, by the names on disk, and
// notes it. Only the place counts from there on.
func (g *ground) follow(name string, at place) (place, error) {
	var from string
	for _, a := range g.areas {
		if a.root == at.root {
			from = a.real
		}
	}
	target, err := filepath.EvalSymlinks(filepath.Join(from, at.path))
	if err != nil {
		return place{}, err
	}
	for _, a := range g.areas {
		if rest, err := filepath.Rel(a.real, target); err == nil && filepath.IsLocal(rest) {
			to := place{a.root, filepath.ToSlash(rest)}
			g.mu.Lock()
			g.linked[name] = to
			g.mu.Unlock()
			return to, nil
		}
	}
	return place{}, &outsideError{target}
}

func (g *ground) close() error {
	var first error
	for _, a := range g.areas {
		if err := a.root.Close(); first == nil {
			first = err
		}
	}
	return first
}

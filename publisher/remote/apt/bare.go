package apt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// bareRelease replaces a missing Release file. It lists the indexes that apt would ask
// for, without sizes or digests. apt accepts such an archive if its source says
// trusted=yes; we require verify: off.
func (c *capture) bareRelease(name suiteName) (*release, error) {
	missing := fmt.Errorf("%s%s: has neither InRelease nor Release: %w", c.where(), name.dir, fs.ErrNotExist)
	if c.options.Verify != "off" {
		return nil, &bareError{missing, `verify: "off" takes an archive without Release, as trusted=yes does for apt: nothing in it can be verified`}
	}
	if !name.flat && (len(c.options.Components) == 0 || len(c.options.Architectures) == 0) {
		return nil, &bareError{missing, "name the components and architectures: nothing else says which there are"}
	}
	rel := &release{files: map[string][]listing{}, architectures: append(slices.Clone(c.options.Architectures), "all")}
	for _, stem := range c.options.bareIndexes(name.flat) {
		rel.files[stem] = []listing{{mirror.Listed{Size: -1}, c.where() + name.dir + stem}}
	}
	return rel, nil
}

// checkStillBare refuses a suite that had a Release in the newest checkpoint. The file
// got lost, or upstream is about to replace it.
func (c *capture) checkStillBare(ctx context.Context, name suiteName) error {
	for _, root := range name.rootNames() {
		_, had, err := c.session.Find(ctx, root.Path)
		if err != nil {
			return err
		}
		if had && !c.options.AllowRollback {
			return &bareError{
				fmt.Errorf("%s: is gone, and the newest checkpoint has it: %w", c.urlOf(root.Path), remote.ErrUnverified),
				"a mirror may be in the middle of a change; allow_rollback: true accepts it",
			}
		}
	}
	return nil
}

// bareIndexes lists the indexes that apt asks for, without file name extensions.
func (o *Options) bareIndexes(flat bool) (stems []string) {
	if flat {
		stems = append(stems, "Packages")
		if o.Sources {
			stems = append(stems, "Sources")
		}
		return stems
	}
	for _, component := range o.Components {
		for _, arch := range append(slices.Clone(o.Architectures), "all") {
			stems = append(stems, component+"/binary-"+arch+"/Packages")
		}
		if o.Sources {
			stems = append(stems, component+"/source/Sources")
		}
	}
	slices.Sort(stems)
	return slices.Compact(stems)
}

// bareError means that the options do not accept an archive without Release.
type bareError struct {
	error
	hint string
}

func (e *bareError) Unwrap() error { return e.error }

// Hint says what the user can do.
func (e *bareError) Hint() string { return e.hint }

// obtainBare downloads an index of an archive without Release: the first variant that
// exists, as apt does. It returns nil if there is none.
func (c *capture) obtainBare(ctx context.Context, s *suite, name indexName) (*obtained, error) {
	for _, ext := range preference() {
		variantName := parseIndexName(name.stem + ext)
		l := s.files[name.stem][0]
		f, err := c.session.Download(ctx, s.dir+variantName.name, l.Listed)
		if mirror.Absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if f.Size == 0 && ext != "" {
			// Only Release could say that the index is empty. apt says "Empty files can't be
			// valid archives".
			return nil, &remote.InputError{Where: c.urlOf(s.dir + variantName.name), Err: errors.New("has no bytes, so it is no compressed file")}
		}
		return &obtained{suite: s, indexName: variantName, variants: []variant{s.variant(variantName, l, f)}}, nil
	}
	return nil, nil
}

// checkBare refuses suites that have neither Release nor any index.
func (c *capture) checkBare() error {
	for _, s := range c.suites {
		if s.bare && !slices.ContainsFunc(c.indexes, func(ix *obtained) bool { return ix.suite == s }) {
			return fmt.Errorf("%s%s: has neither Release nor an index: %w", c.where(), s.dir, fs.ErrNotExist)
		}
	}
	return nil
}

// anyBare reports whether a suite has no Release, so that only its indexes tell what it
// has.
func (c *capture) anyBare() bool {
	return slices.ContainsFunc(c.suites, func(s *suite) bool { return s.bare })
}

// rememberBare remembers suites without Release by their indexes, because they have no
// root documents to compare.
func (c *capture) rememberBare() {
	for _, s := range c.suites {
		if !s.bare {
			continue
		}
		sum := sha256.New()
		for _, ix := range c.indexes {
			if ix.suite == s {
				sum.Write(ix.variants[0].SHA256[:])
			}
		}
		s.seen = c.memory.Saw(s.dir, manifest.Digest(sum.Sum(nil)))
	}
}

// phase returns an index's phase. Without Release, clients start at the indexes.
func (o *obtained) phase() remote.Phase {
	if o.suite.bare {
		return remote.Root
	}
	return remote.Index
}

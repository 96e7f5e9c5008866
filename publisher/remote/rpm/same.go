package rpm

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
)

// rules changes whenever asof captures other files of the same repository by the same options.
const rules = "rpm/3\n"

// fingerprint is a digest of what decides, besides the root documents, which files a capture
// has.
func (o Options) fingerprint() manifest.Digest {
	o.Options = fetch.Options{}
	text, _ := json.Marshal(o) // nothing in it fails
	return manifest.Sum(append([]byte(rules), text...))
}

// same returns the newest checkpoint as the capture, if the root documents and the options are
// those that it was made with, and upstream was whole then. Nothing has to be parsed.
func (c *capture) same(ctx context.Context) (*mirror.Tree, error) {
	prev, ok := c.prev.(remote.Listed)
	if !ok || !prev.Whole() {
		return nil, nil
	}
	roots := map[string]bool{}
	for _, r := range c.repos {
		have, ok, err := c.session.Find(ctx, r.dir+repomdName)
		if err != nil {
			return nil, err
		}
		if !ok || !r.Unchanged() || !prev.MadeWith(ctx, have, c.options.fingerprint()) {
			return nil, nil
		}
		for _, doc := range r.Documents {
			if !doc.Unchanged {
				return nil, nil // a signature that came later
			}
			roots[doc.Path] = true
		}
		if _, had, err := c.session.Find(ctx, r.dir+signatureName); err != nil || had && !roots[r.dir+signatureName] {
			return nil, err
		}
	}
	for _, b := range c.options.besides() {
		if b.set != nil {
			return nil, nil // it is looked for again
		}
	}
	tree := c.session.Tree()
	for _, r := range c.repos {
		c.addRoots(tree, r)
	}
	for f, err := range prev.Files(ctx) {
		if err != nil {
			return nil, err
		}
		if roots[f.Path] {
			continue
		}
		if f.Phase = remote.Payload; strings.Contains("/"+f.Path, "/"+repodata) {
			f.Phase = remote.Index
		}
		tree.AddFile(f, nil)
	}
	return tree, tree.Sort(c.where())
}

// addRoots adds the root documents of a repository.
func (c *capture) addRoots(tree *mirror.Tree, r *repository) {
	tree.AddRoots(r.Roots)
	tree.MadeWith(r.dir+repomdName, c.options.fingerprint())
}

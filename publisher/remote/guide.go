package remote

import (
	"context"

	"github.com/asof/asof/manifest"
)

// Guided is implemented by remotes whose clients have to be set up to use a
// tree: APT's need a source and a keyring.
type Guided interface {
	Remote
	// Guide says how clients use a tree that was captured from the remote; by
	// tree it reads what stands there. It asks upstream nothing. It is the same
	// for equal documents, so that checkpoints can share it.
	Guide(ctx context.Context, tree Tree) (Guide, error)
}

// Guide is what is shown to people along with a tree, and kept with it.
type Guide struct {
	Usage manifest.Usage
	// Files are kept in the tree, below manifest.GeneratedDir, as that name: what
	// the texts refer to, like a keyring. Text {tree}.asof/NAME leads there.
	Files map[string][]byte
}

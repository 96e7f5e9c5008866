package apt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// readIndex parses one index, from the variant that apt prefers. If apt can't read that
// one, it is left out and the next one counts. It fails if none can be read.
func (c *capture) readIndex(ctx context.Context, ix *obtained, out *parsed) error {
	var parse func(*obtained, io.Reader, *parsed) error
	switch {
	case ix.kind == packages:
		parse = c.parsePackages
	case ix.kind == sources:
		parse = c.parseSources
	case ix.kind == installer && path.Base(ix.stem) == "SHA256SUMS":
		parse = c.parseSHA256SUMS
	case ix.kind == pdiff:
		parse = c.parsePDiffs
	default:
		return nil
	}
	var first error
	for len(ix.variants) > 0 {
		if err := c.keep(ctx, ix); err != nil {
			return err
		}
		var content parsed
		err := c.readVariant(ctx, ix, parse, &content)
		if err == nil {
			*out = content
			return nil
		}
		if _, wrong := errors.AsType[*remote.InputError](err); !wrong {
			return err
		}
		first = cmp.Or(first, err)
		c.warnings.Add(c.urlOf(ix.variants[0].paths[0]), "left out, as apt can't read it: "+err.Error())
		ix.variants = ix.variants[1:]
	}
	return first
}

// readVariant parses an index from its first variant. The error is a remote.InputError if
// that has another content than it should.
func (c *capture) readVariant(ctx context.Context, ix *obtained, parse func(*obtained, io.Reader, *parsed) error, out *parsed) error {
	best := ix.variants[0]
	f, err := best.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	plain, exact := ix.plain()
	r, err := unpack.Reader(mirror.Cancellable(ctx, f), best.ext, plain.Size, exact)
	if err != nil {
		return &remote.InputError{Where: best.paths[0], Err: err}
	}
	defer r.Close()
	content := mirror.NewVerifier(plain)
	err = parse(ix, io.TeeReader(r, content), out)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return syntax(best.paths[0], err)
	}
	if exact {
		if _, err := content.Done(); err != nil {
			return &remote.InputError{Where: best.paths[0], Err: fmt.Errorf("%w: it unpacks to something else than Release lists: %v", remote.ErrUnverified, err)}
		}
	}
	if r.Trailing() {
		c.warnings.Add(best.paths[0], "what stands behind the end of the compressed data is not read")
	}
	return nil
}

// plain returns what Release says about the uncompressed index. If Release says nothing,
// or contradicts itself, it returns false and only a size limit.
func (o *obtained) plain() (mirror.Listed, bool) {
	if listings := o.suite.files[o.stem]; len(listings) == 1 && !o.suite.bare {
		return listings[0].Listed, true
	}
	return mirror.Listed{Size: MaxUnpacked}, false
}

// keep makes sure that the preferred variant of an index is in a temporary file.
func (c *capture) keep(ctx context.Context, ix *obtained) error {
	best := &ix.variants[0]
	if best.Kept() {
		return nil
	}
	want := best.listing.Listed
	f, ok, err := c.session.Reuse(ctx, best.paths[0], want, true)
	if err != nil {
		return err
	}
	if !ok { // the store should have it; if not, upstream does
		if f, err = c.session.Download(ctx, best.paths[0], want); err != nil {
			return mirror.Gone(err)
		}
	}
	best.Spooled = f
	return nil
}

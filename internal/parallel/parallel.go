// Package parallel does the same for many things, a limited number at once.
package parallel

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Each runs do for every element, so many at once, and returns the first error.
func Each[T any](ctx context.Context, atOnce int, list []T, do func(context.Context, T) error) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, element := range list {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error { return do(gctx, element) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // nil, unless it ended before all had begun
}

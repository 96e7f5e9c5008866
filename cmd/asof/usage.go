package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// usageOf is how clients use the checkpoint, as stored in its pages. It is empty if its
// remote has no usage.
func (t tree) usageOf(ctx context.Context) (manifest.Usage, error) {
	data, ok, err := t.generated(ctx, manifest.UsagePath, manifest.MaxUsage)
	if err != nil || !ok {
		return manifest.Usage{}, err
	}
	return manifest.ParseUsage(data)
}

// generated reads one of asof's own files of the checkpoint. The result is false if it has
// no such file.
func (t tree) generated(ctx context.Context, path string, most int64) ([]byte, bool, error) {
	e, ok, err := catalog.NewFinder(catalog.From(t.store), t.Pages).Find(ctx, path)
	if err != nil || !ok {
		return nil, false, err
	}
	body, err := t.open(ctx, e)
	if err != nil {
		return nil, false, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	return data, true, err
}

// printUsage writes the texts, ready to paste.
func printUsage(w io.Writer, u manifest.Usage) {
	for _, s := range u.Snippets {
		fmt.Fprintf(w, "# %s\n", s.Title)
		for line := range strings.Lines(s.Note) {
			fmt.Fprintf(w, "# %s\n", strings.TrimSuffix(line, "\n"))
		}
		if s.File != "" {
			fmt.Fprintf(w, "# %s\n", s.File)
		}
		fmt.Fprintf(w, "%s\n\n", strings.TrimRight(s.Text, "\n"))
	}
}

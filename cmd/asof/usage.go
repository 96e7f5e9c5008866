package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// parsePublicURL checks public_url, which may be empty, and makes it end in no slash.
func parsePublicURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = errors.New("it is no http or https URL")
	}
	if err == nil && (u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "") {
		err = errors.New("it holds more than a host and a path")
	}
	if err != nil {
		return "", usage(fmt.Errorf("public_url: %w", err), "where clients find the repos, for instance https://snapshots.example.org")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// usageOf is how clients use the checkpoint, as its pages keep it; nothing where
// its remote has nothing to say.
func (t tree) usageOf(ctx context.Context) (manifest.Usage, error) {
	e, ok, err := catalog.NewFinder(t.store, t.Pages).Find(ctx, manifest.UsagePath)
	if err != nil || !ok {
		return manifest.Usage{}, err
	}
	body, err := t.open(ctx, e)
	if err != nil {
		return manifest.Usage{}, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, manifest.MaxUsage+1))
	if err != nil {
		return manifest.Usage{}, err
	}
	return manifest.ParseUsage(data)
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

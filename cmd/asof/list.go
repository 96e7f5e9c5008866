package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

func newListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list [REPO]",
		Short: "List the store's repos, or a repo's checkpoints",
		Long:  `List the repos of the store, or the checkpoints of one, oldest first.`,
		Example: `  asof list
  asof list myfile
  asof list myfile -o json | jq -r '.checkpoints[].id'`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeStored(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.openStore(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.listRepos(cmd.Context(), store)
			}
			return a.listCheckpoints(cmd.Context(), store, args[0])
		},
	}
}

// listed is a repo as it is printed.
type listed struct {
	Repo        string       `json:"repo"`
	Base        string       `json:"base"`
	Checkpoints int          `json:"checkpoints"`
	Newest      *manifest.ID `json:"newest"`
	Partial     bool         `json:"partial,omitempty"` // the newest lacks files that upstream lists
	Horizon     *manifest.ID `json:"horizon"`
	// Retired says what became of a repo that is no longer in use.
	Retired *manifest.Retired `json:"retired,omitempty"`
}

func (a *app) listRepos(ctx context.Context, store objstore.Reader) error {
	reg, err := catalog.Registry().Load(ctx, store)
	if err == nil && !reg.Exists() {
		err = catalog.CheckRegistered(ctx, store, reg.Doc)
	}
	if err != nil {
		return err
	}
	repos := []listed{}
	for _, repo := range reg.Doc.Repos {
		read, err := catalog.LoadIndex(ctx, store, repo)
		if err != nil {
			return err
		}
		index := read.Doc
		l := listed{Repo: repo.Name, Base: repo.Base, Retired: index.Retired}
		l.Checkpoints, _ = index.Count()
		if newest, ok := index.Newest(); ok {
			l.Newest, l.Horizon, l.Partial = &newest.ID, &index.Horizon, newest.Partial
		}
		repos = append(repos, l)
	}
	return a.print(repos, func(t *table) {
		t.row("REPO", "PATH", "CHECKPOINTS", "NEWEST", "HORIZON")
		for _, l := range repos {
			newest := orDash(l.Newest)
			if l.Partial {
				newest += " (partial)"
			}
			if l.Retired != nil {
				newest = l.Retired.What()
			}
			t.row(l.Repo, "/"+l.Base+"/", l.Checkpoints, newest, orDash(l.Horizon))
		}
	})
}

func orDash(id *manifest.ID) string {
	if id == nil {
		return "-"
	}
	return id.String()
}

func (a *app) listCheckpoints(ctx context.Context, store objstore.Reader, name string) error {
	_, index, err := findRepo(ctx, store, name)
	if err != nil {
		return err
	}
	history := catalog.NewHistory(store, index)
	if a.output == "json" {
		return a.listJSON(ctx, history)
	}
	return a.listTable(ctx, history)
}

// listTable prints the checkpoints part by part: a repo may have a million.
func (a *app) listTable(ctx context.Context, history *manifest.History) error {
	t := newTable(a.stdout)
	t.row("CHECKPOINT", "FILES", "ADDED", "REMOVED", "CHANGED", "SIZE", "LAYOUT", "MANIFEST")
	for part, err := range history.All(ctx) {
		if err != nil {
			return err
		}
		for _, c := range part.Checkpoints {
			t.row(c.ID, filesOf(c), c.Added, c.Removed, c.Changed, size(c.Bytes), c.Layout, c.Manifest.String()[:12])
		}
		if err := t.w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// listJSON prints one object, line by line.
func (a *app) listJSON(ctx context.Context, history *manifest.History) error {
	head, err := json.Marshal(struct {
		Repo     string                 `json:"repo"`
		Horizon  manifest.ID            `json:"horizon,omitempty"`
		Channels map[string]manifest.ID `json:"channels,omitempty"`
	}{history.Index.Repo, history.Index.Horizon, history.Index.Channels})
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "%s,\n\"checkpoints\":[", head[:len(head)-1])
	if err := listLines(ctx, w, history, func(s manifest.Segment) []manifest.Checkpoint { return s.Checkpoints }); err != nil {
		return err
	}
	fmt.Fprint(w, "],\n\"pruned\":[")
	if err := listLines(ctx, w, history, func(s manifest.Segment) []manifest.Tombstone { return s.Pruned }); err != nil {
		return err
	}
	fmt.Fprint(w, "]}\n")
	return w.Flush()
}

// listLines prints a list of each part as one JSON list, one line an element.
func listLines[T any](ctx context.Context, w *bufio.Writer, history *manifest.History, of func(manifest.Segment) []T) error {
	separator := "\n"
	for part, err := range history.All(ctx) {
		if err != nil {
			return err
		}
		for _, element := range of(part) {
			line, err := json.Marshal(element)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s%s", separator, line)
			separator = ",\n"
		}
	}
	return nil
}

// findRepo finds a repo of the store by its name and reads its index.
func findRepo(ctx context.Context, store objstore.Reader, name string) (manifest.Repo, manifest.Index, error) {
	reg, err := catalog.Registry().Load(ctx, store)
	if err != nil {
		return manifest.Repo{}, manifest.Index{}, err
	}
	repo, ok := reg.Doc.Find(name)
	if !ok {
		var names []string
		for _, r := range reg.Doc.Repos {
			names = append(names, r.Name)
		}
		if err := catalog.CheckRegistered(ctx, store, reg.Doc); err != nil {
			return repo, manifest.Index{}, err
		}
		return repo, manifest.Index{}, notFound(fmt.Errorf("repo %q is not in the store", name), hintNearest(name, names, "asof publish creates it"))
	}
	index, err := catalog.LoadIndex(ctx, store, repo)
	return repo, index.Doc, err
}

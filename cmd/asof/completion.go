package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
)

// completionTime bounds how long the tab key may wait for the store.
const completionTime = 3 * time.Second

// completeConfigured completes the names of configured repos, for publish and sync.
func (a *app) completeConfigured(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	cfg, err := a.config()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, r := range cfg.Repos {
		if !slices.Contains(args, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeStored completes the arguments REPO TIME…: first a repo of the store, then up
// to the given number of its times.
func (a *app) completeStored(times int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		switch {
		case len(args) == 0:
			return a.storedRepos(ctx), cobra.ShellCompDirectiveNoFileComp
		case len(args) <= times:
			// Newest first, as they come.
			return a.storedTimes(ctx, args[0]), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

func (a *app) storedRepos(ctx context.Context) []cobra.Completion {
	store, err := a.openStore(ctx)
	if err != nil {
		return nil
	}
	reg, err := catalog.Registry().Load(ctx, store)
	if err != nil {
		return nil
	}
	var names []cobra.Completion
	for _, r := range reg.Doc.Repos {
		names = append(names, cobra.CompletionWithDesc(r.Name, "/"+r.Base+"/"))
	}
	return names
}

// storedTimes are latest, the channels, and the newest checkpoints of a repo: those in
// the index itself.
func (a *app) storedTimes(ctx context.Context, repo string) []cobra.Completion {
	store, err := a.openStore(ctx)
	if err != nil {
		return nil
	}
	_, index, err := findRepo(ctx, store, repo)
	if err != nil {
		return nil
	}
	times := []cobra.Completion{cobra.CompletionWithDesc("latest", "the newest checkpoint")}
	for _, name := range slices.Sorted(maps.Keys(index.Channels)) {
		id := index.Channels[name]
		times = append(times, cobra.CompletionWithDesc(name, "channel, "+id.String()))
	}
	for i := len(index.Checkpoints) - 1; i >= 0; i-- {
		c := index.Checkpoints[i]
		times = append(times, cobra.CompletionWithDesc(c.ID.String(), size(c.Bytes)))
	}
	return times
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

const whenHelp = `TIME is a checkpoint's id or any YYYYMMDDTHHMMSSZ, a date (YYYYMMDD or YYYY-MM-DD,
its first second in UTC), an RFC 3339 time, latest, or the name of a channel.`

func newResolveCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "resolve REPO TIME",
		Short: "Print the id of the checkpoint that a time stands for",
		Long: `Print the newest checkpoint at or before a time.

` + whenHelp + `

An answer for a time up to the horizon is final: it never changes.`,
		Example: `  asof resolve myfile 2025-03-18
  asof resolve myfile latest
  asof resolve myfile 2025-03-18T14:03:40Z -o json`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStored(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.openStore(cmd.Context())
			if err != nil {
				return err
			}
			repo, answer, err := resolve(cmd.Context(), store, args[0], args[1])
			if err != nil {
				return err
			}
			result := struct {
				Repo  string      `json:"repo"`
				Time  string      `json:"time"`
				ID    manifest.ID `json:"id"`
				Final bool        `json:"final"`
				Path  string      `json:"path"`
			}{repo.Name, args[1], answer.ID, answer.Final, "/" + manifest.TreePrefix(repo.Base, answer.ID)}
			return a.print(result, func(t *table) { t.row(answer.ID) })
		},
	}
}

// resolve finds the checkpoint of a repo that a time stands for.
func resolve(ctx context.Context, store objstore.Store, name, when string) (manifest.Repo, manifest.Answer, error) {
	w, err := manifest.ParseWhen(when)
	if err != nil {
		return manifest.Repo{}, manifest.Answer{}, usage(err, "")
	}
	repo, index, err := findRepo(ctx, store, name)
	if err != nil {
		return repo, manifest.Answer{}, err
	}
	history := catalog.NewHistory(store, index)
	var answer manifest.Answer
	switch w.Kind {
	case manifest.WhenLatest:
		answer = manifest.NewTimeline(index).Latest()
	case manifest.WhenChannel:
		id, ok := index.Channels[w.Channel]
		if !ok {
			return repo, answer, notFound(fmt.Errorf("%s has no channel %q", name, w.Channel), "a time or latest will do")
		}
		answer, err = history.Resolve(ctx, id)
		answer.Final = false // a channel moves
	default:
		if now := manifest.IDOf(time.Now()); w.Instant > now {
			return repo, answer, notFound(fmt.Errorf("%s lies in the future", w.Instant), "it is "+now.String())
		}
		answer, err = history.Resolve(ctx, w.Instant)
	}
	if err != nil {
		return repo, answer, err
	}
	switch answer.Outcome {
	case manifest.Empty:
		err = notFound(fmt.Errorf("%s has no checkpoints", name), "asof publish adds one")
	case manifest.Before:
		err = notFound(fmt.Errorf("%s lies before the first checkpoint of %s", when, name), "the first is "+answer.ID.String())
	case manifest.Gone:
		err = notFound(fmt.Errorf("checkpoint %s of %s was pruned", answer.ID, name), "asof list shows what there is")
	}
	return repo, answer, err
}

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

An answer for a time up to the horizon is final: it never changes. A time after it,
up to a minute from now, stands for the newest checkpoint so far. A later time lies in
the future and has no answer. asof serve answers in the same way.`,
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

// resolve finds the checkpoint of a repo that a time stands for. Without an error the
// answer is manifest.Found.
func resolve(ctx context.Context, store objstore.Reader, name, text string) (manifest.Repo, manifest.Answer, error) {
	when, err := manifest.ParseWhen(text)
	if err != nil {
		return manifest.Repo{}, manifest.Answer{}, usage(err, "")
	}
	repo, index, err := findRepo(ctx, store, name)
	if err != nil {
		return repo, manifest.Answer{}, err
	}
	now := manifest.IDOf(time.Now())
	history := catalog.NewHistory(store, index)
	if when.Kind == manifest.WhenName { // maybe a ring
		rings, err := catalog.Rollout().Load(ctx, store)
		if err != nil {
			return repo, manifest.Answer{}, err
		}
		history = history.WithRings(&rings.Doc)
	}
	answer, err := history.Resolve(ctx, when, now)
	if err != nil {
		return repo, answer, err
	}
	switch answer.Outcome {
	case manifest.Found:
		return repo, answer, nil
	case manifest.Gone:
		reason := ""
		if answer.Reason != "" {
			reason = ": " + answer.Reason
		}
		err = notFound(fmt.Errorf("checkpoint %s of %s was pruned%s", answer.ID, name, reason), "asof list shows what there is")
	case manifest.Elsewhere:
		err = notFound(index.InUse(), "asof list shows what there is")
	case manifest.Before:
		what := text
		if answer.Ring.Valid() {
			what = fmt.Sprintf("%s, for which the ring %s stands,", answer.Ring, text)
		}
		err = notFound(fmt.Errorf("%s lies before the first checkpoint of %s", what, name), "the first is "+answer.ID.String())
	case manifest.Future:
		err = notFound(fmt.Errorf("%s lies in the future", when.Instant), "the time now is "+now.String())
	case manifest.NoName:
		err = notFound(fmt.Errorf("%s has no channel %q, and there is no such ring", name, when.Name), "give a time, or latest")
	case manifest.Unset:
		err = notFound(fmt.Errorf("the ring %s stands for nothing in %s yet", when.Name, name), "asof ring says what it waits for")
	default:
		err = notFound(fmt.Errorf("%s has no checkpoints", name), "asof publish adds one")
	}
	return repo, answer, err
}

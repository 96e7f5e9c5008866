package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
)

func newRestoreCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restore REPO TIME DIR",
		Short: "Write a checkpoint's files into a folder",
		Long: `Write the files of a time's checkpoint into a folder. Each file is verified and gets
upstream's modification time. Listing pages are not written.

You can interrupt it at any moment. Run it again to finish the work: it keeps files
with the right content and replaces those with wrong content. Other files in the
folder are left alone. Symbolic links in it are not followed.

` + whenHelp,
		Example: `  asof restore myfile latest ./myfile
  asof restore myfile 2025-03-18 /srv/mirror`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: a.completeStored(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.restore(cmd.Context(), args[0], args[1], args[2])
		},
	}
}

// restored is a result as it is printed.
type restored struct {
	Repo       string      `json:"repo"`
	Checkpoint manifest.ID `json:"checkpoint"`
	Dir        string      `json:"dir"`
	readback.Restored
}

func (a *app) restore(ctx context.Context, name, when, dir string) error {
	opts, _, err := a.reader(ctx)
	if err != nil {
		return err
	}
	repo, answer, err := resolve(ctx, opts.Store, name, when)
	if err != nil {
		return err
	}
	result, err := readback.Restore(ctx, opts, repo.Base, *answer.Checkpoint, dir)
	err = eachWith("restore "+name, err)
	if err != nil && !errors.Is(err, catalog.ErrCorrupt) {
		return err
	}
	r := restored{repo.Name, answer.ID, dir, result}
	return errors.Join(err, a.print(r, func(t *table) {
		t.row("REPO", "CHECKPOINT", "WRITTEN", "KEPT", "SIZE")
		t.row(r.Repo, r.Checkpoint, r.Written, r.Kept, size(r.Bytes))
	}))
}

// eachWith prefixes an error, or each error that it joins, with what was done.
func eachWith(what string, err error) error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	var errs []error
	for _, e := range many.Unwrap() {
		errs = append(errs, fmt.Errorf("%s: %w", what, e))
	}
	return errors.Join(errs...)
}

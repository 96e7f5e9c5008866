package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

func newRestoreCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restore REPO TIME DIR",
		Short: "Write a checkpoint's files into a folder",
		Long: `Write the files of the checkpoint that a time stands for into a folder, each one
verified, with upstream's modification times. Listing pages are not written.

It may be interrupted at any moment. Run it again to finish the work: files that
are there are kept if their content is right, and replaced if it is not. Other
files in the folder are left alone. Symbolic links in it are not followed.

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
	publisher.RestoreResult
}

func (a *app) restore(ctx context.Context, name, when, dir string) error {
	pub, _, err := a.reader(ctx)
	if err != nil {
		return err
	}
	repo, answer, err := resolve(ctx, pub.Store, name, when)
	if err != nil {
		return err
	}
	result, err := pub.Restore(ctx, repo, *answer.Checkpoint, dir)
	err = eachWith("restore "+name, err)
	if err != nil && !errors.Is(err, publisher.ErrCorrupt) {
		return err
	}
	r := restored{repo.Name, answer.ID, dir, result}
	return errors.Join(err, a.print(r, func(t *table) {
		t.row("REPO", "CHECKPOINT", "WRITTEN", "KEPT", "SIZE")
		t.row(r.Repo, r.Checkpoint, r.Written, r.Kept, size(r.Bytes))
	}))
}

// eachWith puts what was done before an error, or before each of those that it joins.
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

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/retain"
)

func newRepoCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repo COMMAND",
		Short: "Rename, move or delete a repo",
		Long: `Give a repo another name and path, with its history, or take it away. Its old addresses
keep answering: with a redirect to the new ones, or with 410 Gone and a word why. Nothing
else is ever published at the old path.`,
		Example: `  asof repo move myfile images/myfile
  asof repo delete myfile --reason 'see ticket 4711'`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRepoMoveCmd(a), newRepoDeleteCmd(a), newRepoReviveCmd(a))
	return cmd
}

func newRepoMoveCmd(a *app) *cobra.Command {
	var opts publisher.MoveOptions
	var path string
	var apply, gone bool
	cmd := &cobra.Command{
		Use:     "move REPO NEW-NAME",
		Aliases: []string{"rename"},
		Short:   "Give a repo another name and path, with its history",
		Long: `Show what a repo's move takes. With --apply, publish all of its checkpoints again under
the new name, at the same ids, with pruned ones and channels. Files are copied inside the
store; those of thin checkpoints stay where they are. Then the old addresses lead to the
new ones. Interrupted, it goes on when it is run again.

The checkpoints at the old path stay until asof repo delete takes them away. The redirect
stays for good. Change asof.yaml before the next publish.`,
		Example: `  asof repo move myfile images/myfile
  asof repo move myfile yourfile --path images/yourfile --apply`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStored(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			to := manifest.Repo{Name: args[1], Base: cmp.Or(path, args[1])}
			opts.Redirect = !gone
			return a.moveRepo(cmd.Context(), args[0], to, opts, apply)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "path", "", "the new base `PATH` in the store and in URLs (default the new name)")
	flags.BoolVar(&gone, "gone", false, "let the old addresses answer 410 Gone instead of redirecting them")
	flags.StringVar(&opts.Reason, "reason", "", "a line of text on why; it is public")
	flags.BoolVar(&apply, "apply", false, "apply; without it only show")
	return cmd
}

// movedRepo is a move as it is printed.
type movedRepo struct {
	Applied bool   `json:"applied"`
	Repo    string `json:"repo"`
	To      string `json:"to"`
	Path    string `json:"path"`
	publisher.Moved
}

func (a *app) moveRepo(ctx context.Context, name string, to manifest.Repo, opts publisher.MoveOptions, apply bool) error {
	tools, err := a.janitor(ctx)
	if err != nil {
		return err
	}
	from, _, err := findRepo(ctx, tools.Store, name)
	if err != nil {
		return err
	}
	if to == from {
		return usage(fmt.Errorf("move %s: that is where it stands", name), "give another name, or another --path")
	}
	reg, err := catalog.Registry().Load(ctx, tools.Store)
	if err == nil {
		_, err = reg.Doc.Add(to)
	}
	if err != nil {
		return fmt.Errorf("move %s: %w", name, err)
	}
	cfg, _, err := a.setup()
	if err != nil {
		return err
	}
	target := publisher.Repo{Repo: to}
	for _, r := range cfg.Repos {
		if r.Name == name || r.Name == to.Name {
			target.SlashPages = target.SlashPages || r.SlashPages
		}
	}
	pub := publisher.New(publisher.Options{Store: tools.Store, Env: tools.Env, Announcer: tools.Announcer, PublicURL: cfg.PublicURL})
	var moved publisher.Moved
	if apply {
		moved, err = pub.Move(ctx, from, target, opts)
	} else {
		moved, err = pub.PlanMove(ctx, from)
	}
	if err != nil {
		err = fmt.Errorf("move %s: %w", name, err)
	}
	if err != nil && !errors.Is(err, ledger.ErrNotAnnounced) {
		return err
	}
	err = errors.Join(err, a.print(movedRepo{apply, name, to.Name, to.Base, moved}, func(t *table) {
		t.row("REPO", "TO", "PATH", "CHECKPOINTS", "PRUNED", "FILES", "SIZE")
		t.row(name, to.Name, "/"+to.Base+"/", moved.Checkpoints, moved.Pruned, moved.Files, size(moved.Bytes))
	}))
	old := "lead there"
	if !opts.Redirect {
		old = "answer 410"
	}
	if apply {
		fmt.Fprintf(a.stderr, "moved %s to %s; addresses below /%s/ now %s. Change asof.yaml; asof repo delete %s frees the old place\n", name, to.Name, from.Base, old, name)
	} else {
		fmt.Fprintf(a.stderr, "would move %s to %s; addresses below /%s/ would %s; add --apply to do it\n", name, to.Name, from.Base, old)
	}
	a.sayPublic(opts.Reason, apply)
	return err
}

func newRepoDeleteCmd(a *app) *cobra.Command {
	var opts retain.DeleteOptions
	var to string
	cmd := &cobra.Command{
		Use:   "delete REPO",
		Short: "Take a repo away, for good",
		Long: `Show what would go with a repo. With --apply, remove all of its checkpoints from the
index, and never publish there again. Its addresses answer 410 Gone, or with --redirect
lead to those of another repo. If it was moved, they go on leading to the new place.
Nothing is deleted; asof gc does that, after its grace period. It needs the janitor's
rights.`,
		Example: `  asof repo delete myfile
  asof repo delete myfile --reason 'see ticket 4711' --apply`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeStored(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.deleteRepo(cmd.Context(), args[0], to, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&to, "redirect", "", "let its addresses lead to those of another `REPO`")
	flags.StringVar(&opts.Reason, "reason", "", "a line of text on why; it is public")
	flags.BoolVar(&opts.Apply, "apply", false, "apply; without it only show")
	return cmd
}

// deletedRepo is a deletion as it is printed.
type deletedRepo struct {
	Applied     bool   `json:"applied"`
	Repo        string `json:"repo"`
	Path        string `json:"path"`
	Redirect    string `json:"redirect,omitempty"` // a base path
	Checkpoints int    `json:"checkpoints"`
	Files       int64  `json:"files"`
	Bytes       int64  `json:"bytes"`
}

func (a *app) deleteRepo(ctx context.Context, name, to string, opts retain.DeleteOptions) error {
	tools, err := a.janitor(ctx)
	if err != nil {
		return err
	}
	repo, _, err := findRepo(ctx, tools.Store, name)
	if err != nil {
		return err
	}
	if to != "" {
		if opts.To, err = redirectTo(ctx, tools, repo, to); err != nil {
			return err
		}
	}
	d, err := retain.Delete(ctx, tools, repo, opts)
	if err != nil {
		err = fmt.Errorf("delete %s: %w", name, err)
	}
	if err != nil && !errors.Is(err, ledger.ErrNotAnnounced) {
		return err
	}
	err = errors.Join(err, a.print(deletedRepo{opts.Apply, name, repo.Base, d.Retired.To, d.Checkpoints, d.Files, d.Bytes}, func(t *table) {
		t.row("REPO", "PATH", "CHECKPOINTS", "FILES", "SIZE")
		t.row(name, "/"+repo.Base+"/", d.Checkpoints, d.Files, size(d.Bytes))
	}))
	answer := "answer 410"
	if d.Retired.To != "" {
		answer = "lead to /" + d.Retired.To + "/"
	}
	if opts.Apply {
		fmt.Fprintf(a.stderr, "deleted %s; its addresses %s. asof gc frees its space, after its grace period\n", name, answer)
	} else {
		fmt.Fprintf(a.stderr, "would delete %s; its addresses would %s; add --apply to do it, for good\n", name, answer)
	}
	a.sayPublic(d.Retired.Reason, opts.Apply)
	return err
}

// redirectTo is the base path of a repo that another one's addresses can lead to.
func redirectTo(ctx context.Context, tools retain.Options, repo manifest.Repo, to string) (string, error) {
	target, index, err := findRepo(ctx, tools.Store, to)
	switch {
	case err != nil:
		return "", err
	case target == repo:
		return "", usage(fmt.Errorf("--redirect: %s can't lead to itself", to), "")
	case index.InUse() != nil:
		return "", usage(fmt.Errorf("--redirect: %w", index.InUse()), "give a repo that is in use")
	}
	return target.Base, nil
}

func newRepoReviveCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revive REPO",
		Short: "Use a retired repo again",
		Long: `Take back that a repo was retired, by a move or by somebody with a publisher's key. Its
addresses answer as before, and it can be published to. It works as long as its
checkpoints are listed; asof prune REPO --undo lists again what nobody released. Channels
have to be set again. What a move published at the new place stays.`,
		Example:           `  asof repo revive myfile`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeStored(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			tools, err := a.janitor(cmd.Context())
			if err != nil {
				return err
			}
			repo, _, err := findRepo(cmd.Context(), tools.Store, args[0])
			if err != nil {
				return err
			}
			pub := publisher.New(publisher.Options{Store: tools.Store, Env: tools.Env, Announcer: tools.Announcer})
			if err := pub.Revive(cmd.Context(), repo); err != nil {
				return fmt.Errorf("revive %s: %w", args[0], err)
			}
			fmt.Fprintf(a.stderr, "%s is in use\n", args[0])
			return nil
		},
	}
}

// sayPublic says that a reason is public.
func (a *app) sayPublic(reason string, applied bool) {
	if reason != "" {
		fmt.Fprintf(a.stderr, "the reason %s public: the index, pages and answers show %q\n", map[bool]string{true: "is", false: "will be"}[applied], reason)
	}
}

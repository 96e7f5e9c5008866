package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/rebuild"
)

func newRebuildCmd(a *app) *cobra.Command {
	var opts rebuild.Options
	var newest []string
	var now string
	cmd := &cobra.Command{
		Use:   "rebuild [REPO...]",
		Short: "Rewrite a lost registry or lost checkpoint indexes from what the store holds",
		Long: `Show what a lost or damaged asof.json or checkpoints.json said. With --write, write it
again, and likewise an index that is older than its records. Other registers that can be
read stay as they are. If the bucket keeps versions, restore the last version instead:
that loses nothing.

Every change of an index leaves a record of it, an immutable copy. The latest one brings
back checkpoints, channels, and what was pruned, with its reason. Checkpoints that were
published later come back from their receipts (.asof/changes.json). The horizon moves to
now.

Without any record, receipts and sealed segments have to do. Channels are lost then, and
what was pruned but not collected is listed again. Times of which nothing tells what was
published answer 410, and the command names them.

If no record lists the last tree, nothing tells whether it was published. Then --newest
says which checkpoints were published: all that are in doubt and were, or the one before
if none of them was. If the repo was never published, it says "none".

A machine whose clock was ahead may have published at a time that lies in the future.
Nothing can be published before that time comes. With --future, whatever lies more than
two minutes in the future is taken back: checkpoints, channels that name them, the
horizon. No answer that was final changes. A record of the index as it was stays, and the
trees stay until asof gc. A publish right afterwards waits, for two minutes at most. If
the store is a folder, nothing but this machine's clock tells what lies in the future.
Then --write needs --now: what time it is, by a clock that is right.

Stop publishers first: where an index, its list and all its records are lost, one would
begin a new history. Then run asof verify.`,
		Example: `  asof rebuild
  asof rebuild --write
  asof rebuild myfile -o json
  asof rebuild --future`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeConfigured,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, s := range newest {
				var id manifest.ID
				if s != "none" {
					var err error
					if id, err = manifest.ParseID(s); err != nil {
						return usage(fmt.Errorf("--newest: %w", err), "")
					}
				}
				opts.Newest = append(opts.Newest, id)
			}
			if now != "" {
				when, err := manifest.ParseWhen(now)
				if err != nil || when.Kind != manifest.WhenInstant {
					return usage(fmt.Errorf("--now: %q is not a time", now), "for instance 2025-03-18T14:03:38Z")
				}
				opts.Time = when.Instant
			}
			if len(args) > 0 {
				opts.Repos = args
			}
			tools, err := a.janitor(cmd.Context())
			if err != nil {
				return err
			}
			opts.Store, opts.Env, opts.Announcer = tools.Store, tools.Env, tools.Announcer
			report, err := rebuild.Run(cmd.Context(), opts)
			if _, ok := errors.AsType[*rebuild.AmbiguousError](err); ok {
				err = &hinted{err, "--newest ID,… names those that were published, or the checkpoint before if none was; --newest none: the repo never was. Nothing has changed yet", publisher.ErrConflict}
			}
			if err != nil {
				return fmt.Errorf("rebuild: %w", err)
			}
			return a.printRebuilt(report, opts)
		},
	}
	cmd.Flags().StringSliceVar(&newest, "newest", nil, "checkpoints that were published, where nothing else tells; none: the repo never was")
	cmd.Flags().BoolVar(&opts.Write, "write", false, "write; without it only show")
	cmd.Flags().BoolVar(&opts.Future, "future", false, "take back what lies in the future")
	cmd.Flags().StringVar(&now, "now", "", "what `TIME` it is: with --future, on a store without a clock")
	return cmd
}

func (a *app) printRebuilt(report rebuild.Report, opts rebuild.Options) error {
	result := struct {
		Written bool `json:"written"`
		rebuild.Report
	}{opts.Write, report}
	err := a.print(result, func(t *table) {
		t.row("REPO", "PATH", "INDEX", "CHECKPOINTS", "PRUNED", "NEWEST", "UNCOMMITTED")
		for _, r := range report.Repos {
			t.row(r.Name, "/"+r.Base+"/", r.Index, r.Checkpoints, r.Pruned, orDash(r.Newest), len(r.Uncommitted))
		}
	})
	if err != nil {
		return err
	}
	changes := report.Registry == rebuild.Rebuilt || report.Rings == rebuild.Rebuilt
	for _, r := range report.Repos {
		changes = changes || r.Index == rebuild.Rebuilt || r.Index == rebuild.Withdrawn
		a.noteRebuilt(r, opts.Future)
	}
	if report.Rings == rebuild.Rebuilt {
		fmt.Fprintln(a.stderr, "the register of rings is as its latest record has it")
	}
	switch {
	case !changes:
		fmt.Fprintln(a.stderr, "nothing to rebuild: all registers can be read")
	case !opts.Write:
		fmt.Fprintln(a.stderr, "nothing was written; add --write to do it")
	default:
		fmt.Fprintln(a.stderr, "asof verify proves what was rebuilt")
	}
	return nil
}

// noteRebuilt says what the table does not.
func (a *app) noteRebuilt(r rebuild.Repo, takesBack bool) {
	note := func(format string, args ...any) {
		fmt.Fprintf(a.stderr, "%s: %s\n", r.Name, fmt.Sprintf(format, args...))
	}
	if r.Index == rebuild.Rebuilt && !r.Recorded {
		note("no record of its index is left: its channels are lost, and what was pruned but not collected is listed again")
	}
	for _, s := range r.Unknown {
		from := s.From.String()
		if s.From == manifest.MinID {
			from = "the beginning"
		}
		note("nothing tells what was published from %s to %s: these times answer 410", from, s.To)
	}
	for _, id := range r.Uncommitted {
		note("%s was never committed, and is left out", id)
	}
	f := r.Future
	if f == nil {
		return
	}
	note("the time now is %s, and the index goes up to %s", f.Now, f.Horizon)
	for _, id := range f.Checkpoints {
		note("checkpoint %s lies in the future", id)
	}
	for _, name := range f.Channels {
		note("channel %s names one that does", name)
	}
	if !takesBack {
		note("--future takes that back, if this machine's clock is right")
	}
}

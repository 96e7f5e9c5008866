package main

import (
	"context"
	"fmt"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/retain"
)

// freedCheckpoints is what gc --now did, or would do, as it is printed.
type freedCheckpoints struct {
	Applied     bool                 `json:"applied"`
	Repo        string               `json:"repo"`
	Checkpoints []manifest.Tombstone `json:"checkpoints"`
	Kinds       []retain.Collected   `json:"kinds"`
	Shared      retain.Collected     `json:"shared"` // stays, as others refer to it
	Left        retain.Collected     `json:"left"`   // stays for now, as a publisher may rely on it
	Open        []retain.Claim       `json:"open"`   // publishes that are in the way
}

// free deletes what pruned checkpoints of a repo have, now.
func (a *app) free(ctx context.Context, tools retain.Options, args []string, opts retain.CollectOptions) error {
	what := retain.FreeOptions{Apply: opts.Apply, Grace: opts.Grace, Exclusive: opts.Exclusive}
	for _, s := range args[1:] {
		id, err := manifest.ParseID(s)
		if err != nil {
			return usage(err, "asof list "+args[0]+" shows what was pruned")
		}
		what.IDs = append(what.IDs, id)
	}
	repo, _, err := findRepo(ctx, tools.Store, args[0])
	if err != nil {
		return err
	}
	freed, err := retain.Free(ctx, tools, repo, what)
	if err != nil {
		return fmt.Errorf("gc %s: %w", args[0], err)
	}
	out := freedCheckpoints{opts.Apply, args[0], append([]manifest.Tombstone{}, freed.Checkpoints...), []retain.Collected{freed.Trees, freed.Pool}, freed.Shared, freed.Left, append([]retain.Claim{}, freed.Open...)}
	if len(freed.Checkpoints) > 0 || a.output == "json" {
		if err := a.print(out, func(t *table) { freedTable(t, out) }); err != nil {
			return err
		}
	}
	a.sayFreed(out)
	return nil
}

func freedTable(t *table, out freedCheckpoints) {
	t.row("CHECKPOINT", "PRUNED", "REASON")
	for _, c := range out.Checkpoints {
		t.row(c.ID, c.At, c.Reason)
	}
	t.section()
	t.row(map[bool]string{true: "DELETED", false: "WOULD DELETE"}[out.Applied], "OBJECTS", "SIZE")
	for _, c := range out.Kinds {
		t.row(c.Kind, c.Objects, size(c.Bytes))
	}
}

// sayFreed says what stays, and what deleting it now means.
func (a *app) sayFreed(out freedCheckpoints) {
	if len(out.Checkpoints) == 0 {
		fmt.Fprintln(a.stderr, "nothing of it is pruned that is not deleted")
		return
	}
	stay := func(n int) string { return count(int64(n), "blob stays", "blobs stay") }
	if n := out.Shared.Objects; n > 0 {
		fmt.Fprintf(a.stderr, "%s, %s: something else refers to them; asof find shows which checkpoints have a file\n", stay(n), size(out.Shared.Bytes))
	}
	if n := out.Left.Objects; n > 0 {
		fmt.Fprintf(a.stderr, "%s for now, as a publisher may rely on it; run this again later\n", count(int64(n), "object stays", "objects stay"))
	}
	for _, c := range out.Open {
		fmt.Fprintf(a.stderr, "%s %s: a publish is at work, or was killed: with --apply nothing would be deleted before it is done, or %s\n", c.Repo, c.ID, c.Until)
	}
	if out.Applied {
		fmt.Fprintln(a.stderr, "deleted for good; caches and clients keep their copies: purge what stands in front of the store")
		return
	}
	fmt.Fprintln(a.stderr, "warning: this is for good: asof prune --undo can't list it again. Installs that are under way from it fail. CDNs and clients keep their copies: purge what stands in front of the store")
	fmt.Fprintln(a.stderr, "nothing was deleted; add --apply to do it")
}

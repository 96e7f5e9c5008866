package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/retain"
)

// dropped reads what --drop names. Where it is applied, only a checkpoint's own id will do: what
// another time stands for, a dry run says.
func (a *app) dropped(ctx context.Context, store objstore.Store, index manifest.Index, drop []string, apply bool) (ids []manifest.ID, err error) {
	if len(drop) == 0 {
		return nil, nil
	}
	rings, err := catalog.Rollout().Load(ctx, store)
	if err != nil {
		return nil, err
	}
	history := catalog.NewHistory(store, index).WithRings(&rings.Doc)
	var wrong []error
	for _, text := range drop {
		when, err := manifest.ParseWhen(text)
		if err != nil {
			wrong = append(wrong, usage(fmt.Errorf("--drop: %w", err), ""))
			continue
		}
		answer, err := history.Resolve(ctx, when, manifest.IDOf(time.Now()))
		switch {
		case err != nil:
			return nil, err
		case answer.Outcome != manifest.Found && answer.Outcome != manifest.Gone:
			wrong = append(wrong, fmt.Errorf("--drop %s: it stands for no checkpoint of %s: %w", text, index.Repo, manifest.ErrNoCheckpoint))
			continue
		case text == answer.ID.String():
		case apply:
			wrong = append(wrong, usage(fmt.Errorf("--drop %s: it is no checkpoint's id, and stands for %s", text, answer.ID), "with --apply a checkpoint is named by its id: --drop "+answer.ID.String()))
		default:
			fmt.Fprintf(a.stderr, "%s stands for %s\n", text, answer.ID)
		}
		ids = append(ids, answer.ID)
	}
	return ids, errors.Join(wrong...)
}

// droppedCheckpoint is a checkpoint that is taken back, as it is printed.
type droppedCheckpoint struct {
	Checkpoint manifest.ID         `json:"checkpoint"`
	Files      int64               `json:"files"`
	Bytes      int64               `json:"bytes"`
	Pruned     *manifest.Tombstone `json:"pruned"` // it was before; null: it was not
	Channels   []string            `json:"channels"`
	Rings      []string            `json:"rings"`
	Back       []string            `json:"rolled_back_to_by"`
	Same       []retain.Twin       `json:"same_content"`
}

func (a *app) printDropped(name string, opts retain.PruneOptions, d *retain.Decisions) error {
	list := []droppedCheckpoint{}
	for _, drop := range d.Drops {
		some := func(names []string) []string { return append([]string{}, names...) }
		c := drop.Checkpoint
		list = append(list, droppedCheckpoint{c.ID, c.Files, c.Bytes, drop.Pruned, some(drop.Channels), some(drop.Rings), some(drop.Back), append([]retain.Twin{}, drop.Same...)})
	}
	err := a.print(struct {
		Repo        string              `json:"repo"`
		Applied     bool                `json:"applied"`
		Released    bool                `json:"released"`
		Checkpoints []droppedCheckpoint `json:"checkpoints"`
	}{name, opts.Apply, opts.Apply && !d.Unreleased, list}, func(t *table) {
		t.row(map[bool]string{true: "DROPPED", false: "WOULD DROP"}[opts.Apply], "FILES", "SIZE")
		for _, c := range list {
			if c.Pruned == nil {
				t.row(c.Checkpoint, c.Files, size(c.Bytes))
			}
		}
	})
	if err != nil {
		return err
	}
	for _, drop := range d.Drops {
		a.sayDrop(drop, opts.Apply)
	}
	a.sayPruned(name, opts.Reason, opts.Apply, d)
	if d.Pruned() > 0 && !opts.Apply {
		fmt.Fprintln(a.stderr, "that is: "+dropCommand(name, opts, d))
	}
	return nil
}

// sayDrop says what breaks with a checkpoint, and what does not go with it.
func (a *app) sayDrop(d retain.Drop, applied bool) {
	say := func(form string, args ...any) {
		fmt.Fprintf(a.stderr, "%s: %s\n", d.Checkpoint.ID, fmt.Sprintf(form, args...))
	}
	if t := d.Pruned; t != nil {
		reason := ""
		if t.Reason != "" {
			reason = ": " + t.Reason
		}
		say("it was pruned already, at %s%s", t.At, reason)
		return
	}
	gets := map[bool]string{true: "get", false: "will get"}[applied]
	goes := map[bool]string{true: "went", false: "goes"}[applied]
	for _, channel := range d.Channels {
		say("channel %s names it and %s along: its clients %s 404, until asof channel sets it again", channel, goes, gets)
	}
	for _, ring := range d.Rings {
		say("ring %s stands on it: its clients %s 410 here, until asof rollback or asof promote moves it", ring, gets)
	}
	for _, ring := range d.Back {
		say("ring %s would be rolled back to it; it can't be then", ring)
	}
	if len(d.Same) > 0 {
		twins := make([]string, 0, 10)
		for i, twin := range d.Same {
			if i == cap(twins) {
				twins = append(twins, fmt.Sprintf("and %d more", len(d.Same)-i))
				break
			}
			twins = append(twins, twin.String())
		}
		say("the same content is in %s", strings.Join(twins, ", "))
	}
}

// dropCommand is the command that applies what was shown.
func dropCommand(name string, opts retain.PruneOptions, d *retain.Decisions) string {
	command := "asof prune " + name
	for _, drop := range d.Drops {
		if drop.Pruned == nil {
			command += " --drop " + drop.Checkpoint.ID.String()
		}
	}
	if opts.Policy.Force {
		command += " --force"
	}
	if opts.Reason != "" {
		command += " --reason '" + strings.ReplaceAll(opts.Reason, "'", `'\''`) + "'"
	}
	return command + " --apply"
}

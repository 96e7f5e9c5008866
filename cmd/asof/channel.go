package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

func newChannelCmd(a *app) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "channel REPO [NAME [TIME]]",
		Short: "List a repo's channels, or point one at a checkpoint",
		Long: `List the channels of a repo: movable names for checkpoints, such as stable and
canary. With a name and a time, point the channel at that time's checkpoint. With
--delete, remove the channel. A checkpoint that a channel names is never pruned.

The resolver redirects a channel to its checkpoint's own address. Nobody caches that
redirect, so a channel can move forward and back. For a while (repos[].grace) it still
leads to files that it lost by moving, so that clients can finish what they began.

` + whenHelp,
		Example: `  asof channel myfile
  asof channel myfile canary latest
  asof channel myfile stable canary
  asof channel myfile canary --delete`,
		Args:              cobra.RangeArgs(1, 3),
		ValidArgsFunction: a.completeStored(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && !remove:
				return a.listChannels(cmd, args[0])
			case len(args) == 2 && !remove:
				return usage(fmt.Errorf("channel: which checkpoint is %s to name?", args[1]), "give a time, latest or another channel; --delete takes it away")
			case len(args) == 2 && remove, len(args) == 3 && !remove:
				return a.changeChannel(cmd, args[0], args[1], args[2:])
			}
			return usage(fmt.Errorf("channel: --delete takes a repo and a name"), "asof "+cmd.Use)
		},
	}
	cmd.Flags().BoolVar(&remove, "delete", false, "remove the channel")
	return cmd
}

// channel is a channel as it is printed.
type channel struct {
	Channel    string      `json:"channel"`
	Checkpoint manifest.ID `json:"checkpoint"`
}

func (a *app) listChannels(cmd *cobra.Command, name string) error {
	store, err := a.openStore(cmd.Context())
	if err != nil {
		return err
	}
	_, index, err := findRepo(cmd.Context(), store, name)
	if err != nil {
		return err
	}
	list := []channel{}
	for _, name := range slices.Sorted(maps.Keys(index.Channels)) {
		list = append(list, channel{name, index.Channels[name]})
	}
	return a.print(list, func(t *table) {
		t.row("CHANNEL", "CHECKPOINT")
		for _, c := range list {
			t.row(c.Channel, c.Checkpoint)
		}
	})
}

// changeChannel points the channel at the time's checkpoint. Without a time it removes
// the channel.
func (a *app) changeChannel(cmd *cobra.Command, name, label string, when []string) error {
	ctx := cmd.Context()
	if err := manifest.CheckChannel(label); err != nil {
		return usage(err, "")
	}
	tools, err := a.janitor(ctx)
	if err != nil {
		return err
	}
	store := tools.Store
	pub := publisher.New(publisher.Options{Store: store, Env: tools.Env, Announcer: tools.Announcer})
	if len(when) == 0 {
		found, _, err := findRepo(ctx, store, name)
		if err != nil {
			return err
		}
		return pub.DropChannel(ctx, found, label)
	}
	found, answer, err := resolve(ctx, store, name, when[0])
	if err != nil {
		return err
	}
	if err := pub.SetChannel(ctx, found, label, answer.ID); err != nil {
		return err
	}
	result := channel{label, answer.ID}
	return a.print(result, func(t *table) { t.row(result.Channel, result.Checkpoint) })
}

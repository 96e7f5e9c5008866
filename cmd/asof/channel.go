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
		Short: "List a repo's channels, or make one name a checkpoint",
		Long: `List the channels of a repo: movable names for checkpoints, such as stable and
canary. With a name and a time, make the channel name the checkpoint that the time
stands for; with --delete, take the channel away. A checkpoint that a channel names
is never pruned.

The resolver sends a channel to its checkpoint's own address with a redirect that
nobody keeps, so a channel may go forward and back.

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
	cmd.Flags().BoolVar(&remove, "delete", false, "take the channel away")
	return cmd
}

// channel is one as it is printed.
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

// changeChannel makes the channel name what the time stands for; without one it
// takes the channel away.
func (a *app) changeChannel(cmd *cobra.Command, name, label string, when []string) error {
	ctx := cmd.Context()
	if err := manifest.CheckChannel(label); err != nil {
		return usage(err, "")
	}
	store, pub, err := a.janitor(ctx)
	if err != nil {
		return err
	}
	if len(when) == 0 {
		found, _, err := findRepo(ctx, store, name)
		if err != nil {
			return err
		}
		return pub.DropChannel(ctx, publisher.Repo{Name: found.Name, Base: found.Base}, label)
	}
	found, answer, err := resolve(ctx, store, name, when[0])
	if err != nil {
		return err
	}
	if err := pub.SetChannel(ctx, publisher.Repo{Name: found.Name, Base: found.Base}, label, answer.ID); err != nil {
		return err
	}
	result := channel{label, answer.ID}
	return a.print(result, func(t *table) { t.row(result.Channel, result.Checkpoint) })
}

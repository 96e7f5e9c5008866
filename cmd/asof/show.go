package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

func newShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show REPO TIME",
		Short: "Show a checkpoint: its summary and its files",
		Long: `Show the checkpoint that a time stands for: its summary and the list of its files,
verified against the manifest's name.

` + whenHelp,
		Example: `  asof show myfile latest
  asof show myfile 20250318T140338Z
  asof show myfile latest -o json | jq -r '.files[] | .sha256 + "  " + .path'`,
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
			root, err := catalog.Root(cmd.Context(), store, answer.Checkpoint.Manifest)
			if err != nil {
				return err
			}
			entries := catalog.Entries(cmd.Context(), store, root)
			if a.output == "json" {
				return a.showJSON(cmd.Context(), repo, answer, entries)
			}
			return a.showText(repo, answer, entries)
		},
	}
}

// shown is a file as it is printed.
type shown struct {
	Path     string          `json:"path"`
	Size     int64           `json:"size"`
	SHA256   manifest.Digest `json:"sha256"`
	Modified *manifest.ID    `json:"modified"`
}

func showEntry(e manifest.Entry) shown {
	s := shown{Path: e.Path, Size: e.Size, SHA256: e.SHA256}
	if e.Modified != manifest.NoTime {
		s.Modified = &e.Modified
	}
	return s
}

func (a *app) showText(repo manifest.Repo, answer manifest.Answer, entries iter.Seq2[manifest.Entry, error]) error {
	c := answer.Checkpoint
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "repo        %s\ncheckpoint  %s\npath        /%s\nlayout      %s\nfiles       %d\nsize        %s (%d bytes)\nmanifest    %s\ncontent     %s\npages       %s\n\n",
		repo.Name, c.ID, manifest.TreePrefix(repo.Base, c.ID), c.Layout, c.Files, size(c.Bytes), c.Bytes, c.Manifest, c.Content, c.Pages)
	for e, err := range entries {
		if err != nil {
			return err
		}
		s := showEntry(e)
		fmt.Fprintf(w, "%s  %-16s  %12d  %s\n", s.SHA256, orDash(s.Modified), s.Size, s.Path)
	}
	return w.Flush()
}

// showJSON prints one object, file by file: a checkpoint may have a million.
func (a *app) showJSON(ctx context.Context, repo manifest.Repo, answer manifest.Answer, entries iter.Seq2[manifest.Entry, error]) error {
	head, err := json.Marshal(struct {
		Repo       string              `json:"repo"`
		Base       string              `json:"base"`
		Checkpoint manifest.Checkpoint `json:"checkpoint"`
		Final      bool                `json:"final"`
	}{repo.Name, repo.Base, answer.Checkpoint, answer.Final})
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "%s,\n\"files\":[", head[:len(head)-1])
	separator := "\n"
	for e, err := range entries {
		if err != nil {
			return err
		}
		line, err := json.Marshal(showEntry(e))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s%s", separator, line)
		separator = ",\n"
	}
	fmt.Fprint(w, "]}\n")
	if err := w.Flush(); err != nil {
		return err
	}
	return ctx.Err()
}

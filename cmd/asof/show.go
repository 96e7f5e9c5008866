package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/internal/page"
	"github.com/asof/asof/manifest"
)

func newShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show REPO [TIME]",
		Short: "Show a checkpoint: its summary, how to use it, and its files",
		Long: `Show the checkpoint that a time stands for, by default the newest: its summary, with
the path of the list of what changed, how clients use it, ready to paste, where its
remote says so (APT: a source and a keyring), and the list of its files, verified
against the manifest's name. Set
public_url in asof.yaml to where clients find the repos.

` + whenHelp,
		Example: `  asof show myfile
  asof show myfile 20250318T140338Z
  asof show myfile latest -o json | jq -r '.files[] | .sha256 + "  " + .path'`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeStored(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, log, err := a.setup()
			if err != nil {
				return err
			}
			store, err := a.store(cmd.Context(), cfg, log, false)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				args = append(args, manifest.Latest)
			}
			repo, answer, err := resolve(cmd.Context(), store, args[0], args[1])
			if err != nil {
				return err
			}
			m, err := catalog.Open(cmd.Context(), catalog.From(store), answer.Checkpoint.Manifest)
			if err != nil {
				return err
			}
			t := tree{store, repo, *answer.Checkpoint, m}
			use, err := t.usageOf(cmd.Context())
			if err != nil {
				return err
			}
			use = a.fillUsage(cfg, t, use)
			entries := m.Entries(cmd.Context())
			if a.output == "json" {
				return a.showJSON(cmd.Context(), repo, answer, use, entries)
			}
			return a.showText(repo, answer, use, entries)
		},
	}
}

// changesPath is where a server has a checkpoint's receipt.
func changesPath(repo manifest.Repo, c manifest.Checkpoint) string {
	return "/" + manifest.TreeKey(repo.Base, c.ID, manifest.ChangesPath)
}

// fillUsage fills in where clients find the checkpoint.
func (a *app) fillUsage(cfg config, t tree, use manifest.Usage) manifest.Usage {
	url := cfg.PublicURL
	if url == "" {
		url = page.UnknownURL
		if len(use.Snippets) > 0 {
			fmt.Fprintln(a.stderr, "hint: set public_url in asof.yaml to where clients find the repos")
		}
	}
	return use.For(url+"/"+t.repo.Base+"/", url+"/"+manifest.TreePrefix(t.repo.Base, t.ID))
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

func (a *app) showText(repo manifest.Repo, answer manifest.Answer, use manifest.Usage, entries iter.Seq2[manifest.Entry, error]) error {
	c := answer.Checkpoint
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "repo        %s\ncheckpoint  %s\npath        /%s\nlayout      %s\nfiles       %d\nsize        %s (%d bytes)\nmanifest    %s\ncontent     %s\npages       %s\nchanges     %d added, %d removed, %d changed: %s\n\n",
		repo.Name, c.ID, manifest.TreePrefix(repo.Base, c.ID), c.Layout, c.Files, size(c.Bytes), c.Bytes, c.Manifest, c.Content, c.Pages, c.Added, c.Removed, c.Changed, changesPath(repo, *c))
	printUsage(w, use)
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
func (a *app) showJSON(ctx context.Context, repo manifest.Repo, answer manifest.Answer, use manifest.Usage, entries iter.Seq2[manifest.Entry, error]) error {
	head, err := json.Marshal(struct {
		Repo       string              `json:"repo"`
		Base       string              `json:"base"`
		Checkpoint manifest.Checkpoint `json:"checkpoint"`
		Final      bool                `json:"final"`
		Changes    string              `json:"changes"` // the path of the receipt
		Usage      []manifest.Snippet  `json:"usage,omitempty"`
	}{repo.Name, repo.Base, *answer.Checkpoint, answer.Final, changesPath(repo, *answer.Checkpoint), use.Snippets})
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

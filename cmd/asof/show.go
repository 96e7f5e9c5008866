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
		Long: `Show the checkpoint of a time, by default the newest. The summary has the path of its
list of changes, and says what a partial mirror leaves out. If the remote knows how
clients use it (APT: a source and a keyring; RPM: .repo files), the texts are ready to paste; set
public_url in asof.yaml to where clients find the repos. Where TIME is a channel or a
ring, they follow that name. The list of files is verified against the manifest's name.

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
			asked := append(args[1:], manifest.Latest)[0]
			repo, answer, err := resolve(cmd.Context(), store, args[0], asked)
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
			left, err := t.leftOut(cmd.Context())
			if err != nil {
				return err
			}
			when, err := manifest.ParseWhen(asked)
			if err != nil {
				return err
			}
			use = a.fillUsage(cfg, t, use, when.Name)
			modes, err := t.modesOf(cmd.Context())
			if err != nil {
				return err
			}
			entries := m.Entries(cmd.Context())
			if a.output == "json" {
				return a.showJSON(cmd.Context(), repo, answer, left, use, modes, entries)
			}
			return a.showText(repo, answer, left, use, modes, entries)
		},
	}
}

// changesPath is the path of a checkpoint's receipt on a server.
func changesPath(repo manifest.Repo, c manifest.Checkpoint) string {
	return "/" + manifest.TreeKey(repo.Base, c.ID, manifest.ChangesPath)
}

// fillUsage fills in where clients find the checkpoint, at its id, or by a name that moves.
func (a *app) fillUsage(cfg config, t tree, use manifest.Usage, name string) manifest.Usage {
	url := cfg.PublicURL
	if url == "" {
		url = page.UnknownURL
		if len(use.Snippets) > 0 {
			fmt.Fprintln(a.stderr, "hint: set public_url in asof.yaml to where clients find the repos")
		}
	}
	return use.For(url, t.repo.Base, t.ID, name)
}

// shown is a file as it is printed.
type shown struct {
	Path     string          `json:"path"`
	Size     int64           `json:"size"`
	SHA256   manifest.Digest `json:"sha256"`
	Modified *manifest.ID    `json:"modified"`

	Executable bool `json:"executable,omitempty"`
}

func showEntry(e manifest.Entry) shown {
	s := shown{Path: e.Path, Size: e.Size, SHA256: e.SHA256}
	if !e.Modified.IsZero() {
		s.Modified = &e.Modified
	}
	return s
}

func (a *app) showText(repo manifest.Repo, answer manifest.Answer, left leftOut, use manifest.Usage, modes manifest.Modes, entries iter.Seq2[manifest.Entry, error]) error {
	c := answer.Checkpoint
	w := bufio.NewWriter(a.stdout)
	fmt.Fprintf(w, "repo        %s\n", repo.Name)
	if answer.Ring.Valid() {
		fmt.Fprintf(w, "ring        %s\n", answer.Ring)
	}
	fmt.Fprintf(w, "checkpoint  %s\npath        /%s\nlayout      %s\nfiles       %d\nsize        %s (%d bytes)\nmanifest    %s\ncontent     %s\npages       %s\nchanges     %d added, %d removed, %d changed: %s\n",
		c.ID, manifest.TreePrefix(repo.Base, c.ID), c.Layout, c.Files, size(c.Bytes), c.Bytes, c.Manifest, c.Content, c.Pages, c.Added, c.Removed, c.Changed, changesPath(repo, *c))
	for _, line := range left.lines() {
		fmt.Fprintf(w, "partial     %s\n", line)
	}
	if n := len(modes.Executable); n > 0 {
		fmt.Fprintf(w, "executable  %s: /%s\n", count(int64(n), "file", "files"), manifest.TreeKey(repo.Base, c.ID, manifest.ModesPath))
	}
	fmt.Fprintln(w)
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

// showJSON prints one object, file by file, because a checkpoint may have a million.
func (a *app) showJSON(ctx context.Context, repo manifest.Repo, answer manifest.Answer, left leftOut, use manifest.Usage, modes manifest.Modes, entries iter.Seq2[manifest.Entry, error]) error {
	head, err := json.Marshal(struct {
		Repo       string              `json:"repo"`
		Base       string              `json:"base"`
		Checkpoint manifest.Checkpoint `json:"checkpoint"`
		Final      bool                `json:"final"`
		Ring       manifest.ID         `json:"ring,omitempty"` // the time of the ring that was asked for
		Changes    string              `json:"changes"`        // the path of the receipt
		leftOut
		Usage []manifest.Snippet `json:"usage,omitempty"`
	}{repo.Name, repo.Base, *answer.Checkpoint, answer.Final, answer.Ring, changesPath(repo, *answer.Checkpoint), left, use.Snippets})
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
		s := showEntry(e)
		s.Executable = modes.Of(e.Path)
		line, err := json.Marshal(s)
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

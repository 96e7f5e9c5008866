package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
)

func newFindCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "find DIGEST|FILE...",
		Short: "Find files by their content, in all checkpoints of all repos",
		Long: `List the checkpoints that have a file with a SHA-256 digest, or with the content of a
local file, whatever its name: for instance to take a leaked secret out of all of them.
Pruned checkpoints are listed too, as long as asof gc has not deleted them. It reads
all manifests of the store.

If nothing is found, the exit code is 4.`,
		Example: `  asof find src/a
  asof find src/a -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var digests []manifest.Digest
			for _, arg := range args {
				d, err := digestOf(arg)
				if err != nil {
					return usage(err, "give a SHA-256 digest, 64 hexadecimal digits in lower case, or a file")
				}
				digests = append(digests, d)
			}
			tools, err := a.janitor(cmd.Context())
			if err != nil {
				return err
			}
			found, err := readback.Find(cmd.Context(), readback.Options{Store: tools.Store, Env: tools.Env}, digests)
			if err != nil {
				return fmt.Errorf("find: %w", err)
			}
			return a.printFound(found)
		},
	}
}

// digestOf reads a digest, or a local file.
func digestOf(arg string) (d manifest.Digest, err error) {
	if d, err = manifest.ParseDigest(arg); err == nil {
		return d, nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return d, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return d, err
	}
	return manifest.Digest(h.Sum(nil)), nil
}

func (a *app) printFound(found []readback.Found) error {
	if len(found) > 0 || a.output == "json" {
		if err := a.print(struct {
			Found []readback.Found `json:"found"`
		}{append([]readback.Found{}, found...)}, func(t *table) {
			t.row("REPO", "CHECKPOINT", "STATE", "PATH", "SIZE")
			for _, f := range found {
				t.row(f.Repo, f.Checkpoint, map[bool]string{false: "listed", true: "pruned"}[f.Pruned], f.Path, size(f.Size))
			}
		}); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return notFound(fmt.Errorf("no checkpoint has such a file"), "")
	}
	return nil
}

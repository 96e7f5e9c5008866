package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

//go:embed asof.yaml
var starter []byte

func newInitCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "init",
		Short:   "Write a commented asof.yaml to start from",
		Long:    `Write a commented asof.yaml into this folder. An existing file is left alone.`,
		Example: `  asof init && asof publish && asof serve`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			name := a.configFile
			if name == "" {
				name = configName
			}
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return usage(fmt.Errorf("%s is there already", name), "edit it, or name another with --config")
			}
			if err != nil {
				return err
			}
			_, err = f.Write(starter)
			if err := errors.Join(err, f.Close()); err != nil {
				return fmt.Errorf("write %s: %w", name, err)
			}
			fmt.Fprintf(a.stderr, "wrote %s; edit it, then: asof publish\n", name)
			return nil
		},
	}
}

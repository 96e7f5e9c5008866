package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
)

func newConfigCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check the configuration",
		Long:    `Check the configuration with asof config check.`,
		Example: `  asof config check`,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "Show what the configuration means, and where each setting comes from",
		Long: `Read the configuration as every command does (asof.yaml, then the environment, then
flags) and check it. Print every setting with its value and where that comes from: a
line of the file, a variable, a flag, or the default. Secrets are not printed. Then
print the repos. It contacts neither the store nor any remote. What depends on the
machine, such as files of a certificate, it looks for on this one.

If something is wrong, print all mistakes instead, each with its line.`,
		Example: `  asof config check
  ASOF_STORE=./other asof config check
  asof config check -c other.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.checkConfig(cmd.Context()) },
	}
	cmd.AddCommand(check)
	return cmd
}

// checkedConfig is the configuration as it is printed.
type checkedConfig struct {
	File       *string       `json:"file"`        // null: there is none
	RelativeTo string        `json:"relative_to"` // where relative paths begin
	Settings   []setting     `json:"settings"`
	Repos      []checkedRepo `json:"repos"`
}

// setting is a value of the configuration as it is printed.
type setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// checkedRepo is a repo of the configuration as it is printed.
type checkedRepo struct {
	Repo   string `json:"repo"`
	Path   string `json:"path"`
	Layout string `json:"layout"`
	Remote string `json:"remote"` // its type; empty: none
	Source string `json:"source"` // where it reads from
}

func (a *app) checkConfig(ctx context.Context) error {
	cfg, err := a.read()
	if err != nil {
		return err
	}
	log := a.logger(cfg)
	cfg.checkServing(log)
	cfg.checkOpening(ctx, log)
	result := checkedConfig{Settings: []setting{}, Repos: []checkedRepo{}}
	if result.RelativeTo, err = os.Getwd(); err != nil {
		return err
	}
	file := "none at " + cfg.file.path
	if cfg.file.found {
		file, result.File = cfg.file.path, &cfg.file.path
	}
	source := map[string]string{}
	for _, s := range cfg.report.Settings {
		result.Settings = append(result.Settings, setting(s))
		source[s.Key] = s.Value
	}
	if len(cfg.Repos) == 0 {
		err = cfg.mistakes()
	} else {
		_, err = a.repos(cfg, nil, log)
	}
	if err != nil {
		return err
	}
	for i, rc := range cfg.Repos {
		r := checkedRepo{Repo: rc.Name, Path: rc.Path, Layout: rc.Layout}
		if rc.Remote != nil {
			remote := fmt.Sprintf("repos[%d].remote.", i)
			r.Remote, r.Source = rc.Remote.Type, source[remote+"url"]+source[remote+"path"]
		}
		result.Repos = append(result.Repos, r)
	}
	return a.print(result, func(t *table) {
		t.row("FILE", file)
		t.row("RELATIVE TO", result.RelativeTo)
		t.row("")
		t.row("KEY", "VALUE", "FROM")
		for _, s := range result.Settings {
			t.row(s.Key, dash(s.Value), s.From)
		}
		t.row("")
		t.row("REPO", "PATH", "LAYOUT", "REMOTE", "SOURCE")
		for _, r := range result.Repos {
			t.row(r.Repo, "/"+r.Path+"/", r.Layout, dash(r.Remote), dash(r.Source))
		}
	})
}

// checkOpening finds what keeps the store from being opened here, such as a region that
// nothing says. It sends no request. A folder may still have to be made.
func (cfg *config) checkOpening(ctx context.Context, log *slog.Logger) {
	if cfg.Store == "" {
		return
	}
	_, err := storeurl.Open(ctx, cfg.Store, storeurl.Options{Logger: log})
	if err != nil && !errors.Is(err, objstore.ErrNoStore) {
		cfg.report.Mistake("store", err, "")
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

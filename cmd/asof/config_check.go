package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newConfigCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check the configuration",
		Long:    `Look at the configuration: asof config check.`,
		Example: `  asof config check`,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "Say what the configuration means, and where each setting comes from",
		Long: `Read the configuration as every command does (asof.yaml, then the environment,
then flags), check it, and print each setting with its value and where that came
from, and the repos. Nothing is contacted: neither the store nor any remote.`,
		Example: `  asof config check
  ASOF_STORE=./other asof config check
  asof config check -c other.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.checkConfig(cmd) },
	}
	cmd.AddCommand(check)
	return cmd
}

// setting is one scalar of the configuration as it is printed.
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

func (a *app) checkConfig(cmd *cobra.Command) error {
	cfg, log, err := a.setup()
	if err != nil {
		return err
	}
	result := struct {
		Settings []setting     `json:"settings"`
		Repos    []checkedRepo `json:"repos"`
	}{a.settingsOf(cmd), []checkedRepo{}}
	if len(cfg.Repos) > 0 {
		repos, err := a.repos(cfg, nil, log)
		if err != nil {
			return err
		}
		for i, repo := range repos {
			rc := cfg.Repos[i]
			r := checkedRepo{Repo: repo.Name, Path: repo.Base, Layout: string(repo.Layout)}
			r.Remote, _ = rc.Remote["type"].(string)
			for _, key := range []string{"url", "path"} {
				if source, ok := rc.Remote[key].(string); ok {
					r.Source = source
				}
			}
			result.Repos = append(result.Repos, r)
		}
	}
	return a.print(result, func(t *table) {
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

// settingsOf lists the scalar settings with where viper took each from.
func (a *app) settingsOf(cmd *cobra.Command) []setting {
	var list []setting
	for _, key := range slices.Sorted(maps.Keys(settings())) {
		s := setting{Key: key, Value: a.viper.GetString(key), From: "default"}
		env := "ASOF_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		flag := cmd.Flags().Lookup(strings.ReplaceAll(key, "_", "-"))
		switch {
		case flag != nil && flag.Changed:
			s.From = "--" + flag.Name
		case os.Getenv(env) != "": // viper passes over an empty variable
			s.From = env
		case a.viper.InConfig(key):
			s.From = a.viper.ConfigFileUsed()
		}
		list = append(list, s)
	}
	return list
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

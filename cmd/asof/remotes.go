package main

import (
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/apt"
	"github.com/asof/asof/publisher/remote/dir"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/file"
)

// remoteTypes are the types of remote. A new type is a package and a line here.
func remoteTypes(env fetch.Env) map[string]remoteType {
	return map[string]remoteType{
		"apt":  typed(func(o apt.Options) (remote.Remote, error) { return apt.New(o, env) }),
		"dir":  typed(dir.New),
		"file": typed(func(o file.Options) (remote.Remote, error) { return file.New(o, env) }),
	}
}

// remoteType makes a remote of the settings below `remote:`.
type remoteType func(settings map[string]any) (remote.Remote, error)

// typed makes a remoteType of a constructor with its own options.
func typed[Options any](open func(Options) (remote.Remote, error)) remoteType {
	return func(settings map[string]any) (remote.Remote, error) {
		var opts Options
		if err := checkKeys("", settings, reflect.TypeFor[Options]()); err != nil {
			return nil, err
		}
		if err := decode(settings, &opts); err != nil {
			return nil, err
		}
		return open(opts)
	}
}

// isFetchOption reports whether a setting of a remote is one of fetching.
func isFetchOption(key string) bool {
	fields := map[string]reflect.Type{}
	keysOf(reflect.TypeFor[fetch.Options](), fields)
	_, ok := fields[key]
	return ok
}

// repos makes the named repos, or all that are configured, ready to publish.
func (a *app) repos(cfg config, names []string, log *slog.Logger) ([]publisher.Repo, error) {
	if len(names) == 0 {
		for _, r := range cfg.Repos {
			names = append(names, r.Name)
		}
		if len(names) == 0 {
			return nil, usage(fmt.Errorf("no repos are configured"), "asof init writes an asof.yaml to start from")
		}
	}
	types := remoteTypes(fetch.Env{Log: log, UserAgent: userAgent(), Retried: a.watch().Retry})
	var repos []publisher.Repo
	for _, name := range names {
		rc, i, err := cfg.repo(name)
		if err != nil {
			return nil, err
		}
		layout, err := manifest.ParseLayout(rc.Layout)
		if err != nil {
			return nil, err
		}
		repo := publisher.Repo{Name: rc.Name, Base: rc.Path, Layout: layout, SlashPages: rc.SlashPages}
		if _, ok := rc.Remote[atKey]; ok {
			if _, _, err := openHistory(rc, log); err != nil {
				return nil, a.inRemote(i, err)
			}
			repo.Remote = pastOnly{}
		} else if rc.Remote != nil {
			if repo.Remote, err = openRemote(types, rc.Remote); err != nil {
				return nil, a.inRemote(i, err)
			}
		}
		repos = append(repos, repo)
	}
	return repos, nil
}

func openRemote(types map[string]remoteType, settings map[string]any) (remote.Remote, error) {
	known := slices.Sorted(maps.Keys(types))
	name, _ := settings["type"].(string)
	open, ok := types[name]
	if !ok {
		return nil, usage(fmt.Errorf("type: %q is no type of remote", name), hintNearest(name, known, ""))
	}
	rest := maps.Clone(settings)
	delete(rest, "type")
	return open(rest)
}

func (a *app) inRemote(i int, err error) error {
	where := fmt.Errorf("repos[%d].remote.%w", i, err)
	if hint := hintOf(err); hint != "" {
		return inFile(a.viper.ConfigFileUsed(), usage(where, hint))
	}
	return inFile(a.viper.ConfigFileUsed(), where)
}

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/apt"
	"github.com/asof/asof/publisher/remote/dir"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/file"
	"github.com/asof/asof/publisher/remote/history"
	"github.com/asof/asof/publisher/remote/rpm"
)

// remoteTypes are the types of remote. A new type needs a package and a line here.
func remoteTypes() map[string]func() remoteOptions {
	return map[string]func() remoteOptions{
		"apt":  typed(apt.New, func(o *apt.Options) (*string, *fetch.Options) { return &o.URL, &o.Options }),
		"dir":  typed(openDir, nil),
		"file": typed(file.New, func(o *file.Options) (*string, *fetch.Options) { return &o.URL, &o.Options }),
		"rpm":  typed(rpm.New, func(o *rpm.Options) (*string, *fetch.Options) { return &o.URL, &o.Options }),
	}
}

// remoteOptions are the options of a remote of some type.
type remoteOptions struct {
	options any // a pointer to the type's own struct
	open    func(fetch.Env) (remote.Remote, error)
	// url and network are the options that a history needs; nil if the type has none.
	url     *string
	network *fetch.Options
}

// typed makes a type of a constructor with its own options.
func typed[O any](open func(O, fetch.Env) (remote.Remote, error), network func(*O) (*string, *fetch.Options)) func() remoteOptions {
	return func() remoteOptions {
		opts := new(O)
		o := remoteOptions{options: opts, open: func(env fetch.Env) (remote.Remote, error) { return open(*opts, env) }}
		if network != nil {
			o.url, o.network = network(opts)
		}
		return o
	}
}

// openDir makes a remote that needs nothing but its log.
func openDir(o dir.Options, env fetch.Env) (remote.Remote, error) {
	o.Log = env.Log
	return dir.New(o)
}

// remoteConfig is a remote: its type, and the options of that type.
type remoteConfig struct {
	Type string `yaml:"type"`
	At   any    `yaml:"at"` // which snapshots of a history: see package history

	remoteOptions
}

// Types implements settings.Variant.
func (r *remoteConfig) Types() []string { return slices.Sorted(maps.Keys(remoteTypes())) }

// Options implements settings.Variant.
func (r *remoteConfig) Options(typ string) any {
	if options, ok := remoteTypes()[typ]; ok {
		r.remoteOptions = options()
	}
	return r.options
}

// history reads a remote's options as those of a snapshot server. It is nil where the
// schedule has an address for each time.
func (r *remoteConfig) history(env fetch.Env) (*history.Server, history.Schedule, error) {
	if r == nil || r.At == nil {
		return nil, history.Schedule{}, option.Wrap("at", usage(errors.New("missing"), "for instance at: {from: 2025-03-01, step: 24h}"))
	}
	if r.options == nil { // a mistake that is known
		return nil, history.Schedule{}, nil
	}
	if r.url == nil {
		return nil, history.Schedule{}, option.Errorf("at", "a remote of type %s has no history", r.Type)
	}
	schedule, err := history.Parse(r.At, manifest.IDOf(time.Now()))
	switch {
	case err != nil:
		return nil, schedule, err
	case schedule.URLs != nil:
		first := schedule.URLs[schedule.Times[0]] // by which the other options are checked
		if *r.url != "" && *r.url != first {
			return nil, schedule, option.Errorf("url", "each entry of at has its own: leave this one out")
		}
		*r.url = first
		return nil, schedule, nil
	}
	server, err := history.Open(*r.url, *r.network, env)
	return server, schedule, err
}

// repos makes the named repos, or all configured ones, ready to publish. The error has all
// mistakes of the configuration, and of the remotes of these repos.
func (a *app) repos(cfg config, names []string, log *slog.Logger) ([]publisher.Repo, error) {
	if len(names) == 0 {
		for _, r := range cfg.Repos {
			names = append(names, r.Name)
		}
		if err := cfg.mistakes(); len(names) == 0 && err == nil {
			return nil, usage(fmt.Errorf("no repos are configured"), cfg.file.without("repos"))
		}
	}
	env := a.fetchEnv(cfg, log)
	var repos []publisher.Repo
	var unknown error
	for _, name := range names {
		rc, i, err := cfg.repo(name)
		if err != nil {
			unknown = err
			continue
		}
		repo, err := rc.publisher()
		switch r := rc.Remote; {
		case err != nil || r == nil || r.options == nil: // a mistake that is known
		case r.At != nil:
			repo.Remote = pastOnly{}
			_, _, past := r.history(env)
			_, options := r.open(env)
			err = errors.Join(past, options)
		default:
			repo.Remote, err = r.open(env)
		}
		cfg.report.Options(fmt.Sprintf("repos[%d].remote", i), err)
		repos = append(repos, repo)
	}
	if err := cfg.mistakes(); err != nil {
		return nil, err
	}
	return repos, unknown
}

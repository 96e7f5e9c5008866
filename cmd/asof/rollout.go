package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/rollout"
)

// rolloutConfig are the rings of a store: movable names for a time that holds for its repos.
type rolloutConfig struct {
	Repos []string     `yaml:"repos"` // none: all of the store
	Rings []ringConfig `yaml:"rings"`
}

type ringConfig struct {
	Name  string        `yaml:"name"`
	After time.Duration `yaml:"after" default:"0s" allowed:"0s to 8784h"` // manifest.MaxAfter
}

// checkRollout checks the rings.
func (cfg *config) checkRollout() {
	mistake := cfg.report.Mistake
	names := map[string]int{}
	for i, ring := range cfg.Rollout.Rings {
		key := fmt.Sprintf("rollout.rings[%d].", i)
		if first, ok := names[ring.Name]; ok && ring.Name != "" {
			mistake(key+"name", fmt.Errorf("%s is listed twice; the first is rollout.rings[%d]", ring.Name, first), "")
			continue
		}
		names[ring.Name] = i
		if ring.Name == "" {
			mistake(key+"name", errors.New("missing"), "for instance {name: canary}")
		} else if err := manifest.CheckRing(ring.Name); err != nil {
			mistake(key+"name", err, "")
		}
		if i == 0 && ring.After != 0 {
			mistake(key+"after", errors.New("the first ring comes after no other"), "leave it out: the first ring follows the newest time that is final in all repos")
		}
		if ring.After%time.Second != 0 {
			mistake(key+"after", fmt.Errorf("is %s, no whole number of seconds", ring.After), "for instance after: 24h")
		}
	}
	if len(cfg.Rollout.Rings) > manifest.MaxRings {
		mistake("rollout.rings", fmt.Errorf("has %d rings, more than %d", len(cfg.Rollout.Rings), manifest.MaxRings), "")
	}
	for i, repo := range cfg.Rollout.Repos {
		if err := manifest.CheckBase(repo); err != nil {
			mistake(fmt.Sprintf("rollout.repos[%d]", i), err, "")
		}
	}
	if len(cfg.Rollout.Repos) > 0 && len(cfg.Rollout.Rings) == 0 {
		mistake("rollout.repos", errors.New("there are no rings"), "for instance rings: [{name: canary}, {name: prod, after: 24h}]")
	}
}

// reasonHelp describes the reason of a change of the rings.
const reasonHelp = "a line of text on why; it is public, on the board of rings, and the record keeps it"

// who is the flag of who changes a ring.
type who struct{ by string }

func (w *who) add(flags *pflag.FlagSet) {
	flags.StringVar(&w.by, "by", "", "`WHO` does it; the record keeps it, and it is not public (default the user of the CI system, or of this machine)")
}

// name is who changes a ring, as the record says.
func (w who) name() string {
	for _, variable := range []string{"GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID", "BUILDKITE_BUILD_AUTHOR", "CIRCLE_USERNAME", "FORGEJO_ACTOR"} {
		w.by = cmp.Or(w.by, os.Getenv(variable))
	}
	if w.by == "" {
		if u, err := user.Current(); err == nil {
			w.by = u.Username
		}
	}
	return cmp.Or(strings.TrimSpace(w.by), "unknown")
}

// needReason reports that what stops a ring has no reason.
func needReason(what, reason string) error {
	if reason == "" {
		return usage(fmt.Errorf("%s needs a reason", what), "add --reason: whoever looks at the ring next reads it")
	}
	return nil
}

// rollout opens the rings of the store. With dry, nothing is written.
func (a *app) rollout(ctx context.Context, by who, dry bool) (*rollout.Rollout, error) {
	cfg, log, err := a.setup()
	if err != nil {
		return nil, err
	}
	store, err := a.store(ctx, cfg, log, false)
	if err != nil {
		return nil, err
	}
	opts := rollout.Options{Store: store, Env: a.env(cfg, log), Repos: cfg.Rollout.Repos, By: by.name(), Dry: dry}
	for _, ring := range cfg.Rollout.Rings {
		opts.Rings = append(opts.Rings, manifest.RingRule{Name: ring.Name, After: int64(ring.After / time.Second)})
	}
	return rollout.New(opts), nil
}

// parseRingTime reads a time that a ring is to stand for.
func parseRingTime(text string) (manifest.ID, error) {
	when, err := manifest.ParseWhen(text)
	if err == nil && when.Kind != manifest.WhenInstant {
		err = fmt.Errorf("%q is no time", text)
	}
	if err != nil {
		return 0, usage(err, "give a time, such as 20250318T140338Z or 2025-03-18")
	}
	return when.Instant, nil
}

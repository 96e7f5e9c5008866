package apt

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/fetch"
)

// Options are the remote's settings, as the configuration file spells them.
type Options struct {
	// URL is the archive's root, the folder that holds dists: http, https or
	// file, without credentials and query. Required.
	URL string `mapstructure:"url"`

	// Suites are the folders below dists, as sources.list(5) names them:
	// bookworm, bookworm-updates. One that ends in a slash is a flat repository,
	// a folder below the archive's root: "./" is the root itself. Required.
	Suites []string `mapstructure:"suites"`

	Components    []string `mapstructure:"components"`    // empty: all that Release lists. Not for flat repositories
	Architectures []string `mapstructure:"architectures"` // empty: all that Release lists. "all" is implied where clients need it. Not for flat repositories

	Sources      bool     `mapstructure:"sources"`      // source packages and their indexes
	Udebs        bool     `mapstructure:"udebs"`        // packages of the installer
	Contents     bool     `mapstructure:"contents"`     // which package a file is in (apt-file)
	Translations []string `mapstructure:"translations"` // languages; empty: all; "none": none
	DEP11        *bool    `mapstructure:"dep11"`        // AppStream metadata and icons; absent: true
	Commands     *bool    `mapstructure:"commands"`     // command-not-found; absent: true
	Installer    bool     `mapstructure:"installer"`    // installer images, by their SHA256SUMS
	PDiffs       bool     `mapstructure:"pdiffs"`       // differences between indexes; without them apt reads whole ones

	// Packages holds files of the pool back. The indexes, which are signed, stay
	// as they are.
	Packages Filter `mapstructure:"packages"`

	// SignedBy are files of OpenPGP public keys, armoured or binary. Each suite
	// must be signed by one of these. Empty: signatures are not checked.
	SignedBy []string `mapstructure:"signed_by"`
	// Verify is "required": a missing SignedBy is an error; "off": it is not even
	// worth a warning; or empty: it is warned about.
	Verify           string `mapstructure:"verify"`
	AllowExpiredKeys bool   `mapstructure:"allow_expired_keys"` // accept what a key signed before it expired
	CheckValidUntil  *bool  `mapstructure:"check_valid_until"`  // refuse a Release past its Valid-Until; absent: true, as apt does
	AllowRollback    bool   `mapstructure:"allow_rollback"`     // accept a Release older than the newest checkpoint's
	AllowWeak        bool   `mapstructure:"allow_weak"`         // accept files of which only MD5 or SHA-1 are known

	fetch.Options `mapstructure:",squash"`
}

func on(option *bool) bool { return option == nil || *option }

// suiteName is one of Options.Suites.
type suiteName struct {
	dir  string // in the tree; empty, or it ends in a slash
	flat bool
}

func (o Options) check() (base *url.URL, suites []suiteName, err error) {
	if base, err = fetch.ParseURL(o.URL); err != nil {
		return nil, nil, fmt.Errorf("url: %w", err)
	}
	if base.RawQuery != "" || base.ForceQuery {
		return nil, nil, errors.New("url: holds a query")
	}
	if !strings.HasSuffix(base.Path, "/") {
		base = base.JoinPath("/")
	}
	if len(o.Suites) == 0 {
		return nil, nil, errors.New("suites: missing")
	}
	for _, name := range o.Suites {
		s, err := parseSuite(name)
		if err != nil {
			return nil, nil, fmt.Errorf("suites: %w", err)
		}
		if slices.Contains(suites, s) {
			return nil, nil, fmt.Errorf("suites: %q is listed twice", name)
		}
		suites = append(suites, s)
	}
	if !slices.ContainsFunc(suites, func(s suiteName) bool { return !s.flat }) && len(o.Components)+len(o.Architectures) > 0 {
		return nil, nil, errors.New("components, architectures: flat repositories have none")
	}
	for _, list := range []struct {
		option string
		names  []string
	}{{"components", o.Components}, {"architectures", o.Architectures}, {"translations", o.Translations}} {
		for _, name := range list.names {
			if err := manifest.CheckPath(name); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", list.option, err)
			}
		}
	}
	return base, suites, o.checkVerify()
}

func (o Options) checkVerify() error {
	switch o.Verify {
	case "", "required", "off":
	default:
		return fmt.Errorf("verify: %q is neither required nor off", o.Verify)
	}
	if o.Verify == "required" && len(o.SignedBy) == 0 {
		return errors.New("verify: required needs keys in signed_by")
	}
	if o.Verify == "off" && len(o.SignedBy) > 0 {
		return errors.New("verify: off contradicts signed_by")
	}
	return nil
}

func parseSuite(name string) (suiteName, error) {
	dir, flat := strings.CutSuffix(name, "/")
	for strings.HasPrefix(dir, "./") {
		dir = dir[2:]
	}
	if flat && (dir == "" || dir == ".") {
		return suiteName{"", true}, nil
	}
	if !flat {
		dir = "dists/" + dir
	}
	dir += "/"
	return suiteName{dir, flat}, manifest.CheckPath(dir + "InRelease")
}

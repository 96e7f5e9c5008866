package apt

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
)

// Options are the remote's settings. The tags are their names in the configuration file.
type Options struct {
	// URL is the root of the archive, the folder that contains dists. The scheme is http,
	// https or file. It has no credentials and no query. Required.
	URL string `yaml:"url"`

	// Suites are folders below dists, as in sources.list(5): bookworm, bookworm-updates.
	// A name that ends in a slash is a flat repository, a folder below the archive's
	// root; "./" is the root itself. Required.
	Suites []string `yaml:"suites"`

	Components    []string `yaml:"components"`    // empty: all that Release lists. Not for flat repositories
	Architectures []string `yaml:"architectures"` // empty: all that Release lists. "all" is implied where clients need it. Not for flat repositories

	Sources      bool     `yaml:"sources"`                 // source packages and their indexes
	Udebs        bool     `yaml:"udebs"`                   // packages of the installer
	Contents     bool     `yaml:"contents"`                // which package a file is in (apt-file)
	Translations []string `yaml:"translations"`            // languages; empty: all; "none": none
	DEP11        *bool    `yaml:"dep11" default:"true"`    // AppStream metadata and icons; absent: true
	Commands     *bool    `yaml:"commands" default:"true"` // command-not-found; absent: true
	Installer    bool     `yaml:"installer"`               // installer images, by their SHA256SUMS
	PDiffs       bool     `yaml:"pdiffs"`                  // differences between indexes; without them apt reads whole ones

	// Packages holds back files of the pool. The indexes are signed, so they stay as they
	// are.
	Packages Filter `yaml:"packages"`

	// StrictFilters makes it an error if an entry of Packages or Translations, or an
	// option for a kind of index, matches nothing. It is a warning otherwise.
	StrictFilters bool `yaml:"strict_filters"`

	// SignedBy are files with OpenPGP public keys, armoured or binary. Each suite must
	// have a signature by one of these keys. Empty: signatures are not checked.
	SignedBy []string `yaml:"signed_by"`
	// Verify says what to do if SignedBy is empty. "required": fail. "off": check
	// nothing, silently. Empty: warn.
	Verify           string `yaml:"verify" allowed:"required, off"`
	AllowExpiredKeys bool   `yaml:"allow_expired_keys"`               // accept what a key signed before it expired
	CheckValidUntil  *bool  `yaml:"check_valid_until" default:"true"` // refuse a Release past its Valid-Until; absent: true, as apt does
	AllowRollback    bool   `yaml:"allow_rollback"`                   // accept a Release older than the newest checkpoint's
	AllowWeak        bool   `yaml:"allow_weak"`                       // accept files of which only MD5 or SHA-1 are known

	// Missing says what to do if upstream lists a file and lastingly does not have it:
	// "fail", the default, or "skip", which publishes without the file. It does not skip
	// indexes that clients can't do without.
	Missing mirror.Missing `yaml:"missing" default:"fail" allowed:"fail, skip"`

	fetch.Options `yaml:",inline"`
}

func on(option *bool) bool { return option == nil || *option }

// suiteName is one of Options.Suites.
type suiteName struct {
	dir  string // in the tree; empty, or it ends in a slash
	flat bool
}

// check reads what the options say together. The error has all that is wrong, as
// [option.Errors].
func (o Options) check() (base *url.URL, suites []suiteName, err error) {
	errs := []error{option.Check(o)}
	wrong := func(name, format string, args ...any) {
		errs = append(errs, option.Errorf(name, format, args...))
	}
	base, err = fetch.ParseURL(o.URL)
	switch {
	case err != nil:
		wrong("url", "%w", err)
	case base.RawQuery != "" || base.ForceQuery:
		wrong("url", "holds a query")
	case !strings.HasSuffix(base.Path, "/"):
		base = base.JoinPath("/")
	}
	if len(o.Suites) == 0 {
		wrong("suites", "missing")
	}
	for i, name := range o.Suites {
		s, err := parseSuite(name)
		if err != nil {
			wrong(fmt.Sprintf("suites[%d]", i), "%w", err)
		} else if slices.Contains(suites, s) {
			wrong(fmt.Sprintf("suites[%d]", i), "%q is listed twice", name)
		}
		suites = append(suites, s)
	}
	flat := len(suites) > 0 && !slices.ContainsFunc(suites, func(s suiteName) bool { return !s.flat })
	for _, list := range []struct {
		option string
		names  []string
		flat   bool // flat repositories have it
	}{{"components", o.Components, false}, {"architectures", o.Architectures, false}, {"translations", o.Translations, true}} {
		if flat && !list.flat && len(list.names) > 0 {
			wrong(list.option, "flat repositories have none")
		}
		for i, name := range list.names {
			if err := manifest.CheckPath(name); err != nil {
				wrong(fmt.Sprintf("%s[%d]", list.option, i), "%w", err)
			}
		}
	}
	if o.Verify == "required" && len(o.SignedBy) == 0 {
		wrong("verify", "required needs keys in signed_by")
	}
	if o.Verify == "off" && len(o.SignedBy) > 0 {
		wrong("verify", "off contradicts signed_by")
	}
	return base, suites, errors.Join(errs...)
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

package rpm

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
)

// Options are the remote's settings. The tags are their names in the configuration file.
type Options struct {
	// URL is the root of the repository, the folder that contains repodata, or with Paths
	// a folder above several. The scheme is http, https or file. It has no credentials and
	// no query. Required, unless there is a list of mirrors.
	URL string `yaml:"url"`

	// Mirrorlist and Metalink, instead of URL, are URLs of lists of mirrors of one
	// repository, by http or https. A mirrorlist has the URL of a repository in each line. A
	// metalink also says which repomd.xml is right. Credentials go to the list's host only.
	Mirrorlist string `yaml:"mirrorlist"`
	Metalink   string `yaml:"metalink"`

	// Paths are the roots of repositories below URL, which make one checkpoint:
	// BaseOS/x86_64/os, AppStream/x86_64/os. "." is URL itself. Empty: URL is the only one.
	Paths []string `yaml:"paths"`

	// Packages holds back packages. The metadata are signed, so they stay as they are.
	Packages Filter `yaml:"packages"`

	// StrictFilters makes it an error if an entry of Packages matches nothing. It is a
	// warning otherwise.
	StrictFilters bool `yaml:"strict_filters"`

	// SignedBy are files with OpenPGP public keys, armoured or binary. Each repository must
	// have a repomd.xml.asc by one of these keys. Empty: signatures are not checked.
	SignedBy []string `yaml:"signed_by"`
	// VerifyPackages checks the signature in each new package, too, by the same keys. With
	// Verify "off" only that: for upstreams that sign packages and no metadata.
	VerifyPackages bool `yaml:"verify_packages"`

	// Verify says what to do if SignedBy is empty. "required": fail. "off": check
	// nothing, silently. Empty: warn. With keys "warn" makes a bad or missing signature of
	// repomd.xml a warning; it is an error otherwise.
	Verify           string `yaml:"verify" allowed:"required, warn, off"`
	AllowExpiredKeys bool   `yaml:"allow_expired_keys"` // accept what a key signed before it expired
	AllowWeak        bool   `yaml:"allow_weak"`         // accept files of which only MD5 or SHA-1 are known

	// What is found beside the metadata, where upstream has it; absent: true. A document of
	// a repository that does not change is looked for again only if its option is true.
	Treeinfo    *bool `yaml:"treeinfo" default:"true"`    // .treeinfo and treeinfo, which describe installers
	Images      *bool `yaml:"images" default:"true"`      // the files that these list
	Deltas      *bool `yaml:"deltas" default:"true"`      // delta RPMs, by prestodelta and deltainfo
	Media       *bool `yaml:"media" default:"true"`       // media.1, which zypper asks for
	ExtraFiles  *bool `yaml:"extra_files" default:"true"` // extra_files.json and what it lists
	ComposeInfo *bool `yaml:"composeinfo" default:"true"` // .composeinfo
	DiscInfo    *bool `yaml:"discinfo" default:"true"`    // .discinfo

	// Missing says what to do if upstream lists a file and lastingly does not have it:
	// "fail", the default, or "skip", which publishes without the file. It does not skip
	// metadata that clients can't do without.
	Missing mirror.Missing `yaml:"missing" default:"fail" allowed:"fail, skip"`

	fetch.Options `yaml:",inline"`
}

// verifyWarn is the value of Verify with which signatures are checked and need not be good.
const verifyWarn = "warn"

func on(option *bool) bool { return option == nil || *option }

// check reads what the options say together. The error has all that is wrong, as
// [option.Errors].
func (o Options) check() (base *url.URL, dirs []string, err error) {
	errs := []error{option.Check(o)}
	wrong := func(name, format string, args ...any) {
		errs = append(errs, option.Errorf(name, format, args...))
	}
	places := 0
	for _, place := range []string{o.URL, o.Mirrorlist, o.Metalink} {
		if place != "" {
			places++
		}
	}
	if places > 1 {
		wrong("url", "only one of url, mirrorlist and metalink can be there")
	}
	if o.URL == "" && places == 1 {
		return o.checkList(errs)
	}
	base, err = parseURL(o.URL)
	switch {
	case err != nil:
		wrong("url", "%w", err)
	case base.RawQuery != "" || base.ForceQuery:
		wrong("url", "holds a query")
	case !strings.HasSuffix(base.Path, "/"):
		base = base.JoinPath("/")
	}
	if err == nil && strings.HasSuffix(base.Path, "/"+repodata) {
		wrong("url", "ends in repodata; it has to be the folder above that")
	}
	for i, path := range o.Paths {
		dir, err := parsePath(path)
		if err != nil {
			wrong(fmt.Sprintf("paths[%d]", i), "%w", err)
		} else if slices.Contains(dirs, dir) {
			wrong(fmt.Sprintf("paths[%d]", i), "%q is listed twice", path)
		}
		dirs = append(dirs, dir)
	}
	if len(dirs) == 0 {
		dirs = []string{""}
	}
	errs = append(errs, o.checkVerify())
	return base, dirs, errors.Join(errs...)
}

func (o Options) checkVerify() error {
	if o.Verify == "required" && len(o.SignedBy) == 0 && !o.trustsList() {
		return option.Errorf("verify", "required needs keys in signed_by, or a metalink by https")
	}
	if o.Verify == "off" && len(o.SignedBy) > 0 && !o.VerifyPackages {
		return option.Errorf("verify", "off contradicts signed_by")
	}
	if o.VerifyPackages && len(o.SignedBy) == 0 {
		return option.Errorf("verify_packages", "needs keys in signed_by")
	}
	return nil
}

// variable is one of dnf's in a URL.
var variable = regexp.MustCompile(`\$(\w+|\{\w+[^}]*\})`)

// parseURL reads the URL of an upstream, which has no variables: a checkpoint is of one
// architecture and release.
func parseURL(raw string) (*url.URL, error) {
	u, err := fetch.ParseURL(raw)
	if err == nil {
		if name := variable.FindString(raw); name != "" {
			return nil, fmt.Errorf("holds %s; dnf's variables are not expanded: write the value, or %%24 for a dollar", name)
		}
	}
	return u, err
}

// trustsList reports whether a metalink proves which repomd.xml is right, if it has hashes.
func (o Options) trustsList() bool { return strings.HasPrefix(o.Metalink, "https://") }

// checkList checks a list of mirrors.
func (o Options) checkList(errs []error) (base *url.URL, dirs []string, err error) {
	name, raw := "mirrorlist", o.Mirrorlist
	if o.Metalink != "" {
		name, raw = "metalink", o.Metalink
	}
	base, err = parseList(raw)
	errs = append(errs, option.Wrap(name, err), o.checkVerify())
	if len(o.Paths) > 0 {
		errs = append(errs, option.Errorf("paths", "a list of mirrors is of one repository"))
	}
	return base, []string{""}, errors.Join(errs...)
}

// parsePath returns the folder of a repository, empty or with a slash at the end.
func parsePath(path string) (dir string, err error) {
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" && segment != "." {
			dir += segment + "/"
		}
	}
	if path == "" || strings.HasPrefix(path, "/") {
		return dir, fmt.Errorf("%q is no folder below url", path)
	}
	return dir, manifest.CheckPath(dir + repomdName)
}

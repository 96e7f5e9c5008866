package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

const configName = "asof.yaml"

// config is asof.yaml. Scalars can be set by the environment too: ASOF_STORE,
// ASOF_SERVE_LISTEN, …; flags win over both.
type config struct {
	Store       string           `mapstructure:"store"`
	UnsafeStore bool             `mapstructure:"unsafe_store"`
	PublicURL   string           `mapstructure:"public_url"`
	Retention   retentionConfig  `mapstructure:"retention"`
	Concurrency int              `mapstructure:"concurrency"`
	LogFormat   string           `mapstructure:"log_format"`
	LogLevel    string           `mapstructure:"log_level"`
	Serve       serveConfig      `mapstructure:"serve"`
	CloudFront  cloudFrontConfig `mapstructure:"cloudfront"`
	Repos       []repoConfig     `mapstructure:"repos"`
}

type retentionConfig struct {
	Mode string `mapstructure:"mode"`
	Days int    `mapstructure:"days"`
}

type cloudFrontConfig struct {
	Distribution  string `mapstructure:"distribution"`
	KeyValueStore string `mapstructure:"key_value_store"`
	Months        int    `mapstructure:"months"`
}

type repoConfig struct {
	Name       string         `mapstructure:"name"`
	Path       string         `mapstructure:"path"`
	Layout     string         `mapstructure:"layout"`
	SlashPages bool           `mapstructure:"slash_pages"`
	Delivery   string         `mapstructure:"delivery"`
	Auth       []authConfig   `mapstructure:"auth"`
	Remote     map[string]any `mapstructure:"remote"` // type, and what that type asks for
}

// settings are the scalar keys with their defaults.
func settings() map[string]any {
	all := serveSettings()
	maps.Copy(all, map[string]any{
		"store": "", "unsafe_store": false, "public_url": "", "retention.mode": "", "retention.days": 0, "concurrency": 32, "log_format": "text", "log_level": "warn",
		"cloudfront.distribution": "", "cloudfront.key_value_store": "", "cloudfront.months": 12,
	})
	return all
}

// bindFlags makes flags override the settings of the same name.
func (a *app) bindFlags(flags *pflag.FlagSet) {
	for key, value := range settings() {
		a.viper.SetDefault(key, value)
		name := strings.NewReplacer("serve.", "", "_", "-").Replace(key)
		if f := flags.Lookup(name); f != nil {
			_ = a.viper.BindPFlag(key, f) // fails for a nil flag only
		}
	}
	a.viper.SetEnvPrefix("asof")
	a.viper.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	a.viper.AutomaticEnv()
}

// config reads the configuration: file, environment, flags.
func (a *app) config() (config, error) {
	var cfg config
	if a.output != "table" && a.output != "json" {
		return cfg, usage(fmt.Errorf("--output: %q is no way to print results", a.output), "use table or json")
	}
	name := a.configFile
	if name == "" {
		name = configName
	}
	a.viper.SetConfigFile(name)
	a.viper.SetConfigType("yaml")
	if err := a.viper.ReadInConfig(); err != nil {
		if a.configFile != "" || !errors.Is(err, fs.ErrNotExist) {
			return cfg, usage(fmt.Errorf("read %s: %w", name, unwrapPath(err)), "asof init writes a file to start from")
		}
	}
	if err := checkKeys("", a.viper.AllSettings(), reflect.TypeFor[config]()); err != nil {
		return cfg, inFile(name, err)
	}
	if err := decode(a.viper.AllSettings(), &cfg); err != nil {
		return cfg, usage(fmt.Errorf("%s: %w", name, err), "")
	}
	if cfg.Concurrency < 1 {
		return cfg, usage(fmt.Errorf("%s: concurrency: %d is less than 1", name, cfg.Concurrency), "")
	}
	if _, err := cfg.Retention.parse(); err != nil {
		return cfg, inFile(name, err)
	}
	if err := cfg.CloudFront.check(); err != nil {
		return cfg, inFile(name, err)
	}
	var err error
	if cfg.PublicURL, err = parsePublicURL(cfg.PublicURL); err != nil {
		return cfg, inFile(name, err)
	}
	if err := cfg.checkRepos(); err != nil {
		return cfg, inFile(name, err)
	}
	if err := cfg.checkServe(); err != nil {
		return cfg, inFile(name, err)
	}
	return cfg, nil
}

// maxDays is the longest retention that S3 takes, 100 years.
const maxDays = 36500

// parse is the retention that the store is told.
func (r retentionConfig) parse() (objstore.Retention, error) {
	const hint = "for instance retention: {mode: governance, days: 30}"
	switch {
	case r == retentionConfig{}:
		return objstore.Retention{}, nil
	case r.Mode != objstore.Governance && r.Mode != objstore.Compliance:
		return objstore.Retention{}, usage(fmt.Errorf("retention.mode: %q is neither governance nor compliance", r.Mode), hint)
	case r.Days < 1 || r.Days > maxDays:
		return objstore.Retention{}, usage(fmt.Errorf("retention.days: %d is not from 1 to %d", r.Days, maxDays), hint)
	}
	return objstore.Retention{Mode: r.Mode, For: time.Duration(r.Days) * 24 * time.Hour}, nil
}

// checkRepos completes the repos and holds what is true of them together.
func (cfg *config) checkRepos() error {
	var bases []manifest.Repo
	names := map[string]bool{}
	for i := range cfg.Repos {
		repo := &cfg.Repos[i]
		if repo.Name == "" {
			return usage(fmt.Errorf("repos[%d].name: missing", i), "")
		}
		if repo.Path == "" {
			repo.Path = repo.Name
		}
		repo.Path = strings.Trim(repo.Path, "/")
		if err := manifest.CheckBase(repo.Name); err != nil {
			return usage(fmt.Errorf("repos[%d].name: %w", i, err), "")
		}
		if err := manifest.CheckBase(repo.Path); err != nil {
			return usage(fmt.Errorf("repos[%d].path: %w", i, err), "")
		}
		layout, err := manifest.ParseLayout(repo.Layout)
		if err != nil {
			return usage(fmt.Errorf("repos[%d].layout: %w", i, err), "")
		}
		if repo.SlashPages && layout != manifest.Full {
			return usage(fmt.Errorf("repos[%d].slash_pages: only the full layout has them", i), "")
		}
		if names[repo.Name] {
			return usage(fmt.Errorf("repos[%d].name: %s is listed twice", i, repo.Name), "")
		}
		names[repo.Name] = true
		bases = append(bases, manifest.Repo{Name: repo.Name, Base: repo.Path})
	}
	if err := manifest.CheckDisjoint(bases); err != nil {
		return usage(fmt.Errorf("repos: %w", err), "")
	}
	return nil
}

// repo is the configured repo with a name.
func (cfg config) repo(name string) (repoConfig, int, error) {
	var names []string
	for i, r := range cfg.Repos {
		if r.Name == name {
			return r, i, nil
		}
		names = append(names, r.Name)
	}
	return repoConfig{}, 0, notFound(fmt.Errorf("repo %q is not configured", name), hintNearest(name, names, "asof.yaml lists no repos"))
}

// checkKeys reports the first setting, in alphabetical order, that t has no
// field for. Maps below a field of type map are left to whoever decodes them.
func checkKeys(where string, settings map[string]any, t reflect.Type) error {
	fields := map[string]reflect.Type{}
	keysOf(t, fields)
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		field, ok := fields[key]
		if !ok {
			known := slices.Sorted(maps.Keys(fields))
			return usage(fmt.Errorf("%s%s: unknown key", where, key), hintNearest(key, known, ""))
		}
		if err := checkValue(where+key, settings[key], field); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(where string, value any, t reflect.Type) error {
	switch value := value.(type) {
	case map[string]any:
		if t.Kind() == reflect.Struct {
			return checkKeys(where+".", value, t)
		}
	case []any:
		for i, v := range value {
			if t.Kind() != reflect.Slice {
				break
			}
			if err := checkValue(fmt.Sprintf("%s[%d]", where, i), v, t.Elem()); err != nil {
				return err
			}
		}
	}
	return nil
}

// keysOf collects the keys of a struct, those of squashed fields included.
func keysOf(t reflect.Type, into map[string]reflect.Type) {
	for f := range t.Fields() {
		tag, rest, _ := strings.Cut(f.Tag.Get("mapstructure"), ",")
		if rest == "squash" {
			keysOf(f.Type, into)
		} else if tag != "" && tag != "-" {
			into[tag] = f.Type
		}
	}
}

// decode fills a struct from settings whose keys were checked.
func decode(settings any, into any) error {
	dec, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:           into,
		WeaklyTypedInput: true, // the environment holds strings only
		DecodeHook:       mapstructure.StringToTimeDurationHookFunc(),
	})
	if err != nil {
		return err
	}
	if err := dec.Decode(settings); err != nil {
		return errors.New(strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", " ")))
	}
	return nil
}

func inFile(name string, err error) error {
	var h *hinted
	if errors.As(err, &h) {
		return usage(fmt.Errorf("%s: %w", name, h.err), h.hint)
	}
	return usage(fmt.Errorf("%s: %w", name, err), "")
}

func hintNearest(name string, known []string, none string) string {
	if near := nearest(name, slices.Clone(known)); near != "" {
		return "did you mean " + near
	}
	if len(known) == 0 {
		return none
	}
	return "known are " + strings.Join(known, ", ")
}

// unwrapPath leaves the file's name to the caller's own words.
func unwrapPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var parse viper.ConfigParseError
	if errors.As(err, &parse) {
		return parse.Unwrap()
	}
	return err
}

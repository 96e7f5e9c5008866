package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/internal/settings"
)

const configName = "asof.yaml"

// envPrefix begins the variables that hold settings.
const envPrefix = "ASOF_"

// configFile is the configuration file, which need not be there.
type configFile struct {
	name  string // as it was given
	path  string // absolute
	found bool
}

// without says what it means that the file does not have something: it is not there, or
// does not list it.
func (f configFile) without(what string) string {
	if !f.found {
		return fmt.Sprintf("there is no %s; asof init writes one to start from", f.path)
	}
	return fmt.Sprintf("%s has no %s", f.path, what)
}

// settingKeys are the keys that variables and flags can set.
func settingKeys() []string {
	single, _ := settings.Keys(reflect.TypeFor[config]())
	return single
}

// variableOf is the variable that sets a key.
func variableOf(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// flagOf is the name of the flag that sets a key, if a command has one.
func flagOf(key string) string {
	return strings.NewReplacer("serve.", "", "_", "-").Replace(key)
}

// bindFlags makes variables, and above them the flags of a command, override the settings
// of the same name.
func (a *app) bindFlags(flags *pflag.FlagSet) {
	for _, key := range settingKeys() {
		_ = a.viper.BindEnv(key, variableOf(key)) // fails without a key only
		if f := flags.Lookup(flagOf(key)); f != nil {
			_ = a.viper.BindPFlag(key, f) // fails for a nil flag only
			a.flags[key] = f
		}
	}
}

// above is what a flag or a variable says of a key. An empty variable says nothing.
func (a *app) above(key string) (text, name string, ok bool) {
	if !a.viper.IsSet(key) {
		return "", "", false
	}
	name = variableOf(key)
	if f := a.flags[key]; f != nil && f.Changed {
		name = "--" + f.Name
	}
	return a.viper.GetString(key), name, true
}

// read reads the configuration, with all mistakes that are in it.
func (a *app) read() (config, error) {
	if a.output != "table" && a.output != "json" {
		return config{}, usage(fmt.Errorf("--output: %q is no way to print results", a.output), "use table or json")
	}
	f, data, err := a.readFile()
	if err != nil {
		return config{}, err
	}
	return a.parse(f, data), nil
}

// parse reads what is in a file, and what stands above it.
func (a *app) parse(f configFile, data []byte) config {
	cfg := config{file: f}
	cfg.report = settings.Decode(f.name, data, &cfg, a.above)
	checkVariables(cfg.report, os.Environ(), data)
	cfg.check()
	a.logFormat = cfg.LogFormat
	return cfg
}

// readFile reads the configuration file. Without --config it need not be there.
func (a *app) readFile() (f configFile, data []byte, err error) {
	f.name = a.configFile
	if f.name == "" {
		f.name = configName
	}
	if f.path, err = filepath.Abs(f.name); err != nil {
		return f, nil, err
	}
	opened, err := os.Open(f.name)
	if a.configFile == "" && errors.Is(err, fs.ErrNotExist) {
		return f, nil, nil
	}
	if err == nil {
		defer opened.Close()
		f.found = true
		data, err = io.ReadAll(io.LimitReader(opened, settings.MaxFile+1))
	}
	if err == nil {
		return f, data, nil
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	hint := "the configuration is looked for at " + f.path
	if errors.Is(err, fs.ErrNotExist) {
		hint += "; asof init writes one to start from"
	}
	return f, nil, usage(fmt.Errorf("read %s: %w", f.name, err), hint)
}

// config reads the configuration. The error has all mistakes.
func (a *app) config() (config, error) {
	cfg, err := a.read()
	if err != nil {
		return cfg, err
	}
	return cfg, cfg.mistakes()
}

// mistakes is everything that is wrong in the configuration.
func (cfg config) mistakes() error {
	list, more := cfg.report.Mistakes()
	var errs []error
	for _, m := range list {
		hint := m.Hint()
		if hint == "" {
			hint = hintOf(m.Err)
		}
		errs = append(errs, usage(m, hint))
	}
	if more > 0 {
		errs = append(errs, usage(fmt.Errorf("%s: and %s", cfg.file.name, count(int64(more), "more mistake", "more mistakes")), ""))
	}
	return errors.Join(errs...)
}

// checkVariables finds variables that were meant to set something: those of keys that only
// the file can set, and those that are near to one that sets something. The others may be
// anybody's, and so may those that the file names.
func checkVariables(report *settings.Report, environ []string, data []byte) {
	single, other := settings.Keys(reflect.TypeFor[config]())
	var known []string
	for _, key := range single {
		known = append(known, strings.TrimPrefix(variableOf(key), envPrefix))
	}
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(variable, envPrefix)
		if !ours || value == "" || slices.Contains(known, name) || namedIn(data, variable) {
			continue
		}
		near := option.Nearest(name, known)
		switch i := slices.IndexFunc(other, func(key string) bool { return variableOf(key) == variable }); {
		case i >= 0:
			report.Outside(variable, fmt.Errorf("a variable can't set %s, which is no single value", other[i]), "write it into the file")
		case near != "":
			report.Outside(variable, errors.New("no setting has this variable"), "did you mean "+envPrefix+near)
		}
	}
}

// namedIn reports whether a file has the name of a variable in it.
func namedIn(data []byte, variable string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(variable) + `\b`).Match(data)
}

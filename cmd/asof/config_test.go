package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/internal/settings"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver"
)

// optionTypes are the structs with settings: the configuration, and the options of each
// type of remote.
func optionTypes() map[string]reflect.Type {
	types := map[string]reflect.Type{"": reflect.TypeFor[config]()}
	for name, options := range remoteTypes() {
		types[name] = reflect.TypeOf(options().options).Elem()
	}
	return types
}

// Every setting has a name, every number has bounds, and every default is within them.
func TestTags(t *testing.T) {
	for name, typ := range optionTypes() {
		if err := option.CheckTags(typ); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Where a package has a bound of its own, the setting's is the same.
func TestBounds(t *testing.T) {
	bounds := map[string]option.Allowed{}
	for _, typ := range []reflect.Type{reflect.TypeFor[repoConfig](), reflect.TypeFor[serveConfig]()} {
		for _, f := range option.Fields(typ) {
			bounds[f.Name] = f.Allowed
		}
	}
	for name, want := range map[string]option.Allowed{
		"grace":       option.Between(0, manifest.MaxGrace),
		"refresh":     option.Between(resolver.MinRefresh, resolver.MaxRefresh),
		"presign_ttl": "1s to " + option.Allowed(option.FormatDuration(objstore.MaxSigned)),
		"layout":      option.Allowed(manifest.Full + ", " + manifest.Thin),
	} {
		if bounds[name] != want {
			t.Errorf("%s: %s, want %s", name, bounds[name], want)
		}
	}
	if d := option.FormatDuration(manifest.DefaultGrace); d != "24h" {
		t.Errorf("repos[].grace has another default than %s", d)
	}
	if f, _ := reflect.TypeFor[config]().FieldByName("Patience"); f.Tag.Get("default") != option.FormatDuration(retry.DefaultPatience) {
		t.Errorf("patience has another default than %s", retry.DefaultPatience)
	}
}

// The documents name every setting, and bounds beside it.
func TestSettingsAreDocumented(t *testing.T) {
	documented := ""
	for _, name := range []string{"../../README.md", "../../docs/operations/remotes.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		documented += string(text)
	}
	for prefix, typ := range map[string]reflect.Type{
		"": reflect.TypeFor[config](), "serve.": reflect.TypeFor[serveConfig](), "retention.": reflect.TypeFor[retentionConfig](),
		"cloudfront.": reflect.TypeFor[cloudFrontConfig](), "repos[].": reflect.TypeFor[repoConfig](),
	} {
		for _, f := range option.Fields(typ) {
			if !isDocumented(documented, "`"+prefix+f.Name+"`", f.Allowed) && f.Type.Kind() != reflect.Struct && f.Name != "repos" && f.Name != "remote" {
				t.Errorf("no document names %s%s with %q", prefix, f.Name, f.Allowed)
			}
		}
	}
	for name, typ := range optionTypes() {
		if name == "" {
			continue
		}
		for _, f := range option.Fields(typ) {
			if !isDocumented(documented, "`"+f.Name+"`", f.Allowed) && !strings.Contains(documented, "      "+f.Name+":") {
				t.Errorf("%s: no document names %s with %q", name, f.Name, f.Allowed)
			}
		}
	}
}

// isDocumented finds a line that names a setting, with its bounds if it has some.
func isDocumented(text, name string, allowed option.Allowed) bool {
	for line := range strings.Lines(text) {
		if strings.Contains(line, name) && (!strings.Contains(string(allowed), " to ") || strings.Contains(line, string(allowed))) {
			return true
		}
	}
	return false
}

// What is written in place of a setting's name was a slip, or is somebody else's.
func TestVariables(t *testing.T) {
	report := settings.Decode("f", nil, new(config), nil)
	checkVariables(report, []string{
		"ASOF_STORE=right", "ASOF_SERVE_LISTEN=right", "ASOF_SERVE_LISTN=x", "ASOF_SOTRE=x", "ASOF_STOR=", "ASOF_SERVE_AUTH=x", "ASOF_REPOS=x", "ASOF_RETENTION=x",
		"ASOF_TOKEN=x", "ASOF_TEST_MINIO=x", "ASOF_X=x", "ASOF_=x", "STORE=x", "ASOF_PUBLIC_URI=named in the file",
	}, []byte("# or ASOF_SOTREX\npassword_env: ASOF_PUBLIC_URI"))
	var got []string
	list, _ := report.Mistakes()
	for _, m := range list {
		got = append(got, m.Error()+" ("+m.Hint()+")")
	}
	want := []string{
		"ASOF_SERVE_LISTN: no setting has this variable (did you mean ASOF_SERVE_LISTEN)",
		"ASOF_SOTRE: no setting has this variable (did you mean ASOF_STORE)",
		"ASOF_SERVE_AUTH: a variable can't set serve.auth, which is no single value (write it into the file)",
		"ASOF_REPOS: a variable can't set repos, which is no single value (write it into the file)",
		"ASOF_RETENTION: a variable can't set retention, which is no single value (write it into the file)",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:8080": "", ":0": "", "[::1]:80": "", "0.0.0.0:65535": "",
		"127.0.0.1": `is 127.0.0.1, without a port`, "localhost": `is "localhost", without a port`, "8080": "is 8080, without a port", "": `is "", without a port`,
		"::1": `is "::1", no address of the form HOST:PORT`, "localhost:": `is "localhost:", no address of the form HOST:PORT`,
		"localhost:https": `is "localhost:https", no address of the form HOST:PORT`, ":http": `is ":http", no address of the form HOST:PORT`, "x:-1": `is "x:-1", no address of the form HOST:PORT`,
		"localhost:65536": `is "localhost:65536", no address of the form HOST:PORT`, "http://localhost:80": `is "http://localhost:80", no address of the form HOST:PORT`,
	} {
		got := ""
		if err := checkAddress(text); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// No file makes the reader fail in another way than by its own words, with a place.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		string(starter),
		"store: ./data\nserve: {refresh: 5, cache: 1MiB, auth: [{user: a, bcrypt: b}]}\n",
		"repos:\n- {name: a, remote: {type: file, url: x, connect_timeout: 10, headers: {a: b}}}\n- &x {name: a, remote: {<<: *x}}\n",
		"repos:\n- {name: a, grace: -1s, remote: {type: apt, url: 'http://h', suites: [s], packages: {include: [\"a (>= 1)\"]}, at: {from: 2025-01-01, step: 24}}}\n",
		"repos: [{name: a, path: b, remote: {type: dir, path: x, exclude: ['['], concurrency: 1e9}}]\n",
		"a: &a [*a]\n", "a: [\n", "\t", "- a", "--- 1\n--- 2", "%YAML 9.9\n---\n", "\"\\", "? [a]\n: b\n", "store: !!binary x\n", "concurrency: 99999999999999999999\n", "\xff\xfe", "store: \x00",
		"public_url: 'https://me:pw@h'\nretention: {mode: x, days: .nan}\ncloudfront: {months: 0x7fffffffffffffff}\n",
	} {
		f.Add(seed)
	}
	leak := regexp.MustCompile(`!!|\byaml: |unmarshal|mapstructure|viper|strconv|interface ?\{|map\[|reflect|time: |decoding|\bint64\b|\bfloat64\b|%!|<nil>|runtime error`)
	f.Fuzz(func(t *testing.T, text string) {
		if leak.MatchString(text) {
			return // its own words come back
		}
		a := newApp(nil, io.Discard, io.Discard)
		a.output = "table"
		cfg := a.parse(configFile{name: "f.yaml", path: "/f.yaml", found: true}, []byte(text))
		if namesFiles := strings.Contains(text, "signed_by") || strings.Contains(text, "cert"); !namesFiles && len(cfg.Repos) > 0 {
			_, _ = a.repos(cfg, nil, slog.New(slog.DiscardHandler))
		}
		list, _ := cfg.report.Mistakes()
		line := 0
		for _, m := range list {
			if said := m.Error() + m.Hint(); leak.MatchString(said) || !strings.HasPrefix(said, "f.yaml:") {
				t.Errorf("says %s", said)
			}
			var at int
			if _, err := fmt.Sscanf(m.Place, "f.yaml:%d", &at); err == nil && at < line {
				t.Errorf("line %d behind line %d", at, line)
			}
			line = at
		}
		if err := cfg.mistakes(); (err != nil) != (len(list) > 0) || err != nil && exitCode(err) != exitUsage {
			t.Errorf("%d mistakes, %v", len(list), err)
		}
	})
}

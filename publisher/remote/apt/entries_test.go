package apt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
)

// What no suite has is a mistake, which the error names with what there is. What only
// some suites have, or what matches nothing, is a warning.
func TestEntries(t *testing.T) {
	all := []string{
		"main/binary-amd64/Packages", "main/binary-arm64/Packages", "main/source/Sources", "main/i18n/Translation-en", "main/i18n/Translation-de",
		"contrib/binary-amd64/Packages", "contrib/binary-arm64/Packages",
	}
	const both = "Architectures: all amd64 arm64\nComponents: main contrib\n"
	on := true
	for name, tt := range map[string]struct {
		fields, updates string   // of Release; updates: of a second suite; empty: there is none
		names           []string // of indexes; nil: all
		opts            Options
		want            string // the error
		hint            string
		warnings        []string
	}{
		"a component": {fields: both, opts: Options{Components: []string{"mian"}},
			want: `components: upstream has nothing for "mian"; it has main, contrib`, hint: "did you mean main"},
		"an architecture": {fields: both, opts: Options{Architectures: []string{"amd46"}},
			want: `architectures: upstream has nothing for "amd46"; it has amd64, all, arm64`, hint: "did you mean amd64"},
		"one of many": {fields: both, opts: Options{Components: []string{"main", "non-free"}},
			want: `components: upstream has nothing for "non-free"; it has main, contrib`, hint: "take it out of the remote's options"},
		"both": {fields: both, opts: Options{Components: []string{"mian", "contirb"}, Architectures: []string{"amd46", "amd64"}},
			want: "2 options do not fit what upstream has:\n  components: upstream has nothing for \"mian\", \"contirb\"; it has main, contrib\n  architectures: upstream has nothing for \"amd46\"; it has amd64, all, arm64",
			hint: "did you mean main, contrib, amd64"},
		"sources are no architecture": {fields: both, opts: Options{Architectures: []string{"amd64", "source"}},
			want: `architectures: upstream has nothing for "source"; it has all, amd64, arm64`, hint: "sources: true takes source packages"},
		"Release lists them":           {fields: "Architectures: amd64 arm64 source\nComponents: main\n", opts: Options{Architectures: []string{"amd64", "source"}}},
		"all is in the others":         {fields: "Architectures: amd64 arm64\nComponents: main contrib\n", opts: Options{Architectures: []string{"amd64", "all"}}},
		"all alone":                    {fields: "Architectures: amd64 arm64\nComponents: main contrib\n", opts: Options{Architectures: []string{"all"}}, want: `architectures: upstream has nothing for "all"; it has amd64, arm64`, hint: "take it out of the remote's options"},
		"without fields":               {opts: Options{Components: []string{"contrib"}, Architectures: []string{"arm64"}}},
		"a typo without fields":        {opts: Options{Components: []string{"contirb"}}, want: `components: upstream has nothing for "contirb"; it has contrib, main`, hint: "did you mean contrib"},
		"neither fields nor names":     {names: []string{"odd"}, opts: Options{Components: []string{"main"}, Architectures: []string{"amd64"}}},
		"a component without indexes":  {fields: "Components: main contrib non-free\n", opts: Options{Components: []string{"non-free"}}},
		"security":                     {fields: "Architectures: amd64\nComponents: updates/main updates/contrib updates/non-free\n", opts: Options{Components: []string{"main", "non-free"}, Architectures: []string{"amd64"}}},
		"security, as Release says":    {fields: "Architectures: amd64\nComponents: updates/main updates/contrib\n", opts: Options{Components: []string{"updates/main"}}},
		"security, as the indexes say": {fields: "Architectures: amd64\nComponents: main contrib\n", opts: Options{Components: []string{"updates/main"}}},
		"a typo in security": {fields: "Components: updates/main updates/contrib updates/non-free\n", opts: Options{Components: []string{"mian"}},
			want: `components: upstream has nothing for "mian"; it has main, updates/non-free, contrib`, hint: "did you mean main"},
		"in a folder": {fields: "Components: updates/main\n", names: []string{"updates/main/binary-amd64/Packages"}, opts: Options{Components: []string{"main"}}, want: `components: upstream has nothing for "main"; it has updates/main`, hint: "take it out of the remote's options"},
		"some suites": {fields: both, updates: "Architectures: all amd64\nComponents: main\n", opts: Options{Components: []string{"main", "contrib"}, Architectures: []string{"amd64", "arm64"}},
			warnings: []string{
				"components: this suite has no contrib, which another one has at=HOST/dists/updates/",
				"architectures: this suite has no arm64, which another one has at=HOST/dists/updates/",
			}},
		"no suite of two": {fields: both, updates: "Architectures: all amd64\nComponents: main\n", opts: Options{Architectures: []string{"amd64", "armhf"}},
			want: `architectures: upstream has nothing for "armhf"; it has arm64, all, amd64`, hint: "did you mean arm64"},
		"languages": {fields: both, opts: Options{Translations: []string{"en", "dk"}},
			warnings: []string{`translations: upstream has nothing for "dk"; it has de, en at=HOST/`}},
		"no languages": {fields: both, opts: Options{Translations: []string{"none"}, StrictFilters: true}},
		"strict languages": {fields: both, opts: Options{Translations: []string{"dk"}, StrictFilters: true},
			want: `translations: upstream has nothing for "dk"; it has de, en`, hint: "did you mean de"},
		"kinds": {fields: both, opts: Options{Sources: true, Contents: true, Installer: true, Udebs: true, PDiffs: true, DEP11: &on, Commands: &on},
			warnings: []string{
				`udebs: is true, and upstream has none at=HOST/`, `contents: is true, and upstream has none at=HOST/`,
				`dep11: is true, and upstream has none at=HOST/`, `commands: is true, and upstream has none at=HOST/`,
				`installer: is true, and upstream has none at=HOST/`, `pdiffs: is true, and upstream has none at=HOST/`,
			}},
		"strict kinds": {fields: both, opts: Options{Contents: true, PDiffs: true, StrictFilters: true},
			want: "2 options do not fit what upstream has:\n  contents: is true, and upstream has none\n  pdiffs: is true, and upstream has none", hint: "take it out of the remote's options"},
		"a filter": {fields: both, opts: Options{Packages: Filter{Include: []string{"package-1", "pakage-2", "pack*", "x*", "package-1 (>= 7)"}, Exclude: []string{"*-dbg"}, Sections: []string{"wbe", "w?b"}, Priorities: []string{"optional", "extra"}}},
			warnings: []string{
				`packages.include: upstream has nothing for "pakage-2", "x*", "package-1 (>= 7)"; did you mean package-2, package-1 at=HOST/`,
				`packages.exclude: upstream has nothing for "*-dbg" at=HOST/`,
				`packages.sections: upstream has nothing for "wbe"; it has web at=HOST/`,
				`packages.priorities: upstream has nothing for "extra"; it has optional at=HOST/`,
			}},
		"a strict filter": {fields: both, opts: Options{Packages: Filter{Include: []string{"package-1", "pakage-2"}}, StrictFilters: true},
			want: `packages.include: upstream has nothing for "pakage-2"; did you mean package-2`, hint: "did you mean package-2"},
		"a strict filter that matches": {fields: both, opts: Options{Components: []string{"main"}, Packages: Filter{Include: []string{"package-1", "pack*"}, Sections: []string{"w*"}}, StrictFilters: true}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			names := tt.names
			if names == nil {
				names = all
			}
			publish := func(suite, fields string) {
				s := suiteFiles{fields: fields, indexes: map[string]string{}}
				for _, name := range names {
					s.indexes[name] = ""
					if strings.HasSuffix(name, "main/binary-amd64/Packages") {
						s.indexes[name] = a.deb("package-1", "1", "Section: web\nPriority: optional\n") + a.deb("package-2", "2", "")
					}
				}
				if suite == "updates" {
					for name := range s.indexes {
						if !strings.HasPrefix(name, "main/binary-amd64/") {
							delete(s.indexes, name)
						}
					}
				}
				a.publish("dists/"+suite+"/", s)
			}
			tt.opts.Suites = []string{"stable"}
			publish("stable", tt.fields)
			if tt.updates != "" {
				tt.opts.Suites = append(tt.opts.Suites, "updates")
				publish("updates", tt.updates)
			}
			r, log := a.logged(tt.opts)
			c, err := r.Capture(t.Context(), nil)
			got := ""
			if err == nil {
				c.Close()
			} else {
				got = strings.ReplaceAll(err.Error(), a.Server.URL, "HOST")
			}
			if got != tt.want {
				t.Fatalf("got  %s\nwant %s", got, tt.want)
			}
			if err != nil {
				hint, _ := errors.AsType[interface {
					error
					Hint() string
				}](err)
				if !errors.Is(err, remote.ErrOptions) || hint == nil || hint.Hint() != tt.hint {
					t.Errorf("hint %q, want %q", hint.Hint(), tt.hint)
				}
			}
			var warnings []string
			for line := range strings.Lines(log()) {
				line = strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(line), "msg="), `\"`, "'")
				warnings = append(warnings, strings.ReplaceAll(strings.ReplaceAll(line, `"`, ""), "'", `"`))
			}
			slices.Sort(warnings)
			slices.Sort(tt.warnings)
			if !slices.Equal(warnings, tt.warnings) {
				t.Errorf("warnings\n%s\nwant\n%s", strings.Join(warnings, "\n"), strings.Join(tt.warnings, "\n"))
			}
		})
	}
}

// A mistake is found before any index is read. Without Release, upstream is asked.
func TestEntriesReadNothing(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", suiteFiles{fields: fields, indexes: map[string]string{"main/binary-amd64/Packages": a.deb("x", "1", "")}})
	text, err := a.fail(a.open(Options{Components: []string{"mian"}}), nil)
	if got := a.Take(); !errors.Is(err, remote.ErrOptions) || slices.ContainsFunc(got, func(request string) bool { return strings.Contains(request, "Packages") }) {
		t.Errorf("%s after %q", text, got)
	}
	a.Remove("dists/stable/Release")
	text, err = a.fail(a.open(Options{Verify: "off", Components: []string{"main", "mian"}, Architectures: []string{"amd64", "arm46"}}), nil)
	want := "2 options do not fit what upstream has:\n  components: upstream has nothing for \"mian\"; it has main\n  architectures: upstream has nothing for \"arm46\"; it has amd64"
	if !errors.Is(err, remote.ErrOptions) || text != want {
		t.Errorf("got %s", text)
	}
	a.capture(a.open(Options{Verify: "off", Components: []string{"main"}, Architectures: []string{"amd64"}}), nil)
}

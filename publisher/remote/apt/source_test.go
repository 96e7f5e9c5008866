package apt

import (
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// A source names what the tree has of each suite, as apt asks for it.
func TestSource(t *testing.T) {
	off, on := false, true
	for name, tt := range map[string]struct {
		fields  string
		names   []string // of the indexes of the suite updates; stable has all
		missing []string // names that upstream does not have
		opts    Options
		want    string
	}{
		"alike": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages"},
			want: "Suites: stable updates\nComponents: main contrib\n"},
		"a component less": {fields: fields, names: []string{"main/binary-amd64/Packages"},
			want: "Suites: stable\nComponents: main contrib\n\nTypes: deb\nSuites: updates\nComponents: main\n"},
		"a chosen component less": {fields: fields, names: []string{"main/binary-amd64/Packages"}, opts: Options{Components: []string{"contrib"}},
			want: "Suites: stable\nComponents: contrib\n"},
		"security": {fields: "Components: updates/main updates/contrib\n", names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages"},
			want: "Suites: stable updates\nComponents: main contrib\n"},
		"security, chosen": {fields: "Components: updates/main updates/contrib\n", names: []string{"main/binary-amd64/Packages"}, opts: Options{Components: []string{"updates/main"}},
			want: "Suites: stable updates\nComponents: main\n"},
		"without fields": {names: []string{"main/binary-amd64/Packages"},
			want: "Suites: stable\nComponents: contrib main\n\nTypes: deb\nSuites: updates\nComponents: main\n"},
		"sources in one": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages", "main/source/Sources"}, opts: Options{Sources: true},
			want: "Suites: stable\nComponents: main contrib\n\nTypes: deb deb-src\nSuites: updates\nComponents: main contrib\n"},
		"only sources": {fields: fields, names: []string{"main/source/Sources"}, opts: Options{Sources: true},
			want: "Suites: stable\nComponents: main contrib\n\nTypes: deb-src\nSuites: updates\nComponents: main\n"},
		"languages": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages", "main/i18n/Translation-en", "main/i18n/Translation-de"}, opts: Options{Translations: []string{"de"}},
			want: "Suites: stable\nComponents: main contrib\n\nTypes: deb\nSuites: updates\nComponents: main contrib\nLanguages: de\n"},
		"a language that upstream lacks": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages", "main/i18n/Translation-en", "main/i18n/Translation-de"},
			missing: []string{"main/i18n/Translation-de"},
			want:    "Suites: stable\nComponents: main contrib\n\nTypes: deb\nSuites: updates\nComponents: main contrib\nLanguages: en\n"},
		"the only language is lacking": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages", "main/i18n/Translation-de"},
			missing: []string{"main/i18n/Translation-de"},
			want:    "Suites: stable\nComponents: main contrib\n\nTypes: deb\nSuites: updates\nComponents: main contrib\nLanguages: none\n"},
		"metadata": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages", "main/dep11/Components-amd64.yml", "main/cnf/Commands-amd64", "main/Contents-amd64"}, opts: Options{DEP11: &off, Commands: &off},
			want: "Suites: stable\nComponents: main contrib\n\nTypes: deb\nSuites: updates\nComponents: main contrib\nTargets-Remove: CNF Contents-deb DEP-11\n"},
		"metadata of an architecture that is left out": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages", "main/dep11/Components-arm64.yml", "main/cnf/Commands-arm64", "main/Contents-arm64"}, opts: Options{DEP11: &on, Architectures: []string{"amd64"}},
			want: "Suites: stable updates\nComponents: main contrib\nArchitectures: amd64\n"},
		"differences": {fields: fields, names: []string{"main/binary-amd64/Packages", "contrib/binary-amd64/Packages", "main/binary-amd64/Packages.diff/Index"},
			want: "Suites: stable\nComponents: main contrib\n\nTypes: deb\nSuites: updates\nComponents: main contrib\nPDiffs: no\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			a.publish("dists/stable/", suiteFiles{fields: tt.fields, indexes: map[string]string{"main/binary-amd64/Packages": a.deb("a", "1", ""), "contrib/binary-amd64/Packages": ""}})
			indexes := map[string]string{}
			for _, name := range tt.names {
				indexes[name] = ""
				if !strings.HasSuffix(name, "Packages") && !strings.HasSuffix(name, "Sources") {
					indexes[name] = "x\n"
				}
			}
			a.publish("dists/updates/", suiteFiles{fields: tt.fields, indexes: indexes})
			for _, name := range tt.missing {
				for _, ext := range []string{"", ".gz", ".zst"} {
					data := a.Content("dists/updates/" + name + ext)
					dir := name[:strings.LastIndex(name, "/")]
					a.Remove("dists/updates/"+name+ext, "dists/updates/"+dir+"/by-hash/SHA256/"+digestOf("SHA256", []byte(data)))
				}
			}
			tt.opts.Suites, tt.opts.Verify = []string{"stable", "updates"}, "off"
			r := a.open(tt.opts)
			guide, err := r.Guide(t.Context(), remotetest.Publish(t, a.capture(r, nil)))
			must(t, err)
			got := strings.ReplaceAll(guide.Usage.Snippets[0].Text, "URIs: {tree}\n", "")
			got = strings.TrimPrefix(strings.ReplaceAll(got, "Trusted: yes\n", ""), "Types: deb\n")
			if got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

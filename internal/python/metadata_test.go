package python

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const metadata = `Metadata-Version: 2.3
Name: Foo
Version: 1.0
Summary: a thing
Requires-Python: >=3.8
Requires-Dist: a
requires-dist: b (>=1) ;
	extra == 'x'
Provides-Extra: x
Dynamic: License

Name: of the description
`

func TestParseMetadata(t *testing.T) {
	want := Metadata{"2.3", "Foo", "1.0", ">=3.8", []string{"a", "b (>=1) ; extra == 'x'"}, []string{"x"}, []string{"License"}}
	for _, text := range []string{
		metadata,
		"\ufeff" + metadata,
		strings.ReplaceAll(metadata, "\n", "\r\n"),
		strings.ReplaceAll(metadata, "\n", "\r"),
		strings.Replace(metadata, "Summary", "Name: Second\nSummary", 1),
		" Name: folded\n:\n: x\n" + metadata,
		strings.Replace(metadata, "\n\n", "\nno field\n", 1),
	} {
		if got, err := ParseMetadata([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	got, err := ParseMetadata([]byte("Name: caf\xe9\nVersion:1"))
	if err != nil || got.Name != "caf\ufffd" {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"":                                     "metadata has no name",
		"\nName: a\nVersion: 1":                "metadata has no name",
		"Name:\nVersion: 1":                    "metadata has no name",
		"Name: a\nno field\nVersion: 1":        "metadata has no version",
		strings.Repeat("x", MaxMetadata) + ":": "metadata has more than 16777216 bytes",
	} {
		if m, err := ParseMetadata([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%.80q: %+v, %v", text, m, err)
		}
	}
}

func TestKnowsDependencies(t *testing.T) {
	for _, c := range []struct {
		version, dynamic string
		want             bool
	}{
		{"2.2", "", true}, {"2.2", "License", true}, {"2.10", "", true}, {"3.0", "", true},
		{"2.1", "", false}, {"1.2", "", false}, {"", "", false}, {"x", "", false},
		{"2.2", "Requires-Dist", false}, {"2.4", "requires-dist", false},
	} {
		m := Metadata{MetadataVersion: c.version, Dynamic: []string{"Version", c.dynamic}}
		if got := m.KnowsDependencies(); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestMetadataOfPackaging(t *testing.T) {
	names := []string{"metadata-version", "name", "version", "requires-python", "requires-dist", "provides-extra", "dynamic"}
	golden(t, "metadata", 20_000, func(t *testing.T, r row) {
		text, _ := r.text(t, 0)
		got := make([][]string, len(names))
		for i := range got {
			got[i] = []string{}
		}
		for name, value := range fields([]byte(text)) {
			if i := slices.Index(names, name); i >= 0 {
				got[i] = append(got[i], value)
			}
		}
		r.want(t, 1, got)
	})
}

// FuzzMetadata: no field holds a line end, and all of them come from the document.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(metadata))
	f.Add([]byte("Name: a\r\n b\rVersion:\xff1\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMetadata(data)
		if err != nil {
			return
		}
		size := 0
		for _, value := range slices.Concat([]string{m.MetadataVersion, m.Name, m.Version, m.RequiresPython}, m.RequiresDist, m.ProvidesExtra, m.Dynamic) {
			if strings.ContainsAny(value, "\r\n") {
				t.Fatalf("%q", value)
			}
			size += len(value)
		}
		if size > 3*len(data) || m.Name == "" || m.Version == "" {
			t.Fatalf("%+v", m)
		}
	})
}

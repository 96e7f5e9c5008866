package history

import (
	"fmt"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/fetch"
)

func TestTimes(t *testing.T) {
	s, err := Open("https://snapshot.example.org/archive/debian", fetch.Options{}, fetch.Env{})
	if err != nil {
		t.Fatal(err)
	}
	now, err := manifest.ParseID("20250304T120000Z")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.URL(now); got != "https://snapshot.example.org/archive/debian/20250304T120000Z/" {
		t.Error(got)
	}
	for _, tt := range []struct {
		setting any
		want    string
	}{
		{"20250301T000000Z", "[20250301T000000Z] <nil>"},
		{[]any{"2025-03-02", "20250301", "20250301"}, "[20250301T000000Z 20250302T000000Z] <nil>"},
		{map[string]any{"from": "2025-03-03", "step": "24h"}, "[20250303T000000Z 20250304T000000Z] <nil>"},
		{map[string]any{"from": "2025-03-03", "to": "2025-03-03", "step": "1h"}, "[20250303T000000Z] <nil>"},
		{map[string]any{"from": "2025-03-04", "to": "20250304T120000Z", "step": "12h"}, "[20250304T000000Z 20250304T120000Z] <nil>"},
		{map[string]any{"from": "0001-01-02", "step": "1s"}, "[] the range has more than 100000 steps"},
	} {
		wanted, err := Parse(tt.setting, now)
		if err != nil {
			t.Errorf("%v: %v", tt.setting, err)
			continue
		}
		times, err := s.Times(t.Context(), wanted, now)
		if got := fmt.Sprint(times, err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.setting, got, tt.want)
		}
	}
	s, err = Open("file:///srv/archive/debian/", fetch.Options{}, fetch.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Times(t.Context(), Schedule{}, now); err == nil {
		t.Error("a folder lists its times")
	}
}

// No time of a schedule is later than now: nothing could be published under it.
func TestFuture(t *testing.T) {
	now, err := manifest.ParseID("20250304T120000Z")
	if err != nil {
		t.Fatal(err)
	}
	const future = " lies in the future; a range without to ends now"
	for _, tt := range []struct {
		setting any
		want    string
	}{
		{"20250304T120001Z", "at: 20250304T120001Z" + future},
		{[]any{"2025-03-02", "2100-01-01"}, "at[1]: 21000101T000000Z" + future},
		{map[string]any{"from": "2025-03-01", "to": "2100-01-01"}, "at.to: 21000101T000000Z" + future},
		{map[string]any{"from": "2025-03-05"}, "at.from: 20250305T000000Z" + future},
	} {
		if _, err := Parse(tt.setting, now); err == nil || err.Error() != tt.want {
			t.Errorf("%v: %v, want %s", tt.setting, err, tt.want)
		}
	}
}

func TestCopies(t *testing.T) {
	now, err := manifest.ParseID("20250304T120000Z")
	if err != nil {
		t.Fatal(err)
	}
	entry := func(time, url any) map[string]any { return map[string]any{"time": time, "url": url} }
	for _, tt := range []struct {
		setting []any
		want    string
	}{
		{[]any{entry("2025-02-01", "https://h/b/"), entry("20250101T120000Z", "file:///a/")}, "[20250101T120000Z 20250201T000000Z] map[20250101T120000Z:file:///a/ 20250201T000000Z:https://h/b/] <nil>"},
		{[]any{entry("2025-02-01", "https://h/b/"), entry("2025-02-01", "https://h/b/")}, "[20250201T000000Z] map[20250201T000000Z:https://h/b/] <nil>"},
		{[]any{entry("2025-02-01", "https://h/b/"), entry("2025-02-01", "https://h/c/")}, "at[1].time: 20250201T000000Z has another url already"},
		{[]any{entry("2025-02-01", "https://h/b/"), "2025-03-01"}, "at[1]: it has no url, and others have"},
		{[]any{entry("2100-01-01", "https://h/b/")}, "at[0].time: 21000101T000000Z lies in the future; a range without to ends now"},
		{[]any{entry("latest", "https://h/b/")}, `at[0].time: "latest" is no time`},
		{[]any{entry("2025-02-01", nil)}, "at[0].url: missing"},
		{[]any{entry("2025-02-01", 7)}, "at[0].url: missing"},
		{[]any{entry("2025-02-01", "https://h/b/?x")}, "at[0].url: holds a query"},
		{[]any{map[string]any{"time": "2025-02-01", "url": "https://h/", "step": "1h"}}, "at[0].step: unknown key; known are time, url"},
	} {
		s, err := Parse(tt.setting, now)
		got := fmt.Sprint(s.Times, " ", s.URLs, " ", err)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: %s, want %s", tt.setting, got, tt.want)
		}
	}
}

func FuzzParseRuns(f *testing.F) {
	for _, seed := range []string{
		`{"result":{"debian":["20250302T000000Z","20250301T000000Z","20250301T000000Z"]}}`, `{"result":{"debian":null}}`, `{"result":{}}`, `[]`, ``, `{"result":{"debian":["x"]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		times, err := parseRuns(data, "debian")
		for i, at := range times {
			if err != nil || !at.Valid() || i > 0 && at <= times[i-1] {
				t.Fatalf("%v, %v", times, err)
			}
		}
	})
}

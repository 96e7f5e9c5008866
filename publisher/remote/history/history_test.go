package history

import (
	"fmt"
	"testing"
	"time"

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
		{20250301, "[20250301T000000Z] <nil>"}, // as YAML reads it
		{time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), "[20250301T000000Z] <nil>"},
		{[]any{"2025-03-02", 20250301, "20250301"}, "[20250301T000000Z 20250302T000000Z] <nil>"},
		{map[string]any{"from": "2025-03-03", "step": "24h"}, "[20250303T000000Z 20250304T000000Z] <nil>"},
		{map[string]any{"from": "2025-03-03", "to": "2025-03-03", "step": "1h"}, "[20250303T000000Z] <nil>"},
		{map[string]any{"from": "2026-01-01", "step": "1h"}, "[] <nil>"},
		{map[string]any{"from": "0001-01-01", "step": "1s"}, "[] the range has more than 100000 steps"},
	} {
		wanted, err := Parse(tt.setting)
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
	if _, err := s.Times(t.Context(), Schedule{To: manifest.NoTime}, now); err == nil {
		t.Error("a folder lists its times")
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

package page

import (
	"fmt"
	"testing"

	"github.com/asof/asof/manifest"
)

// The calendar has a line for each year with checkpoints, the newest first, then
// one for each year in which segments begin.
func TestCalendar(t *testing.T) {
	var checkpoints []manifest.Checkpoint
	for _, s := range []string{"20241231T235959Z", "20260101T000000Z", "20260102T000000Z", "20260301T000000Z"} {
		checkpoints = append(checkpoints, manifest.Checkpoint{ID: id(t, s)})
	}
	segments := []segmentLink{
		{First: "2019-03-01", Last: "2019-11-02"}, {First: "2019-11-03", Last: "2021-01-02"},
		{First: "2024-01-01", Last: "2024-06-01"}, {First: "2024-06-02", Last: "2024-12-30"},
	}
	var got []string
	for _, y := range calendar(checkpoints, segments) {
		line := y.Year
		for _, m := range y.Months {
			if m.Count > 0 {
				line += fmt.Sprintf(" #%s %d/%d", m.Anchor, m.Count, m.Shade)
			}
		}
		for _, s := range y.Segments {
			line += " " + s.First
		}
		got = append(got, line)
	}
	want := []string{
		"2026 #2026-01 2/2 #2026-03 1/1", "2024 #2024-12 1/1",
		"2024 2024-06-02 2024-01-01", "2019–21 2019-11-03 2019-03-01",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestShades(t *testing.T) {
	var checkpoints []manifest.Checkpoint
	for i := range 80 {
		checkpoints = append(checkpoints, manifest.Checkpoint{ID: id(t, "20260101T000000Z") + manifest.ID(i)})
	}
	checkpoints = append(checkpoints, manifest.Checkpoint{ID: id(t, "20260201T000000Z")})
	months := calendar(checkpoints, nil)[0].Months
	if months[0].Shade != 4 || months[1].Shade != 1 || months[2].Shade != 0 {
		t.Errorf("%+v", months[:3])
	}
}

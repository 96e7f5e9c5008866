package mirror

import "testing"

// follow_recommends implies follow_dependencies, and can't be had without it. Neither means
// anything where all packages are taken.
func TestFollow(t *testing.T) {
	for _, tt := range []struct {
		dependencies       *bool
		recommends, chosen bool
		want               bool
		err                string
	}{
		{nil, false, true, false, ""},
		{nil, true, true, true, ""},
		{new(true), false, true, true, ""},
		{new(true), true, true, true, ""},
		{new(false), false, true, false, ""},
		{new(false), false, false, false, ""},
		{new(false), true, true, false, "packages.follow_dependencies: is false; follow_recommends follows dependencies, too: leave out one of the two"},
		{new(true), false, false, false, "packages.follow_dependencies: nothing is chosen that has dependencies to follow"},
		{nil, true, false, false, "packages.follow_recommends: nothing is chosen that recommends anything"},
	} {
		got, err := Follow(tt.dependencies, tt.recommends, tt.chosen)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("%+v: %t, %q", tt, got, text)
		}
	}
}

package edge

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// Both functions allow clients' clocks as much as Go does, and call no later time
// final. The request table can't tell to the second: its rows need no particular clock.
func TestClockSkew(t *testing.T) {
	for name, rules := range map[string][]string{
		"worker.js":     {fmt.Sprintf("const SKEW = %d;", manifest.ClockSkew), "const soon = idOf(Date.now() + SKEW * 1000);", "at > index.horizon && at > soon", "at <= index.horizon && at <= soon"},
		"cloudfront.js": {fmt.Sprintf("const soon = compact(new Date(Date.now() + %d000));", manifest.ClockSkew), "at > head.horizon && at > soon", "at <= head.horizon && at <= soon"},
	} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range rules {
			if strings.Count(string(source), rule) != 1 {
				t.Errorf("%s: want %q, once", name, rule)
			}
		}
	}
}

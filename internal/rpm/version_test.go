package rpm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compared holds pairs of versions, and how rpm 4.18 orders them.
var compared = []struct {
	a, b string
	want int
}{
	{"1.0", "1.0", 0},
	{"1.0", "1.0.0", -1},
	{"1.01", "1.1", 0},
	{"1.010", "1.10", 0},
	{"1.9", "1.10", -1},
	{"1.a", "1.1", -1},
	{"1a", "1.a", 0},
	{"1a", "1a1", -1},
	{"2.0.1a", "2.0.1", 1},
	{"Z", "a", -1},
	{"fc9", "fc10", -1},
	{"99999999999999999999", "100000000000000000000", -1},
	{"1..0", "1_0", 0},
	{"1+", "1.", 0},
	{"xp10.1a", "xp10", 1},
	{"1.é", "1.", 0},
	{"1.0~rc1", "1.0", -1},
	{"1.0~", "1.0~~", 1},
	{"1.0^git1", "1.0", 1},
	{"1.0^git1", "1.0.1", -1},
	{"1.0^git1", "1.0~rc1", 1},
	{"1.0~rc1^git1", "1.0~rc1", 1},
	{"1.0^git1~pre", "1.0^git1", -1},
	{"~", "^", -1},
	{"1^", "1^1", -1},
	{"1:1.0-1", "2.0-1", 1},
	{"0:1.0-1", "1.0-1", 0},
	{"00:1.0-1", ":1.0-1", 0},
	{"9:1.0-1", "10:1.0-1", -1},
	{"a:1", "1", -1}, // no epoch: it is no number
	{"1.0-1", "1.0-1.fc42", -1},
	{"1.0-1~b", "1.0-1", -1},
	{"1.0-1", "1.0", 1},
	{"1.0-~", "1.0", 1}, // a release, if an old one
	{"1-2-3", "1-2.3", 1},
	{"", "0", -1},
	{"", "~", 1},
	{"\xff\x00", "", 0},
}

func TestCompare(t *testing.T) {
	for _, tt := range compared {
		a, b := ParseEVR(tt.a), ParseEVR(tt.b)
		if got := a.Compare(b); got != tt.want {
			t.Errorf("%q and %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := b.Compare(a); got != -tt.want {
			t.Errorf("%q and %q: %d, want %d", tt.b, tt.a, got, -tt.want)
		}
	}
}

func TestParseEVR(t *testing.T) {
	for s, want := range map[string]struct {
		v    EVR
		text string
	}{
		"":             {EVR{"", "", ""}, ""},
		"1.0":          {EVR{"", "1.0", ""}, "1.0"},
		"1.0-1.fc42":   {EVR{"", "1.0", "1.fc42"}, "1.0-1.fc42"},
		"0:1.0-1":      {EVR{"0", "1.0", "1"}, "1.0-1"},
		"2:1.0-1":      {EVR{"2", "1.0", "1"}, "2:1.0-1"},
		"2:1:0-1-2":    {EVR{"2", "1:0-1", "2"}, "2:1:0-1-2"},
		":1.0-":        {EVR{"", "1.0", ""}, "1.0"},
		"x:1.0~^git-1": {EVR{"", "x:1.0~^git", "1"}, "x:1.0~^git-1"},
	} {
		if v := ParseEVR(s); v != want.v || v.String() != want.text {
			t.Errorf("%q: %+v, %s; want %+v", s, v, v, want)
		}
	}
}

// randomEVR is made of what matters to the order.
func randomEVR(r *rand.Rand) string {
	pick := func(least, most int) string {
		var b strings.Builder
		for range least + r.IntN(most-least+1) {
			b.WriteByte("0019abZ.~^_+"[r.IntN(12)])
		}
		return b.String()
	}
	v := pick(1, 7)
	if r.IntN(4) == 0 {
		v = []string{"", "0", "00", "1", "9", "10"}[r.IntN(6)] + ":" + v
	}
	if r.IntN(2) == 0 {
		v += "-" + pick(1, 5)
	}
	return v
}

// TestRPM holds the order against rpm's own.
func TestRPM(t *testing.T) {
	command, err := exec.LookPath("rpm")
	if err != nil {
		t.Skip("the rpm command is not there: apt-get install rpm")
	}
	r := rand.New(rand.NewPCG(4, 2))
	var pairs [][2]string
	for _, tt := range compared {
		if tt.a != "" && tt.a[0] != '\xff' {
			pairs = append(pairs, [2]string{tt.a, tt.b})
		}
	}
	for range 100_000 {
		a := randomEVR(r)
		b := randomEVR(r)
		if i := r.IntN(len(a) + 1); r.IntN(2) == 0 { // one that is much like it
			b = a[:i] + string("019.~^aZ"[r.IntN(8)]) + a[i:]
		}
		pairs = append(pairs, [2]string{a, b})
	}
	var lines strings.Builder
	for _, p := range pairs {
		fmt.Fprintln(&lines, p[0], p[1])
	}
	name := filepath.Join(t.TempDir(), "pairs")
	if err := os.WriteFile(name, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	script := `%{lua: for line in io.lines("` + name + `") do
		local a, b = line:match("^(%S+) (%S+)$")
		print(string.format("%d ", rpm.vercmp(a, b)))
	end}`
	out, err := exec.CommandContext(t.Context(), command, "--eval", script).CombinedOutput()
	answers := strings.Fields(string(out))
	if err != nil || len(answers) != len(pairs) {
		t.Fatalf("%d answers to %d pairs, %v: %.200s", len(answers), len(pairs), err, out)
	}
	for i, p := range pairs {
		if got := fmt.Sprint(ParseEVR(p[0]).Compare(ParseEVR(p[1]))); got != answers[i] {
			t.Errorf("%s and %s: %s, rpm says %s", p[0], p[1], got, answers[i])
		}
	}
}

// FuzzCompare: the order is total, equal versions are alike to others, and the text of a
// proper version reads as the same version.
func FuzzCompare(f *testing.F) {
	f.Add("1.0-1", "1.0", "0:1.0-0")
	f.Add("1:0~", "^", "a-b:c")
	f.Add("\x00", "\xff", "00000")
	f.Fuzz(func(t *testing.T, s, u, w string) {
		v := []EVR{ParseEVR(s), ParseEVR(u), ParseEVR(w)}
		if v[0].Compare(v[0]) != 0 || v[0].Compare(v[1]) != -v[1].Compare(v[0]) {
			t.Fatalf("%q and %q", v[0], v[1])
		}
		if !strings.ContainsAny(v[0].Version, ":-") && ParseEVR(v[0].String()).Compare(v[0]) != 0 {
			t.Fatalf("%+v and %s", v[0], v[0])
		}
		slices.SortFunc(v, EVR.Compare)
		if v[0].Compare(v[1]) > 0 || v[1].Compare(v[2]) > 0 || v[0].Compare(v[2]) > 0 {
			t.Fatalf("%q", v)
		}
		if v[0].Compare(v[1]) == 0 && v[0].Compare(v[2]) != v[1].Compare(v[2]) {
			t.Fatalf("%q", v)
		}
	})
}

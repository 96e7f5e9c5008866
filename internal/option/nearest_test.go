package option

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"url", "type", "path", "main", "amd64", "suites", "store", "serve", "gc", "refresh"}
	for name, want := range map[string]string{
		"mian":    "main",  // two neighbours swapped are one edit
		"amd46":   "amd64", // …
		"ulr":     "url",
		"urll":    "url",
		"ur":      "url",
		"stor":    "store",
		"sotre":   "store",
		"STORE":   "store",
		"refersh": "refresh",
		"gcc":     "gc",
		"cg":      "gc",
		"u":       "", // a letter is near to nothing
		"x":       "",
		"g":       "",
		"":        "",
		"xyz":     "",
		"stub":    "",
		"remote":  "",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := Nearest("x", []string{"x", "y"}); got != "x" {
		t.Errorf("the name itself: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abcd", "badc", 2},
		{"ca", "abc", 3}, // no byte is edited twice
		{"kitten", "sitting", 3}, {"flie", "file", 1},
	} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

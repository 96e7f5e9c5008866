package objstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
)

func TestCheckKey(t *testing.T) {
	for _, tt := range []struct {
		key         string
		good, slash bool // as a key; as a key where slash keys are allowed
	}{
		{"a", true, true}, {"a/b", true, true}, {".asof/pool", true, true}, {"...", true, true}, {"a b/ü+~", true, true}, {`a\b`, true, true},
		{"a/", false, true}, {"a/b/", false, true},
		{"", false, false}, {"/", false, false}, {"/a", false, false}, {"a//", false, false}, {"a//b", false, false},
		{".", false, false}, {"..", false, false}, {"a/..", false, false}, {"../", false, false}, {"a/./b", false, false},
		{"a\x00", false, false}, {"a\tb", false, false}, {"\xff", false, false}, {"a\uFFFF", false, false},
		{strings.Repeat("k", objstore.MaxKey), true, true}, {strings.Repeat("k", objstore.MaxKey+1), false, false},
	} {
		for _, slash := range []bool{false, true} {
			want := tt.good
			if slash {
				want = tt.slash
			}
			if err := objstore.CheckKey(tt.key, slash); (err == nil) != want || err != nil && !errors.Is(err, objstore.ErrBadKey) {
				t.Errorf("CheckKey(%.20q, %v) is %v", tt.key, slash, err)
			}
		}
	}
}

func TestCheckPrefix(t *testing.T) {
	for prefix, good := range map[string]bool{
		"": true, "a": true, "a/": true, "a/b": true, ".a": true, "..a": true, "a/.b": true, ".asof/": true,
		".": false, "..": false, "a/.": false,
		"/": false, "a//": false, "../": false, "./a": false, "a/../b": false, "a\x00": false, "\xff": false,
	} {
		if err := objstore.CheckPrefix(prefix); (err == nil) != good {
			t.Errorf("CheckPrefix(%q) is %v", prefix, err)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, tt := range []struct {
		prefix, after, want string
		some                bool
	}{
		{"", "", "", true}, {"", "a", "a", true}, {"p/", "", "", true}, {"p/", "p/a", "p/a", true}, {"p/", "p/", "p/", true},
		{"p/", "a", "", true}, {"p/", "p", "", true}, {"p/", "p0", "", false}, {"p/", "q", "", false},
	} {
		if got, some := objstore.Bounds(tt.prefix, tt.after); got != tt.want || some != tt.some {
			t.Errorf("Bounds(%q, %q) is %q, %v", tt.prefix, tt.after, got, some)
		}
	}
}

func TestWithPrefix(t *testing.T) {
	mem := memstore.New(memstore.Options{})
	for _, prefix := range []string{"", "/", "//"} {
		if s, err := objstore.WithPrefix(mem, prefix); err != nil || s != objstore.Store(mem) {
			t.Errorf("prefix %q: %v, %v", prefix, s, err)
		}
	}
	for _, prefix := range []string{"..", "a/../b", "a//b", "a\n"} {
		if _, err := objstore.WithPrefix(mem, prefix); !errors.Is(err, objstore.ErrBadKey) {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	s, err := objstore.WithPrefix(mem, "x/y")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), "k", objstore.Bytes(nil), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.Stat(t.Context(), "x/y/k"); err != nil {
		t.Error(err)
	}
}

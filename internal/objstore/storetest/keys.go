package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

func testKeys(t *testing.T, s objstore.Store) {
	list := []string{
		"sp ace/two  spaces", "plus+plus", "til~de", "col:on/2:1.0-1_amd64.deb", "per%cent", "per%2Fcent", "per%25", "ha#sh", "que?ry=1", "amp&amp;", "eq=ual",
		"quo'te", `dou"ble`, "com,ma", "semi;colon", "at@sign", "dol$lar", "ex!cl", "par(en)", "sq[uare]", "cur{ly}", "pi|pe", "ca^ret", "back`tick", "st*ar", "l<t", "g>t",
		"ünïcödé/ß", "u\u0308nfc-not", "日本語/リポジトリ", "\U0001F4E6/\U0001F600", "...", "..a", "a..", ".hidden/.file", "-dash", "~",
		"deep/" + strings.Repeat("d/", 30) + "f",
		"long/" + strings.Repeat(strings.Repeat("n", 200)+"/", 4) + "f",
	}
	for _, key := range list {
		create(t, s, key, key)
	}
	for _, key := range list {
		if got := read(t, s, key); got != key {
			t.Errorf("%q holds %q", key, got)
		}
		if info, err := s.Stat(t.Context(), key); err != nil || info.Key != key {
			t.Errorf("stat of %q: %+v, %v", key, info, err)
		}
		if got := keys(t, s, key, ""); !slices.Contains(got, key) {
			t.Errorf("listed with itself as the prefix: %q, want %q", got, key)
		}
	}
	slices.Sort(list)
	if got := keys(t, s, "", ""); !slices.Equal(got, list) {
		t.Errorf("listed:\n got %q\nwant %q", got, list)
	}
	for i, key := range list {
		dst := "copies/" + key
		if len(dst) > objstore.MaxKey-100 {
			continue
		}
		if err := s.Copy(t.Context(), key, dst, objstore.Attributes{}, false); err != nil {
			t.Errorf("copy %d: %v", i, err)
		} else if got := read(t, s, dst); got != key {
			t.Errorf("the copy of %q is %q", key, got)
		}
		if v, err := s.Swap(t.Context(), "registers/"+key, "", []byte("1"), objstore.Attributes{}); err != nil {
			t.Errorf("register %q: %v", key, err)
		} else if _, err := s.Swap(t.Context(), "registers/"+key, v, []byte("2"), objstore.Attributes{}); err != nil {
			t.Errorf("register %q: %v", key, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
		absent(t, s, key)
	}
}

func testBadKeys(t *testing.T, s objstore.Store) {
	create(t, s, "good", "x")
	for _, key := range []string{
		"", "/", "/a", "a//b", ".", "..", "../a", "a/../b", "a/..", "a/.", "./a", "a/./b",
		"a\x00b", "a\nb", "a\x7fb", "a\u0085b", "\xff", "a\xc3", strings.Repeat("k", objstore.MaxKey+1), strings.Repeat("k/", objstore.MaxKey),
	} {
		for _, m := range methods(key, "good") {
			if m.name == "List" {
				continue
			}
			if err := m.call(t.Context(), s); !errors.Is(err, objstore.ErrBadKey) {
				t.Errorf("%s of %.40q: error %v, want ErrBadKey", m.name, key, err)
			}
		}
	}
	if got := keys(t, s, "", ""); len(got) != 1 {
		t.Errorf("the store holds %q", got)
	}
}

func testSlashKeys(t *testing.T, s objstore.Store) {
	if !s.SlashKeys() {
		for _, m := range methods("dir/", "good") {
			if err := m.call(t.Context(), s); m.name != "List" && !errors.Is(err, objstore.ErrBadKey) {
				t.Errorf("%s: error %v, want ErrBadKey", m.name, err)
			}
		}
		return
	}
	want := []string{"a+", "a/", "a/b", "a/c/", "a/c/d", "a0"}
	for _, key := range want {
		create(t, s, key, "page of "+key)
	}
	if got := keys(t, s, "", ""); !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	if got := keys(t, s, "a/", ""); !slices.Equal(got, want[1:5]) {
		t.Errorf("listed below a/: %q", got)
	}
	if got := keys(t, s, "a/", "a/"); !slices.Equal(got, want[2:5]) {
		t.Errorf("listed below and after a/: %q", got)
	}
	for _, key := range want {
		if got := read(t, s, key); got != "page of "+key {
			t.Errorf("%s holds %q", key, got)
		}
	}
	if err := s.Create(t.Context(), "a/", objstore.Bytes(nil), objstore.Attributes{}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("create again: %v, want ErrExists", err)
	}
	if err := s.Copy(t.Context(), "a/", "b/", objstore.Attributes{}, false); err != nil {
		t.Error(err)
	}
	if got := read(t, s, "b/"); got != "page of a/" {
		t.Errorf("the copy holds %q", got)
	}
	if err := s.Delete(t.Context(), "a/"); err != nil {
		t.Error(err)
	}
	absent(t, s, "a/")
	if got := read(t, s, "a/b"); got != "page of a/b" {
		t.Errorf("a/b holds %q once a/ is gone", got)
	}
}

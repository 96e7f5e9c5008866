package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

func testListOrder(t *testing.T, s objstore.Store) {
	// No key is another's folder: not every store can hold or list both.
	all := []string{
		"A", "a!", "a+", "a,/x", "a-b/c", "a.d/e", "a/b+", "a/b/c", "a/b0/c", "a/c", "a0/z", "a1", "aa/b/c/d/e/f", "b c/d", "b/1", "b/10", "b/2",
		".asof/pool/x", "z", "é/x", "日本/語", "\U0001F4E6",
	}
	for _, key := range all {
		create(t, s, key, key)
	}
	slices.Sort(all)

	prefixes := []string{"", "a", "a/", "a/b", "a/b/", "a+", "a-", "a.d", "b", "b ", ".a", ".asof/", "aa/b/c/d/e/f", "aa/b/c/d/e/f/", "zz", "no/such", "\xc3\xa9", "日"}
	afters := append([]string{"", " ", "a/", "a/b/", "a/a", "a0/", "a/\U0010FFFF", "aa/b/c/z", "b/11", "zzz", "\U0010FFFF"}, all...)
	for _, prefix := range prefixes {
		for _, after := range afters {
			var want []string
			for _, key := range all {
				if strings.HasPrefix(key, prefix) && key > after {
					want = append(want, key)
				}
			}
			if got := keys(t, s, prefix, after); !slices.Equal(got, want) {
				t.Errorf("prefix %q after %q:\n got %q\nwant %q", prefix, after, got, want)
			}
		}
	}
	for info, err := range s.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if info.Size != int64(len(info.Key)) || info.Modified.IsZero() {
			t.Errorf("listed as %+v", info)
		}
	}
	for _, prefix := range []string{"/", "a//", "..", "../", "a/./", "a\x00"} {
		if err := methods(prefix, "")[5].call(t.Context(), s); !errors.Is(err, objstore.ErrBadKey) {
			t.Errorf("prefix %q: error %v, want ErrBadKey", prefix, err)
		}
	}
}

// many stores n objects, several at a time.
func many(t *testing.T, s objstore.Store, n int, name func(int) string) []string {
	t.Helper()
	list := make([]string, n)
	for i := range list {
		list[i] = name(i)
	}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				if err := s.Create(t.Context(), list[i], objstore.Bytes(nil), objstore.Attributes{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	slices.Sort(list)
	return list
}

func testListPages(t *testing.T, s objstore.Store) {
	want := many(t, s, 2105, func(i int) string { return fmt.Sprintf("p/%d/%d +", i%7, i) })
	create(t, s, "o", "")
	create(t, s, "q", "")
	if got := keys(t, s, "p/", ""); !slices.Equal(got, want) {
		t.Errorf("listed %d keys, want %d", len(got), len(want))
	}
	for _, i := range []int{0, 999, 1000, 1001, 2000, 2104} {
		if got := keys(t, s, "p/", want[i]); !slices.Equal(got, want[i+1:]) {
			t.Errorf("after key %d: listed %d keys, want %d", i, len(got), len(want)-i-1)
		}
	}
}

func testListStop(t *testing.T, s objstore.Store) {
	many(t, s, 20, func(i int) string { return fmt.Sprintf("%02d/x", i) })
	seq := s.List(t.Context(), "", "")
	for range 2 { // an iterator may be used again
		n := 0
		for _, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 5 {
				break
			}
		}
		if n != 5 {
			t.Errorf("stopped at %d", n)
		}
	}
	if got := keys(t, s, "", ""); len(got) != 20 {
		t.Errorf("listed %d keys afterwards", len(got))
	}
}

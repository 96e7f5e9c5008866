package storetest

import (
	"errors"
	"io"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

func testRanges(t *testing.T, s objstore.Store) {
	create(t, s, "digits", "0123456789")
	create(t, s, "empty", "")
	for _, tt := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{"digits", 0, objstore.Whole, "0123456789"},
		{"digits", 0, 10, "0123456789"},
		{"digits", 0, 1, "0"},
		{"digits", 3, 4, "3456"},
		{"digits", 3, objstore.Whole, "3456789"},
		{"digits", 9, 1, "9"},
		{"digits", 9, 100, "9"},
		{"digits", 0, 1 << 40, "0123456789"},
		{"digits", 4, 0, ""},
		{"digits", 10, objstore.Whole, ""},
		{"digits", 10, 5, ""},
		{"digits", 10, 0, ""},
		{"empty", 0, objstore.Whole, ""},
		{"empty", 0, 5, ""},
		{"empty", 0, 0, ""},
	} {
		if got := readRange(t, s, tt.key, tt.offset, tt.length); got != tt.want {
			t.Errorf("%s at %d, length %d: %q, want %q", tt.key, tt.offset, tt.length, got, tt.want)
		}
	}
	for _, tt := range []struct {
		key            string
		offset, length int64
	}{
		{"digits", 11, objstore.Whole}, {"digits", 11, 0}, {"digits", 1 << 40, 1},
		{"digits", -1, 1}, {"digits", 0, -2}, {"empty", 1, objstore.Whole},
	} {
		r, err := s.Open(t.Context(), tt.key, tt.offset, tt.length)
		if err == nil {
			data, _ := io.ReadAll(r)
			r.Close()
			t.Errorf("%s at %d, length %d: read %q, want an error", tt.key, tt.offset, tt.length, data)
		} else if errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("%s at %d, length %d: %v, but it is there", tt.key, tt.offset, tt.length, err)
		}
	}
	// The store stays usable after readers are closed early.
	for range 50 {
		r, err := s.Open(t.Context(), "digits", 0, objstore.Whole)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func testMissing(t *testing.T, s objstore.Store) {
	create(t, s, "there", "x")
	for _, key := range []string{"nothing", "not/here/either", "there/below"} {
		for _, m := range methods(key, "new") {
			var want error
			switch m.name {
			case "Open", "Stat", "CopyFrom", "Load":
				want = objstore.ErrNotFound
			case "SwapFrom":
				want = objstore.ErrChanged
			case "List", "Delete":
			default:
				continue // these make the object
			}
			if err := m.call(t.Context(), s); !errors.Is(err, want) {
				t.Errorf("%s of %s: error %v, want %v", m.name, key, err, want)
			}
		}
	}
	for _, length := range []int64{0, 1} {
		if _, err := s.Open(t.Context(), "nothing", 0, length); !errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("open of %d bytes of nothing: %v, want ErrNotFound", length, err)
		}
	}
	absent(t, s, "new")
	if got := keys(t, s, "", ""); len(got) != 1 {
		t.Errorf("the store holds %q", got)
	}
}

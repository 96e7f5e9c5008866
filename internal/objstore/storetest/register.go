package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

const register = "checkpoints/myfile/checkpoints.json"

func swap(t *testing.T, s objstore.Store, old objstore.Version, data string) objstore.Version {
	t.Helper()
	v, err := s.Swap(t.Context(), register, old, []byte(data), objstore.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func testRegister(t *testing.T, s objstore.Store) {
	if _, _, err := s.Load(t.Context(), register, ""); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("load of nothing: %v, want ErrNotFound", err)
	}
	if _, err := s.Swap(t.Context(), register, "d41d8cd98f00b204e9800998ecf8427e", []byte("x"), objstore.Attributes{}); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("swap of nothing, version given: %v, want ErrChanged", err)
	}
	absent(t, s, register)

	v1 := swap(t, s, "", "one")
	load := func(want string, wantVersion objstore.Version) {
		t.Helper()
		data, v, err := s.Load(t.Context(), register, "")
		if err != nil || string(data) != want || v != wantVersion {
			t.Errorf("load gives %q, version %q, error %v; want %q, version %q", data, v, err, want, wantVersion)
		}
	}
	load("one", v1)
	if data, _, err := s.Load(t.Context(), register, v1); !errors.Is(err, objstore.ErrNotModified) || len(data) != 0 {
		t.Errorf("load with its version: %q, %v, want ErrNotModified", data, err)
	}

	if _, err := s.Swap(t.Context(), register, "", []byte("new"), objstore.Attributes{}); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("swap of what is there as absent: %v, want ErrChanged", err)
	}
	v2 := swap(t, s, v1, "two")
	if v1 == v2 || v2 == "" {
		t.Errorf("versions %q, then %q", v1, v2)
	}
	if _, err := s.Swap(t.Context(), register, v1, []byte("stale"), objstore.Attributes{}); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("stale swap: %v, want ErrChanged", err)
	}
	load("two", v2)
	if data, v, err := s.Load(t.Context(), register, v1); err != nil || string(data) != "two" || v != v2 {
		t.Errorf("load with a stale version: %q, %q, %v", data, v, err)
	}

	// A register is an object, too.
	if got := read(t, s, register); got != "two" {
		t.Errorf("read as an object it is %q", got)
	}
	if got := keys(t, s, "checkpoints/", ""); len(got) != 1 || got[0] != register {
		t.Errorf("listed: %q", got)
	}
	if err := s.Create(t.Context(), register, objstore.Bytes([]byte("x")), objstore.Attributes{}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("create over it: %v, want ErrExists", err)
	}

	v3 := swap(t, s, v2, "")
	load("", v3)
	if err := s.Delete(t.Context(), register); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(t.Context(), register, v3, []byte("x"), objstore.Attributes{}); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("swap of what was deleted: %v, want ErrChanged", err)
	}
	swap(t, s, "", "anew")
}

func testSwapRacers(t *testing.T, s objstore.Store) {
	version := objstore.Version("")
	for round := range 3 {
		var won atomic.Int32
		var next atomic.Value
		race(t, func(i int) error {
			v, err := s.Swap(t.Context(), register, version, fmt.Appendf(nil, "round %d racer %d", round, i), objstore.Attributes{})
			if err == nil {
				won.Add(1)
				next.Store(v)
			} else if !errors.Is(err, objstore.ErrChanged) {
				return err
			}
			return nil
		})
		if won.Load() != 1 {
			t.Fatalf("round %d: %d of %d racers swapped, want one", round, won.Load(), racers)
		}
		version = next.Load().(objstore.Version)
		if _, v, err := s.Load(t.Context(), register, ""); err != nil || v != version {
			t.Fatalf("round %d: the version is %q, error %v, the winner's %q", round, v, err, version)
		}
	}
}

// testCounter: no swap that reported success is ever lost.
func testCounter(t *testing.T, s objstore.Store) {
	swap(t, s, "", "0")
	race(t, func(int) error {
		for {
			data, v, err := s.Load(t.Context(), register, "")
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(data))
			if err != nil {
				return err
			}
			_, err = s.Swap(t.Context(), register, v, []byte(strconv.Itoa(n+1)), objstore.Attributes{})
			if !errors.Is(err, objstore.ErrChanged) {
				return err
			}
		}
	})
	data, _, err := s.Load(t.Context(), register, "")
	if err != nil || string(data) != strconv.Itoa(racers) {
		t.Errorf("the counter is %q after %d increments, error %v", data, racers, err)
	}
}

func testMaxRegister(t *testing.T, s objstore.Store) {
	data := bytes.Repeat([]byte{'x'}, objstore.MaxRegister+1)
	if _, err := s.Swap(t.Context(), register, "", data, objstore.Attributes{}); !errors.Is(err, objstore.ErrTooLarge) {
		t.Errorf("swap: %v, want ErrTooLarge", err)
	}
	absent(t, s, register)
	if err := s.Create(t.Context(), register, objstore.Bytes(data), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Load(t.Context(), register, ""); !errors.Is(err, objstore.ErrTooLarge) {
		t.Errorf("load: %v, want ErrTooLarge", err)
	}
}

func testUpdate(t *testing.T, s objstore.Store) {
	v1, err := objstore.Update(t.Context(), s, register, "", []byte("one"), objstore.Attributes{})
	if err != nil {
		t.Fatal(err)
	}
	// As after a lost answer: the same swap again finds its own data.
	again, err := objstore.Update(t.Context(), s, register, "", []byte("one"), objstore.Attributes{})
	if err != nil || again != v1 {
		t.Errorf("the same again: %q, %v, want %q", again, err, v1)
	}
	if _, err := objstore.Update(t.Context(), s, register, "", []byte("two"), objstore.Attributes{}); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("other data: %v, want ErrChanged", err)
	}
}

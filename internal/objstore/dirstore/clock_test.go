package dirstore

import (
	"os"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// The clock of a folder on this machine tells nothing, and to find that out leaves no file
// behind. It looks at a new folder, too.
func TestOwnClock(t *testing.T) {
	s, err := New(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	look := func() {
		t.Helper()
		s.clock.looked = time.Time{}
		if now, known := s.Time(true); known {
			t.Errorf("it is %s", now)
		}
	}
	if _, ok := s.newFile(); !ok {
		t.Error("it does not look at a new folder")
	}
	look()
	if entries, err := os.ReadDir(s.dir + "/" + tempDir); err != nil || len(entries) != 0 {
		t.Errorf("there are %v, %v", entries, err)
	}
	if err := s.Create(t.Context(), "a", objstore.Bytes([]byte("a")), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	look()
	s.clock.looked = time.Time{}
	if _, known := s.Time(false); known || !s.clock.looked.IsZero() {
		t.Error("it looks although nothing is to be written")
	}
	if entries, err := os.ReadDir(s.dir + "/" + tempDir); err != nil || len(entries) != 0 {
		t.Errorf("there are %v, %v", entries, err)
	}
}

func TestAnotherClock(t *testing.T) {
	before := time.Date(2025, 3, 18, 14, 3, 38, 0, time.UTC)
	after := before.Add(time.Second)
	for _, tt := range []struct{ made, ahead time.Duration }{
		{0, 0},
		{-10 * time.Second, 0},
		{11 * time.Second, 0},
		{12 * time.Second, 11 * time.Second},
		{-11 * time.Second, -11 * time.Second},
		{24 * time.Hour, 24*time.Hour - time.Second},
		{-24 * time.Hour, -24 * time.Hour},
	} {
		if got := another(before, before.Add(tt.made), after); got != tt.ahead {
			t.Errorf("made %s later: %s ahead, want %s", tt.made, got, tt.ahead)
		}
	}
}

// The clock is asked for once in a while, not for every operation.
func TestClockIsKept(t *testing.T) {
	s, err := New(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.looked, s.clock.ahead = time.Now(), -24*time.Hour
	now, known := s.Time(true)
	if d := time.Until(now) + 24*time.Hour; !known || d.Abs() > time.Minute {
		t.Errorf("known %t: it is %s", known, now)
	}
}

package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// The lines in the log of a job, where nobody sees a bar.
func TestNotes(t *testing.T) {
	began := time.Date(2025, 3, 18, 14, 3, 38, 0, time.UTC)
	n := &notes{troubles: &troubles{}, what: "debian: reading the remote", files: -1, began: began}
	at := func(d time.Duration, want string) {
		t.Helper()
		if got := n.line(began.Add(d)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	at(12*time.Second, "debian: reading the remote: 12.0 s")
	n.what, n.files, n.bytes = "debian: files", 400, 80e6
	at(10*time.Second, "debian: files: 0 of 400, 0 B of 80 MB, 0 B/s")
	n.Add(100, 20e6)
	n.Retry(errors.New("upstream is busy"))
	at(10*time.Second, "debian: files: 100 of 400, 20 MB of 80 MB, 2.0 MB/s, 30.0 s left, 1 retry")
	n.Retry(fmt.Errorf("create: %w", objstore.ErrUnavailable)) // the meter counts those
	at(100*time.Second, "debian: files: 100 of 400, 20 MB of 80 MB, 200 kB/s, 5m left, 1 retry")
}

// While nothing goes on, as in an outage, there is one line a minute.
func TestNotesDue(t *testing.T) {
	began := time.Date(2025, 3, 18, 14, 3, 38, 0, time.UTC)
	n := &notes{troubles: &troubles{}}
	said := 0
	for i := range 30 { // five minutes
		if i == 12 {
			n.Add(1, 10)
		}
		if n.due(began.Add(time.Duration(i) * 10 * time.Second)) {
			said++
		}
	}
	if said != 5 {
		t.Errorf("%d lines", said)
	}
}

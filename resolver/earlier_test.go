package resolver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/resolvertest"
)

// withHistory is a service over so many checkpoints, a minute apart, and where a path
// leads that many checkpoints back.
func withHistory(t testing.TB, checkpoints int) (s *service, to func(back int, path string) string) {
	t.Helper()
	now := time.Date(2025, 4, 2, 12, 0, 0, 0, time.UTC)
	s = serveFrom(t, resolvertest.History(t, checkpoints, manifest.IDOf(now)), Options{Now: func() time.Time { return now }})
	return s, func(back int, path string) string {
		return "/r/" + (manifest.IDOf(now) - manifest.ID(60*back)).String() + "/" + path
	}
}

// A path that never was costs a bounded number of reads, and none once all is in memory.
// What lies further back is found when asked for again.
func TestEarlierReads(t *testing.T) {
	s, to := withHistory(t, 100)
	const own = 4 // root and leaf of the target's files and pages
	for i, reads := range []int{own + 2*maxUnread, 2 * maxUnread, 2 * maxUnread, 2 * maxUnread, 0} {
		s.want("/r/latest/0never", http.StatusTemporaryRedirect, to(0, "0never"))
		if got := s.store.taken(); len(got) > reads {
			t.Errorf("request %d: %d reads, want up to %d", i, len(got), reads)
		}
	}
	s.want("/r/latest/98.txt", http.StatusTemporaryRedirect, to(1, "98.txt"))
	s.want("/r/latest/35.txt", http.StatusTemporaryRedirect, to(64, "35.txt"))
	s.want("/r/latest/34.txt", http.StatusTemporaryRedirect, to(0, "34.txt")) // beyond 64 checkpoints
	s.wantCalls()
}

// While the store is away a name leads to its own checkpoint, unless memory knows better.
func TestEarlierStoreAway(t *testing.T) {
	s, to := withHistory(t, 3)
	s.want("/r/latest/2.txt", http.StatusTemporaryRedirect, to(0, "2.txt"))
	s.want("/r/latest/1.txt", http.StatusTemporaryRedirect, to(1, "1.txt"))
	s.store.set(away, nil)
	s.want("/r/latest/1.txt", http.StatusTemporaryRedirect, to(1, "1.txt"))
	res := s.want("/r/latest/0.txt", http.StatusTemporaryRedirect, to(0, "0.txt"))
	if got := res.Header().Get("Cache-Control"); got != manifest.CacheNever {
		t.Errorf("Cache-Control: %s", got)
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Error(s.log)
	}
	s.store.set(nil, nil)
	s.want("/r/latest/0.txt", http.StatusTemporaryRedirect, to(2, "0.txt"))
}

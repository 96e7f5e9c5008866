package s3test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// A server says what time it is with every answer, whatever the answer is. Nothing is
// known before the first one, and no request is made to find out.
func testClock(t *testing.T, fresh func(*testing.T, Config) (objstore.Store, Config)) {
	var off time.Duration
	rec := &Recorder{After: func(_ *http.Request, res *http.Response) (*http.Response, error) {
		if off != 0 {
			res.Header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
		}
		return res, nil
	}}
	s, _ := fresh(t, Config{Wrap: rec.Wrap})
	part, err := objstore.WithPrefix(s, "a/prefix")
	if err != nil {
		t.Fatal(err)
	}
	clock, ok := objstore.As[objstore.Clock](part)
	if !ok {
		t.Fatal("it has no clock")
	}
	if _, known := clock.Time(false); known {
		t.Error("its clock is known before it has answered")
	}
	ask := func(want time.Duration) {
		t.Helper()
		if _, _, err := part.Load(t.Context(), "nothing", ""); !errors.Is(err, objstore.ErrNotFound) {
			t.Fatal(err)
		}
		now, known := clock.Time(false)
		if d := time.Until(now) - want; !known || d.Abs() > time.Minute {
			t.Errorf("known %t: the time there is %s, want %s from now", known, now, want)
		}
	}
	ask(0)
	asked := len(rec.requests)
	if asked != 1 {
		t.Errorf("%d requests", asked)
	}
	// A client library may sign the next request for that time: so this is the last.
	off = -24 * time.Hour
	ask(off)
}

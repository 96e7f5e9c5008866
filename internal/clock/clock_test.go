package clock

import (
	"net/http"
	"testing"
	"time"
)

func TestHear(t *testing.T) {
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	sent, received := at("2025-03-18T14:03:38.7Z"), at("2025-03-18T14:03:40.2Z")
	for _, tt := range []struct {
		date, age string
		ahead     time.Duration
		known     bool
	}{
		{"Tue, 18 Mar 2025 14:03:39 GMT", "", 0, true},
		{"Tue, 18 Mar 2025 14:03:38 GMT", "", 0, true}, // its fraction is not told
		{"Tue, 18 Mar 2025 14:03:40 GMT", "0", 0, true},
		{"Tue, 18 Mar 2025 14:03:41 GMT", "", 800 * time.Millisecond, true},
		{"Wed, 19 Mar 2025 14:03:40 GMT", "", 24*time.Hour - 200*time.Millisecond, true},
		{"Tue, 18 Mar 2025 14:03:37 GMT", "", -700 * time.Millisecond, true},
		{"Tue, 18-Mar-25 14:03:39 GMT", "", 0, false},
		{"Thu, 01 Jan 1970 00:00:00 GMT", "", at("1970-01-01T00:00:01Z").Sub(sent), true},
		{"Thu, 01 Jan 1970 00:00:00 GMT", "17", 0, false}, // a cache kept it
		{"yesterday", "", 0, false},
		{"", "", 0, false},
	} {
		var s Server
		s.Hear(sent, received, http.Header{"Date": {tt.date}, "Age": {tt.age}})
		got := s.ahead.Load()
		if _, known := s.Now(); known != tt.known || known != (got != nil) {
			t.Errorf("%q, age %q: known %t, want %t", tt.date, tt.age, known, tt.known)
		}
		if got != nil && *got != tt.ahead {
			t.Errorf("%q: %s ahead, want %s", tt.date, *got, tt.ahead)
		}
	}
}

// The latest answer counts: clocks are set right, too.
func TestTransport(t *testing.T) {
	var s Server
	date := time.Now().Add(-48 * time.Hour)
	client := s.Transport(roundTrip(func() string { return date.UTC().Format(http.TimeFormat) }))
	for _, off := range []time.Duration{-48 * time.Hour, 0} {
		date = time.Now().Add(off)
		if _, err := client.RoundTrip(&http.Request{}); err != nil {
			t.Fatal(err)
		}
		now, known := s.Now()
		if d := time.Until(now) - off; !known || d < -2*time.Second || d > 2*time.Second {
			t.Errorf("%s off: it is %s there", off, now)
		}
	}
}

type roundTrip func() string

func (date roundTrip) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{Header: http.Header{"Date": {date()}}}, nil
}

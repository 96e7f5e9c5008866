package objstore_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) { return a(req) }

func TestMeter(t *testing.T) {
	var m objstore.Meter
	status, failure := 200, error(nil)
	wire := m.Wrap(answers(func(req *http.Request) (*http.Response, error) {
		if failure != nil {
			return nil, failure
		}
		return &http.Response{StatusCode: status, Body: http.NoBody, Request: req}, nil
	}))
	send := func(method, url string) {
		req, err := http.NewRequest(method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := wire.RoundTrip(req); err == nil {
			res.Body.Close()
		}
	}
	for _, method := range []string{"PUT", "POST", "GET", "HEAD", "DELETE"} {
		send(method, "http://s3.example/b/k?list=2")
	}
	send("GET", "http://s3.example/b?list-type=2&prefix=x")
	if got, want := m.Requests(), (objstore.Requests{Writes: 3, Reads: 2, Deletes: 1}); got != want || got.Total() != 6 || m.Failed() != 0 {
		t.Errorf("%+v, want %+v; %d failed", got, want, m.Failed())
	}
	for _, status = range []int{304, 404, 412, 429, 500, 503} { // three of them mean: later
		send("GET", "http://s3.example/b/k")
	}
	for _, failure = range []error{errors.New("reset"), context.Canceled} {
		send("GET", "http://s3.example/b/k")
	}
	if got := m.Requests(); got.Reads != 2+6+2 || m.Failed() != 4 {
		t.Errorf("%+v, %d failed, want 4", got, m.Failed())
	}
	if usd := (objstore.Requests{Writes: 1000, Reads: 10_000, Deletes: 9}).USD(); math.Abs(usd-0.009) > 1e-12 {
		t.Errorf("USD %v", usd)
	}
}

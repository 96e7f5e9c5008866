package objstore

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
)

// Requests counts requests to a store, by S3's price classes.
type Requests struct {
	Writes  int64 `json:"writes"`  // PUT, COPY, POST, LIST
	Reads   int64 `json:"reads"`   // GET, HEAD, and all others
	Deletes int64 `json:"deletes"` // free of charge
}

// What a request costs, in US dollars: the list prices of S3 Standard in
// us-east-1, from https://aws.amazon.com/s3/pricing/ in November 2025. Storage
// and traffic are not included.
const (
	USDPerWrite = 0.005 / 1000
	USDPerRead  = 0.0004 / 1000
)

// Total returns the number of requests.
func (r Requests) Total() int64 { return r.Writes + r.Reads + r.Deletes }

// USD returns what the requests cost at these prices.
func (r Requests) USD() float64 { return float64(r.Writes)*USDPerWrite + float64(r.Reads)*USDPerRead }

// Plus returns the sum of both.
func (r Requests) Plus(o Requests) Requests {
	return Requests{r.Writes + o.Writes, r.Reads + o.Reads, r.Deletes + o.Deletes}
}

// Minus returns r less o.
func (r Requests) Minus(o Requests) Requests {
	return Requests{r.Writes - o.Writes, r.Reads - o.Reads, r.Deletes - o.Deletes}
}

// Priced is a store whose operations are requests that cost money. Reading an
// object or a register is one read. Swapping a register is one write. A listing
// is one write per thousand objects.
type Priced interface {
	// CreateCost returns the requests of a Create of size bytes, if nothing
	// fails. there: the object already exists.
	CreateCost(size int64, there bool) Requests
	// CopyCost returns the requests of a Copy of an object small enough for the
	// store to copy in one request.
	CopyCost(vacant, there bool) Requests
}

// Meter counts the requests that really go out to a store, retries included. The
// zero value is ready to use. It is safe for concurrent use.
type Meter struct{ writes, reads, deletes, failed atomic.Int64 }

// Requests returns the counts so far.
func (m *Meter) Requests() Requests {
	return Requests{m.writes.Load(), m.reads.Load(), m.deletes.Load()}
}

// Failed returns how many requests got no answer, or one that says to try again
// later.
func (m *Meter) Failed() int64 { return m.failed.Load() }

// Wrap returns a transport whose requests are counted.
func (m *Meter) Wrap(wire http.RoundTripper) http.RoundTripper { return metered{m, wire} }

type metered struct {
	*Meter
	wire http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (m metered) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case req.Method == http.MethodPut, req.Method == http.MethodPost, req.URL.Query().Has("list-type"):
		m.writes.Add(1)
	case req.Method == http.MethodDelete:
		m.deletes.Add(1)
	default:
		m.reads.Add(1)
	}
	res, err := m.wire.RoundTrip(req)
	switch {
	case err != nil && !errors.Is(err, context.Canceled),
		err == nil && (res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500):
		m.failed.Add(1)
	}
	return res, err
}

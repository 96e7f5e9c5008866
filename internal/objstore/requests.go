package objstore

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
)

// Requests counts requests to a store, by what S3 asks for them.
type Requests struct {
	Writes  int64 `json:"writes"`  // PUT, COPY, POST, LIST
	Reads   int64 `json:"reads"`   // GET, HEAD, and what else there is
	Deletes int64 `json:"deletes"` // free of charge
}

// What a request costs, in US dollars: the list prices of S3 Standard in us-east-1,
// as https://aws.amazon.com/s3/pricing/ had them in November 2025. Storage and traffic are
// another matter.
const (
	USDPerWrite = 0.005 / 1000
	USDPerRead  = 0.0004 / 1000
)

// Total is the number of requests.
func (r Requests) Total() int64 { return r.Writes + r.Reads + r.Deletes }

// USD is what the requests cost at these prices.
func (r Requests) USD() float64 { return float64(r.Writes)*USDPerWrite + float64(r.Reads)*USDPerRead }

// Plus is the sum of both.
func (r Requests) Plus(o Requests) Requests {
	return Requests{r.Writes + o.Writes, r.Reads + o.Reads, r.Deletes + o.Deletes}
}

// Minus is what r has more than o.
func (r Requests) Minus(o Requests) Requests {
	return Requests{r.Writes - o.Writes, r.Reads - o.Reads, r.Deletes - o.Deletes}
}

// Priced is a store whose operations are requests, which cost something. Reading
// an object or a register is one read, swapping a register one write, and a
// listing one write for each thousand objects.
type Priced interface {
	// CreateCost is the requests of a Create of so many bytes, where nothing
	// fails; there: an object stands under the key.
	CreateCost(size int64, there bool) Requests
	// CopyCost is the same for a Copy of an object that the store copies by one
	// request.
	CopyCost(vacant, there bool) Requests
}

// IsPriced reports whether a store is, also behind a prefix.
func IsPriced(s Store) (Priced, bool) {
	if p, ok := s.(prefixed); ok {
		return IsPriced(p.store)
	}
	priced, ok := s.(Priced)
	return priced, ok
}

// Meter counts the requests that really go out to a store, retries included. The
// zero value is ready. It is safe for concurrent use.
type Meter struct{ writes, reads, deletes, failed atomic.Int64 }

// Requests is what was counted.
func (m *Meter) Requests() Requests {
	return Requests{m.writes.Load(), m.reads.Load(), m.deletes.Load()}
}

// Failed is how many of them got no answer, or one that says to try again later.
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

package s3core

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/asof/asof/internal/clock"
	"github.com/asof/asof/internal/network"
	"github.com/asof/asof/internal/objstore"
)

// Options are the options of all drivers. A driver adds its own.
type Options struct {
	// Bucket is the bucket's name. Required.
	Bucket string
	// Concurrency is the number of idle connections to keep. 0: 32.
	Concurrency int
	// MaxAttempts is how often a request is tried in all. 0: 5.
	MaxAttempts int
	// WrapTransport, if not nil, wraps the HTTP transport: to count requests.
	WrapTransport func(http.RoundTripper) http.RoundTripper
	// UserAgent, such as "asof/1.2", is added to the library's. Empty: nothing.
	UserAgent string
	// Retention applies to every object, but to no register. Zero: none.
	Retention objstore.Retention
	// Now is the clock that a retention counts from. Nil: time.Now.
	Now func() time.Time
	// Logger gets what is not returned as an error, such as an upload that could
	// not be aborted. Nil: nothing is logged.
	Logger *slog.Logger
	// PutLimit is the largest body, in bytes, that is sent as one request; larger
	// ones are uploaded in parts. 0: 64 MiB.
	PutLimit int64
	// PartSize is the size of a part in bytes, unless the body would need more
	// than 10,000 of them. S3's minimum is 5 MiB. 0: 16 MiB.
	PartSize int64
	// PartsInFlight is how many parts of one body are uploaded at a time. An
	// upload takes that many buffers of PartSize, unless the body has OpenAt and
	// its parts need no digest. 0: 3.
	PartsInFlight int
	// CopyLimit is the largest source, in bytes, that the store copies in one
	// request. It matters only once the store has refused one. 0: 5 GiB.
	CopyLimit int64
}

// Server is what a driver knows of its server.
type Server struct {
	// CopyTakesCondition: CopyObject honours If-None-Match, as on AWS. Without
	// it, a copy looks at its destination first.
	CopyTakesCondition bool
	// Private: nobody can change a request on its way ([Private]). Then the parts
	// of a body are not hashed again: the body is hashed as a whole when it is
	// read.
	Private bool
	// Hints are what a user can do about a connection, in the driver's words.
	Hints network.Settings
	// Clock is what [Wire] has heard of the server's.
	Clock *clock.Server
}

// Private reports whether requests to an endpoint use TLS, or stay on this
// machine.
func Private(endpoint *url.URL) bool {
	ip := net.ParseIP(endpoint.Hostname())
	return endpoint.Scheme == "https" || endpoint.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Complete checks options and fills in defaults. driver names the driver in
// errors.
func (o Options) Complete(driver string) (Options, error) {
	if o.Bucket == "" {
		return o, fmt.Errorf("open %s store: no bucket given", driver)
	}
	if err := o.Retention.Check(); err != nil {
		return o, fmt.Errorf("open %s store: retention: %w", driver, err)
	}
	if o.Concurrency == 0 {
		o.Concurrency = 32
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 5
	}
	if o.PutLimit == 0 {
		o.PutLimit = 64 << 20
	}
	if o.PartSize == 0 {
		o.PartSize = 16 << 20
	}
	if o.PartsInFlight == 0 {
		o.PartsInFlight = 3
	}
	if o.CopyLimit == 0 {
		o.CopyLimit = 5 << 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

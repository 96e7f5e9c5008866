package service

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// clientsKept bounds the clients that are remembered; twice as many at most.
const clientsKept = 32 << 10

// limits bounds the rate of each client. Clients are kept in two generations:
// when the young one is full, the old one is forgotten. It is safe for
// concurrent use.
type limits struct {
	rate  rate.Limit
	burst int

	mu         sync.Mutex
	young, old map[netip.Addr]*rate.Limiter
}

func newLimits(perSecond float64, burst int) *limits {
	if burst <= 0 {
		burst = max(1, int(math.Ceil(2*perSecond)))
	}
	return &limits{rate: rate.Limit(perSecond), burst: burst, young: map[netip.Addr]*rate.Limiter{}}
}

// wait is how long a client must wait for its next request; 0: it may go on.
func (l *limits) wait(client netip.Addr, now time.Time) time.Duration {
	if client.Is6() {
		// Who has one address has 2^64.
		network, _ := client.Prefix(64) // fails for lengths beyond the address's only
		client = network.Addr()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.young[client]
	if limiter == nil {
		if limiter = l.old[client]; limiter == nil {
			limiter = rate.NewLimiter(l.rate, l.burst)
		}
		if len(l.young) >= clientsKept {
			l.old, l.young = l.young, map[netip.Addr]*rate.Limiter{}
		}
		l.young[client] = limiter
	}
	r := limiter.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait
	}
	return 0
}

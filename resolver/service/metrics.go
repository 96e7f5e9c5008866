package service

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver"
)

// Metrics is what Prometheus is told, and the http.Handler that tells it.
type Metrics struct {
	http.Handler
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	byStatus [600]prometheus.Counter // of requests, so that none is looked up
	latency  prometheus.Histogram
	errors   *prometheus.CounterVec
}

// NewMetrics returns metrics of a process, without a resolver as yet.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "asof_requests_total", Help: "Requests by the status of their answers; 0: cut off before there was one.",
		}, []string{"status"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "asof_request_duration_seconds", Help: "From the header of a request to the end of its answer.",
			Buckets: []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3, 10, 30, 100, 300},
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "asof_store_errors_total", Help: "Operations that the store failed, by what it said.",
		}, []string{"operation", "error"}),
	}
	m.registry.MustRegister(m.requests, m.latency, m.errors, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, status := range []int{200, 206, 301, 302, 304, 307, 400, 401, 404, 405, 410, 412, 414, 416, 429, 503} {
		m.byStatus[status] = m.requests.WithLabelValues(strconv.Itoa(status))
	}
	m.Handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

func (m *Metrics) observe(status int, took time.Duration) {
	if status < len(m.byStatus) && m.byStatus[status] != nil {
		m.byStatus[status].Inc()
	} else {
		m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	m.latency.Observe(took.Seconds())
}

// Watch adds what a resolver knows.
func (m *Metrics) Watch(r *resolver.Resolver, now func() time.Time) {
	repo, ring := []string{"repo"}, []string{"ring"}
	m.registry.MustRegister(&state{
		resolver:    r,
		now:         now,
		ready:       prometheus.NewDesc("asof_ready", "1 once the registry was read.", nil, nil),
		checkpoints: prometheus.NewDesc("asof_checkpoints", "Checkpoints that are listed.", repo, nil),
		lag:         prometheus.NewDesc("asof_horizon_lag_seconds", "How far the horizon lies in the past: how long ago the last publish was. +Inf if it lies in the future.", repo, nil),
		ahead:       prometheus.NewDesc("asof_horizon_ahead_seconds", "How far the horizon lies in the future: a machine whose clock was ahead has published.", repo, nil),
		age:         prometheus.NewDesc("asof_index_age_seconds", "For how long it is unknown whether the index has changed.", repo, nil),
		stale:       prometheus.NewDesc("asof_index_stale", "1 while the index can't be read.", repo, nil),
		ringAge:     prometheus.NewDesc("asof_ring_age_seconds", "How far the time that a ring stands for lies in the past.", ring, nil),
		ringDue:     prometheus.NewDesc("asof_ring_due_seconds", "In how many seconds a ring may move on; 0: asof promote would move it now. Left out while nobody knows, or it is held.", ring, nil),
		ringHeld:    prometheus.NewDesc("asof_ring_held", "1 while a ring is held.", ring, nil),
	})
}

// state collects what a resolver knows when it is asked for.
type state struct {
	resolver                                   *resolver.Resolver
	now                                        func() time.Time
	ready, checkpoints, lag, ahead, age, stale *prometheus.Desc
	ringAge, ringDue, ringHeld                 *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.ready, s.checkpoints, s.lag, s.ahead, s.age, s.stale, s.ringAge, s.ringDue, s.ringHeld} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *state) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	bit := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	now := s.now()
	repos, ready := s.resolver.Status()
	gauge(s.ready, bit(ready))
	for _, r := range repos {
		gauge(s.checkpoints, float64(r.Checkpoints), r.Name)
		gauge(s.stale, bit(r.Stale), r.Name)
		if !r.Horizon.IsZero() {
			lag := now.Sub(r.Horizon.Time()).Seconds()
			gauge(s.ahead, max(-lag, 0), r.Name)
			if lag < -manifest.MaxSkew {
				lag = math.Inf(1) // nobody knows when the last publish was
			}
			gauge(s.lag, max(lag, 0), r.Name)
		}
		if !r.Checked.IsZero() {
			gauge(s.age, now.Sub(r.Checked).Seconds(), r.Name)
		}
	}
	// What a ring waits for may stand in a segment that is not in memory.
	ctx, cancel := context.WithTimeout(context.Background(), ringsTimeout)
	defer cancel()
	for _, r := range s.resolver.Rings(ctx) {
		gauge(s.ringHeld, bit(r.Held), r.Name)
		if !r.Time.IsZero() {
			gauge(s.ringAge, max(now.Sub(r.Time.Time()).Seconds(), 0), r.Name)
		}
		if !r.Due.IsZero() {
			gauge(s.ringDue, max(r.Due.Time().Sub(now).Seconds(), 0), r.Name)
		}
	}
}

// ringsTimeout is for how long a scrape waits to learn when rings may move.
const ringsTimeout = 3 * time.Second

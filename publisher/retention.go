package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/internal/catalog"
	"github.com/asof/asof/manifest"
)

// Policy says which checkpoints to keep, as restic does: a checkpoint stays if
// any of the rules keeps it. The newest, and those that a channel names, always do.
type Policy struct {
	Last    int // the newest so many
	Hourly  int // of the newest so many hours that have any, the newest each
	Daily   int
	Weekly  int // ISO 8601 weeks
	Monthly int
	Yearly  int
	Within  Span // all within this span before the newest
	IDs     []manifest.ID
}

// Decision is what a policy says of one checkpoint.
type Decision struct {
	ID           manifest.ID // of the checkpoint
	Files, Bytes int64
	Keep         bool
	Reasons      []string // why it stays
}

// ErrNoPolicy: a policy without rules would prune all but the newest.
var ErrNoPolicy = errors.New("no rule says what to keep")

// period groups instants: those with the same name lie in the same period.
type period struct {
	name string
	keep int
	of   func(time.Time) string
}

func (p Policy) periods() []period {
	layout := func(l string) func(time.Time) string { return func(t time.Time) string { return t.Format(l) } }
	week := func(t time.Time) string { y, w := t.ISOWeek(); return fmt.Sprintf("%04d-W%02d", y, w) }
	return []period{
		{"hourly", p.Hourly, layout("2006-01-02T15")},
		{"daily", p.Daily, layout("2006-01-02")},
		{"weekly", p.Weekly, week},
		{"monthly", p.Monthly, layout("2006-01")},
		{"yearly", p.Yearly, layout("2006")},
	}
}

func (p Policy) check(decisions []Decision) error {
	rules := []int{p.Last, p.Hourly, p.Daily, p.Weekly, p.Monthly, p.Yearly}
	any := len(p.IDs) > 0 || p.Within != Span{}
	for _, n := range rules {
		if n < 0 {
			return fmt.Errorf("a rule keeps %d checkpoints", n)
		}
		any = any || n > 0
	}
	if !any {
		return ErrNoPolicy
	}
	for _, id := range p.IDs {
		if _, ok := slices.BinarySearchFunc(decisions, id, func(d Decision, id manifest.ID) int { return cmp.Compare(d.ID, id) }); !ok {
			return fmt.Errorf("keep %s: %w", id, manifest.ErrNoCheckpoint)
		}
	}
	return nil
}

// Decide applies the policy to all that an index lists. The decisions are in
// ascending order of the ids.
func (p Policy) Decide(ctx context.Context, history *catalog.History) ([]Decision, error) {
	index := history.Index
	listed, _ := index.Count()
	decisions := make([]Decision, 0, listed)
	for part, err := range history.All(ctx) {
		if err != nil {
			return nil, err
		}
		for _, c := range part.Checkpoints {
			decisions = append(decisions, Decision{ID: c.ID, Files: c.Files, Bytes: c.Bytes})
		}
	}
	if err := p.check(decisions); err != nil {
		return nil, err
	}
	keep := func(d *Decision, reason string) {
		d.Keep = true
		d.Reasons = append(d.Reasons, reason)
	}
	named := map[manifest.ID]bool{}
	for _, id := range p.IDs {
		named[id] = true
	}
	channels := map[manifest.ID]bool{}
	for _, id := range index.Channels {
		channels[id] = true
	}
	newest, _ := index.Newest()
	since := p.Within.before(newest.ID.Time())
	periods := p.periods()
	last := make([]string, len(periods)) // the period of the last one kept
	// From the newest to the oldest: in each period the newest stays.
	for i := len(decisions) - 1; i >= 0; i-- {
		d := &decisions[i]
		id := d.ID
		age := len(decisions) - 1 - i
		if age == 0 {
			keep(d, "newest")
		}
		if channels[id] {
			keep(d, "channel")
		}
		if named[id] {
			keep(d, "named")
		}
		if age < p.Last {
			keep(d, "last")
		}
		if p.Within != (Span{}) && !id.Time().Before(since) {
			keep(d, "within")
		}
		for k := range periods {
			if in := periods[k].of(id.Time()); periods[k].keep > 0 && in != last[k] {
				last[k] = in
				periods[k].keep--
				keep(d, periods[k].name)
			}
		}
	}
	return decisions, nil
}

// Span is a length of time in calendar units.
type Span struct{ Years, Months, Days, Hours int }

// ParseSpan reads a span such as 30d, 2w, 12h or 1y6m: years, months (m), weeks,
// days, hours, each at most once and in this order.
func ParseSpan(s string) (Span, error) {
	var span Span
	bad := fmt.Errorf("%q is no span of time: write 30d, 2w, 12h, 1y6m", s)
	rest, units := s, "ymwdh"
	for rest != "" {
		i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if i < 1 {
			return Span{}, bad
		}
		n, err := strconv.Atoi(rest[:i])
		at := strings.IndexByte(units, rest[i])
		if err != nil || n > 100_000 || at < 0 {
			return Span{}, bad
		}
		switch units[at] {
		case 'y':
			span.Years = n
		case 'm':
			span.Months = n
		case 'w':
			span.Days = 7 * n
		case 'd':
			span.Days += n
		case 'h':
			span.Hours = n
		}
		rest, units = rest[i+1:], units[at+1:]
	}
	if span == (Span{}) {
		return Span{}, bad
	}
	return span, nil
}

func (s Span) before(t time.Time) time.Time {
	return t.AddDate(-s.Years, -s.Months, -s.Days).Add(-time.Duration(s.Hours) * time.Hour)
}

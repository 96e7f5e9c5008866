package retain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
)

// Policy says which checkpoints to keep, as in restic: a checkpoint stays if any
// rule keeps it. The newest one, those that a channel names, and those that a ring stands on
// or would be rolled back to always stay.
type Policy struct {
	Last    int // this many of the newest
	Hourly  int // the newest of each of this many hours that have any
	Daily   int
	Weekly  int // ISO 8601 weeks
	Monthly int
	Yearly  int
	Within  Span // all within this span before the newest
	IDs     []manifest.ID
	// Drop are checkpoints that go. Then all others stay, without any other rule. What was
	// pruned already is passed over.
	Drop []manifest.ID
	// Force drops also what a channel names, and what a ring stands on or would be rolled back
	// to. Never the newest.
	Force bool
}

// ErrNoPolicy: a policy without rules would prune all but the newest.
var ErrNoPolicy = errors.New("no rule says what to keep")

// ErrDropAndKeep: a policy names what goes, and has rules for what stays.
var ErrDropAndKeep = errors.New("what goes is named, so all others stay, and no rule can say so")

// period groups instants: those with the same name are in the same period.
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

// check checks the rules, and that the listed ids exist.
func (p Policy) check(ctx context.Context, history *manifest.History) error {
	rules := []int{p.Last, p.Hourly, p.Daily, p.Weekly, p.Monthly, p.Yearly}
	any := len(p.IDs) > 0 || p.Within != Span{}
	if len(p.Drop) > 0 && (any || slices.ContainsFunc(rules, func(n int) bool { return n != 0 })) {
		return ErrDropAndKeep
	}
	any = any || len(p.Drop) > 0
	for _, n := range rules {
		if n < 0 {
			return fmt.Errorf("a rule keeps %d checkpoints", n)
		}
		any = any || n > 0
	}
	if !any {
		return ErrNoPolicy
	}
	for _, id := range slices.Sorted(slices.Values(p.IDs)) {
		if _, ok, err := history.Find(ctx, id); err != nil {
			return err
		} else if !ok {
			return fmt.Errorf("keep %s: %w", id, manifest.ErrNoCheckpoint)
		}
	}
	return nil
}

// Decide applies the policy to all that an index lists, part by part.
func (p Policy) Decide(ctx context.Context, history *manifest.History) (*Decisions, error) {
	if err := p.check(ctx, history); err != nil {
		return nil, err
	}
	d := &Decisions{history: history}
	var err error
	if d.Drops, err = p.drops(ctx, history); err != nil {
		return nil, err
	}
	d.Listed, _ = history.Index.Count()
	channels := slices.Collect(maps.Values(history.Index.Channels))
	newest, _ := history.Index.Newest()
	since := p.Within.before(newest.ID.Time())
	periods := p.periods()
	last := make([]string, len(periods)) // the period of the last one kept
	rings := stands(history.Rings())
	age := 0
	// From the newest to the oldest: the newest of each period stays.
	for part, err := range history.Backward(ctx) {
		if err != nil {
			return nil, err
		}
		for _, c := range slices.Backward(part.Checkpoints) {
			var why reasons
			dropped, onRing := slices.Contains(p.Drop, c.ID), rings.on(c.ID)
			why.add(becauseNewest, age == 0)
			why.add(becauseChannel, !dropped && slices.Contains(channels, c.ID))
			why.add(becauseRing, !dropped && onRing)
			why.add(becauseOther, len(p.Drop) > 0 && !dropped)
			why.add(becauseNamed, slices.Contains(p.IDs, c.ID))
			why.add(becauseLast, age < p.Last)
			why.add(becauseWithin, p.Within != Span{} && !c.ID.Time().Before(since))
			for k := range periods {
				if periods[k].keep <= 0 {
					continue
				}
				if in := periods[k].of(c.ID.Time()); in != last[k] {
					last[k] = in
					periods[k].keep--
					why.add(becauseHourly+k, true)
				}
			}
			if why != 0 {
				d.kept = append(d.kept, kept{c.ID, why})
			}
			age++
		}
	}
	slices.Reverse(d.kept)
	return d, nil
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

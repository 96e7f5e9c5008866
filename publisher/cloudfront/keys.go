// Package cloudfront tells Amazon CloudFront what was published. It fills a key
// value store with what the function resolver/edge/cloudfront.js needs to resolve
// any time, and drops outdated copies from a distribution's cache.
//
// The store's keys begin with the repo's base path. Values are text. Their parts
// are separated by single spaces; ids and times have their usual form:
//
//	checkpoints/myfile            the repo
//	checkpoints/myfile/202503     a month: the day before it that has entries, and its own
//	checkpoints/myfile/20250318   a day: the same day before, and the times of its entries
//
// An entry is a checkpoint or a tombstone. The repo's value is
//
//	1 <generation> <horizon> <since> <first> <newest> <channel>=<id> …
//
// The store knows nothing of instants before since. If first is an id, not "-",
// these instants are before the first checkpoint. There is a key for each month
// from since to the newest checkpoint, and one for each day with entries. A "+"
// after the channels says that some did not fit, or that there are rings.
//
//	20250228 10 12 18 20                 a month; "-" if there is no day before
//	20250310 080000-withdrawn 140338     a day; a "-" marks a tombstone
//
// A tombstone's "-" is followed by its reason, percent-encoded, if there is room.
// A day that does not fit into a value is "!": the function must ask the origin.
package cloudfront

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
)

// Limits of CloudFront's key value stores, in bytes.
const (
	maxPair  = 1024
	maxStore = 5 << 20
)

// Pair is a key and its value.
type Pair struct{ Key, Value string }

func (p Pair) size() int { return len(p.Key) + len(p.Value) }

// Pairs returns all pairs that a store should hold for a repo, for some months
// back from its newest checkpoint. A repo without checkpoints has none. With rings, the
// origin is asked about names that are no channels.
func Pairs(base string, ix manifest.Index, months int, rings bool) ([]Pair, error) {
	if len(ix.Checkpoints) == 0 {
		return nil, nil
	}
	t := newTimeline(base, ix, months, rings)
	head, err := t.head()
	return append(t.pairs(), head), err
}

const (
	monthLayout = "200601"
	dayLayout   = "20060102"
	timeLayout  = "150405"
)

// entry is a checkpoint or a tombstone.
type entry struct {
	id     manifest.ID
	pruned bool
	reason string
	at     manifest.ID // when it was pruned
}

func (e entry) day() string   { return e.id.Time().Format(dayLayout) }
func (e entry) month() string { return e.id.Time().Format(monthLayout) }

// timeline is what a store should know of a repo.
type timeline struct {
	base    string
	index   manifest.Index
	entries []entry     // from since on, ascending
	since   manifest.ID // nothing before it is known
	whole   bool        // there is nothing before since
	rings   bool        // there are any
}

// newTimeline returns the entries of the newest months.
func newTimeline(base string, ix manifest.Index, months int, rings bool) timeline {
	t := timeline{base: base, index: ix, whole: true, rings: rings}
	for _, c := range ix.Checkpoints {
		t.entries = append(t.entries, entry{id: c.ID})
	}
	for _, p := range ix.Pruned {
		t.entries = append(t.entries, entry{p.ID, true, p.Reason, p.At})
	}
	slices.SortFunc(t.entries, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	if newest, ok := ix.Newest(); ok {
		at := newest.ID.Time()
		oldest := manifest.IDOf(time.Date(at.Year(), at.Month()-time.Month(months-1), 1, 0, 0, 0, 0, time.UTC))
		i, _ := slices.BinarySearchFunc(t.entries, oldest, func(e entry, id manifest.ID) int { return cmp.Compare(e.id, id) })
		t.entries, t.whole = t.entries[i:], i == 0 && len(ix.Segments) == 0
		t.since = t.entries[0].id
	}
	return t
}

// head returns the repo's own pair.
func (t timeline) head() (Pair, error) {
	first := "-"
	if t.whole {
		first = t.index.Checkpoints[0].ID.String()
	}
	newest, _ := t.index.Newest()
	p := Pair{t.base, fmt.Sprintf("%s%d %s %s %s %s", headFormat, t.index.Generation, t.index.Horizon, t.since, first, newest.ID)}
	more := t.rings
	for _, name := range slices.Sorted(maps.Keys(t.index.Channels)) {
		channel := " " + name + "=" + t.index.Channels[name].String()
		if p.size()+len(channel)+len(" +") > maxPair {
			more = true
			break
		}
		p.Value += channel
	}
	if more {
		p.Value += " +"
	}
	if p.size() > maxPair {
		return p, fmt.Errorf("%s: %d bytes do not fit into a value", t.base, p.size())
	}
	return p, nil
}

const headFormat = "1 "

// seen is a store's current knowledge of a repo.
type seen struct {
	generation             int64
	horizon, since, newest manifest.ID
}

// parseHead reads as much of a repo's value as an update needs.
func parseHead(value string) (s seen, err error) {
	var horizon, since, first, newest string
	if _, err := fmt.Sscanf(value, headFormat+"%d %s %s %s %s", &s.generation, &horizon, &since, &first, &newest); err != nil {
		return s, fmt.Errorf("%.80q is not a repo's value: %w", value, err)
	}
	for id, text := range map[*manifest.ID]string{&s.horizon: horizon, &s.since: since, &s.newest: newest} {
		if *id, err = manifest.ParseID(text); err != nil {
			return s, err
		}
	}
	return s, nil
}

// pairs returns the pairs of all months and days, ascending by month and day.
func (t timeline) pairs() []Pair {
	if len(t.entries) == 0 {
		return nil
	}
	var pairs []Pair
	rest, before := t.entries, "-"
	for at := t.since.Time(); len(rest) > 0; at = firstOfNextMonth(at) {
		month := Pair{t.base + "/" + at.Format(monthLayout), before}
		for len(rest) > 0 && rest[0].month() == at.Format(monthLayout) {
			n := slices.IndexFunc(rest, func(e entry) bool { return e.day() != rest[0].day() })
			if n < 0 {
				n = len(rest)
			}
			day := t.day(rest[:n], before)
			pairs = append(pairs, day)
			before, rest = rest[0].day(), rest[n:]
			month.Value += " " + before[len(monthLayout):]
		}
		pairs = append(pairs, month)
	}
	return pairs
}

func firstOfNextMonth(at time.Time) time.Time {
	return time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}

// day returns the pair of a day's entries. It leaves the reasons out if there is
// no room for all of them.
func (t timeline) day(entries []entry, before string) Pair {
	full, short := Pair{Key: t.base + "/" + entries[0].day(), Value: before}, Pair{}
	short = full
	for _, e := range entries {
		at := " " + e.id.Time().Format(timeLayout)
		if e.pruned {
			at += "-"
		}
		full.Value += at + url.PathEscape(e.reason)
		short.Value += at
	}
	switch {
	case full.size() <= maxPair:
		return full
	case short.size() <= maxPair:
		return short
	}
	return Pair{full.Key, "!"}
}

// changed returns the pairs that may differ from a store in the state s: those as
// new as its newest checkpoint, and the days of checkpoints pruned since. It
// allows for clocks that differ by a day.
func (t timeline) changed(s seen) []Pair {
	recent := map[string]bool{}
	for _, e := range t.entries {
		if e.pruned && e.at >= s.horizon-24*60*60 {
			recent[t.base+"/"+e.day()] = true
		}
	}
	month, day := t.base+"/"+s.newest.Time().Format(monthLayout), t.base+"/"+s.newest.Time().Format(dayLayout)
	return slices.DeleteFunc(t.pairs(), func(p Pair) bool {
		if len(p.Key) == len(month) {
			return p.Key < month
		}
		return p.Key < day && !recent[p.Key]
	})
}

// wentBack reports whether a store knows a checkpoint that was taken back.
func (t timeline) wentBack(s seen) bool {
	newest, _ := t.index.Newest()
	return newest.ID < s.newest
}

// dropped returns the months that a store still has but no longer needs.
func (t timeline) dropped(s seen) []string {
	return monthsOf(t.base, s.since.Time(), t.since.Time().Format(monthLayout))
}

// months returns all months that a store has.
func (s seen) months(base string) []string {
	return monthsOf(base, s.since.Time(), firstOfNextMonth(s.newest.Time()).Format(monthLayout))
}

// monthsOf returns the keys of the months from a time on, before another month.
func monthsOf(base string, from time.Time, until string) (keys []string) {
	for at := from; at.Format(monthLayout) < until; at = firstOfNextMonth(at) {
		keys = append(keys, base+"/"+at.Format(monthLayout))
	}
	return keys
}

// daysOf returns the keys of the days that a month's value names.
func daysOf(key, value string) []string {
	var keys []string
	_, days, _ := strings.Cut(value, " ")
	for day := range strings.FieldsSeq(days) {
		keys = append(keys, key+day)
	}
	return keys
}

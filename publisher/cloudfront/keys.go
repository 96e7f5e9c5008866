// Package cloudfront tells Amazon CloudFront what was published. A key value
// store gets what the function resolver/edge/cloudfront.js needs to resolve any
// time, and a distribution forgets what it cached of what changed.
//
// The store's keys begin with the repo's base path. Values are text, parts are
// separated by single spaces, ids and times in them have their usual form:
//
//	checkpoints/myfile            the repo
//	checkpoints/myfile/202503     a month: the day before it that has entries, and its own
//	checkpoints/myfile/20250318   a day: the same day before, and the times of its entries
//
// An entry is a checkpoint or a tombstone. The repo's value is
//
//	1 <generation> <horizon> <since> <first> <newest> <channel>=<id> …
//
// Of instants before since the store knows nothing, except that they lie before
// the first checkpoint if that is named and not "-". There is a key for each
// month from since to the newest checkpoint, and one for each day that has
// entries. A "+" behind the channels says that there was no room for others.
//
//	20250228 10 12 18 20                 a month; "-" if there is no day before
//	20250310 080000-withdrawn 140338     a day; a "-" marks a tombstone
//
// Behind a tombstone's "-" stands its reason, percent-encoded, where there is
// room. A day that does not fit into a value is "!": someone else must be asked.
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

// Pairs are all that a store is to hold of a repo, for so many months back from
// its newest checkpoint. A repo without checkpoints has none.
func Pairs(base string, ix manifest.Index, months int) ([]Pair, error) {
	if len(ix.Checkpoints) == 0 {
		return nil, nil
	}
	t := newTimeline(base, ix, months)
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

// timeline is what a store is to know of a repo.
type timeline struct {
	base    string
	index   manifest.Index
	entries []entry     // from since on, ascending
	since   manifest.ID // what lies before is not known
	whole   bool        // nothing lies before
}

// newTimeline takes the entries of the newest months.
func newTimeline(base string, ix manifest.Index, months int) timeline {
	t := timeline{base: base, index: ix, whole: true}
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

// head is the repo's own pair.
func (t timeline) head() (Pair, error) {
	first := "-"
	if t.whole {
		first = t.index.Checkpoints[0].ID.String()
	}
	newest, _ := t.index.Newest()
	p := Pair{t.base, fmt.Sprintf("%s%d %s %s %s %s", headFormat, t.index.Generation, t.index.Horizon, t.since, first, newest.ID)}
	for _, name := range slices.Sorted(maps.Keys(t.index.Channels)) {
		channel := " " + name + "=" + t.index.Channels[name].String()
		if p.size()+len(channel)+len(" +") > maxPair {
			p.Value += " +"
			break
		}
		p.Value += channel
	}
	if p.size() > maxPair {
		return p, fmt.Errorf("%s: %d bytes do not fit into a value", t.base, p.size())
	}
	return p, nil
}

const headFormat = "1 "

// seen is what a store says of a repo.
type seen struct {
	generation             int64
	horizon, since, newest manifest.ID
}

// parseHead reads a repo's value as far as an update needs it.
func parseHead(value string) (s seen, err error) {
	var horizon, since, first, newest string
	if _, err := fmt.Sscanf(value, headFormat+"%d %s %s %s %s", &s.generation, &horizon, &since, &first, &newest); err != nil {
		return s, fmt.Errorf("%.80q is no value of a repo: %w", value, err)
	}
	for text, id := range map[string]*manifest.ID{horizon: &s.horizon, since: &s.since, newest: &s.newest} {
		if *id, err = manifest.ParseID(text); err != nil {
			return s, err
		}
	}
	return s, nil
}

// pairs are those of all months and days, ascending by month and day.
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

// day is the pair of a day's entries. Reasons are left out where there is no
// room for all of them.
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

// changed picks the pairs that may differ in a store that was last told s: what
// is as new as its newest checkpoint, and the days of what was pruned since then.
// Machines' clocks may differ by a day.
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

// dropped are the months that a store still has, and that are to be forgotten.
func (t timeline) dropped(s seen) []string {
	var keys []string
	until := t.since.Time().Format(monthLayout)
	for at := s.since.Time(); at.Format(monthLayout) < until; at = firstOfNextMonth(at) {
		keys = append(keys, t.base+"/"+at.Format(monthLayout))
	}
	return keys
}

// daysOf are the keys of the days that a month's value names.
func daysOf(key, value string) []string {
	var keys []string
	_, days, _ := strings.Cut(value, " ")
	for day := range strings.FieldsSeq(days) {
		keys = append(keys, key+day)
	}
	return keys
}

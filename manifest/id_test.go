package manifest

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const march18 ID = 63877903418 // 20250318T140338Z

func TestParseID(t *testing.T) {
	good := map[string]ID{
		"20250318T140338Z": march18,
		"19700101T000000Z": unixEpoch,
		"19691231T235959Z": unixEpoch - 1,
		"20240229T000000Z": unixEpoch + 1709164800,
		"20000229T000000Z": unixEpoch + 951782400,
		"00010101T000001Z": MinID,
		"99991231T235959Z": MaxID,
	}
	for in, want := range good {
		id, err := ParseID(in)
		if err != nil || id != want || id.String() != in || !id.Valid() {
			t.Errorf("%q: %d, %v", in, id, err)
		}
	}
	bad := []string{
		"",
		"20250318T140360Z", // second 60
		"20161231T235960Z", // a real leap second
		"20250318T146000Z", // minute 60
		"20250318T240000Z", // hour 24
		"20250318T250000Z",
		"20250229T000000Z", // not a leap year
		"19000229T000000Z", // not a leap year either
		"20250431T000000Z",
		"20250300T000000Z",
		"20250332T000000Z",
		"20250018T000000Z",
		"20251318T000000Z",
		"00000101T000000Z", // year 0
		"00010101T000000Z", // the zero ID
		"none",
		"100000101T00000Z",
		"100000101T000000Z", // year 10000
		"20250318T140338z",
		"20250318t140338Z",
		"20250318 140338Z",
		"20250318T140338",
		"20250318T140338Z ",
		" 20250318T140338Z",
		"20250318T140338Z\n",
		"20250318T140338Z/",
		"20250318T140338ZZ",
		"20250318T140338.5Z",
		"20250318T14033.5Z",
		"20250318T1403.38Z",
		"20250318T14033,5Z",
		"20250318T140338+0",
		"2025-03-18T14:03:38Z",
		"+2025318T140338Z",
		"-0250318T140338Z",
		"2025 318T140338Z",
		"20250318T 40338Z",
		"20250318T1403\x0038Z",
		"２０２５0318T14Z", // non-ASCII digits
		"latest",
	}
	for _, in := range bad {
		id, err := ParseID(in)
		if id != 0 {
			t.Errorf("%q: %d beside an error", in, id)
		}
		if err == nil {
			t.Errorf("%q passes", in)
		} else if _, tail, _ := strings.Cut(err.Error(), " is not "); tail != "a checkpoint id (YYYYMMDDTHHMMSSZ)" {
			t.Errorf("%q: %v", in, err)
		}
	}
	_, err := ParseID("20250318T240000Z")
	checkError(t, "hour 24", err, `"20250318T240000Z" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`)
	_, err = ParseID(strings.Repeat("2", 5000))
	checkError(t, "long", err, `"`+strings.Repeat("2", 80)+`" is not a checkpoint id (YYYYMMDDTHHMMSSZ)`)
}

func TestIDOrder(t *testing.T) {
	// Ids sort alike as numbers and as text. Listing a bucket relies on it.
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		a, b := randomID(rng), randomID(rng)
		if (a < b) != (a.String() < b.String()) {
			t.Fatalf("%s and %s sort differently", a, b)
		}
		if again, err := ParseID(a.String()); err != nil || again != a {
			t.Fatalf("%d: %d, %v", a, again, err)
		}
	}
}

func randomID(rng *rand.Rand) ID { return MinID + ID(rng.Int64N(int64(MaxID-MinID)+1)) }

func TestIDOf(t *testing.T) {
	tests := []struct {
		t    time.Time
		want ID
	}{
		{time.Unix(5, 999_999_999), unixEpoch + 5},
		{time.Unix(-5, 1), unixEpoch - 5},
		{time.Unix(-5, -1), unixEpoch - 6}, // the second that contains it, not the nearer to 0
		{time.Date(2025, 3, 18, 15, 3, 38, 0, time.FixedZone("", 3600)), march18},
		{time.Time{}, 0},
		{time.Time{}.Add(time.Second), MinID},
	}
	for _, tt := range tests {
		if got := IDOf(tt.t); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.t, got, tt.want)
		}
	}
	if at := ID(0).Time(); !at.IsZero() || at.Location() != time.UTC {
		t.Error(at)
	}
	if at := unixEpoch.Time(); at.Location() != time.UTC || at.Unix() != 0 {
		t.Error(at)
	}
}

func TestIDRange(t *testing.T) {
	for id, want := range map[ID]bool{MinID: true, MaxID: true, 0: false, MaxID + 1: false, -1: false, -1 << 63: false, 1<<63 - 1: false} {
		if id.Valid() != want {
			t.Errorf("%d: %v", id, !want)
		}
		if _, err := id.MarshalText(); (err == nil) != want {
			t.Errorf("%d: %v", id, err)
		}
	}
	_, err := (MaxID + 1).MarshalText()
	checkError(t, "MaxID + 1", err, "id 100000101T000000Z is not within 00010101T000001Z and 99991231T235959Z")
}

// No document contains the zero ID as an id, and the parsers refuse it.
func TestZeroIDIsNone(t *testing.T) {
	none := ID(0)
	if none.String() != "none" || !none.IsZero() || MinID.IsZero() {
		t.Error(none)
	}
	_, err := none.MarshalText()
	checkError(t, "marshal", err, "id none is not within 00010101T000001Z and 99991231T235959Z")

	index := func(change func(*Index)) func() ([]byte, error) {
		ix := sampleIndex(t)
		change(&ix)
		return ix.Encode
	}
	together := func(change func(*Group)) func() ([]byte, error) {
		g := Group{ID: 50, Until: 60, Members: []Member{{Repo: Repo{"a", "a"}, Checkpoint: checkpoint(50), Previous: new(ID)}}}
		*g.Members[0].Previous = 40
		change(&g)
		return g.Encode
	}
	sealed := SegmentRef{First: 1, Last: 2, Checkpoints: 2, Size: 1}
	receipt := Receipt{Repo: "a", Base: "a", ID: 50, Layout: Full, Previous: &Previous{ID: 40, Layout: Full}, Complete: true}
	noID, noPrevious := receipt, receipt
	noID.ID, noPrevious.Previous = 0, &Previous{Layout: Full}
	for name, encode := range map[string]func() ([]byte, error){
		"checkpoint":        index(func(ix *Index) { ix.Checkpoints[0].ID = 0 }),
		"tombstone":         index(func(ix *Index) { ix.Pruned[0].ID = 0 }),
		"tombstone's time":  index(func(ix *Index) { ix.Pruned[0].At = 0 }),
		"channel":           index(func(ix *Index) { ix.Channels["stable"] = 0 }),
		"pending":           index(func(ix *Index) { ix.Pending = new(ID) }),
		"pending, at first": Index{Repo: "a", Pending: new(ID)}.Encode,
		"horizon":           index(func(ix *Index) { ix.Horizon = 0 }),
		"segment": index(func(ix *Index) {
			sealed := sealed
			sealed.First = 0
			ix.Segments = []SegmentRef{sealed}
		}),
		"segment's checkpoint":  Segment{Repo: "a", Checkpoints: []Checkpoint{checkpoint(0)}}.Encode,
		"attempt":               Attempt{Layout: Full}.Encode,
		"staged":                Staged{}.Encode,
		"receipt":               noID.Encode,
		"receipt's previous":    noPrevious.Encode,
		"together":              together(func(g *Group) { g.ID = 0 }),
		"together's until":      together(func(g *Group) { g.Until = 0 }),
		"together's checkpoint": together(func(g *Group) { g.Members[0].Checkpoint.ID = 0 }),
		"together's previous":   together(func(g *Group) { *g.Members[0].Previous = 0 }),
	} {
		if b, err := encode(); err == nil {
			t.Errorf("%s: %s", name, b)
		}
	}
	for name, encode := range map[string]func() ([]byte, error){
		"index": index(func(*Index) {}), "together": together(func(*Group) {}), "receipt": receipt.Encode,
		"segment": index(func(ix *Index) { ix.Segments = []SegmentRef{sealed} }),
	} {
		if _, err := encode(); err != nil {
			t.Errorf("%s, as it should be: %v", name, err)
		}
	}

	// A zero time is refused in place of any time in a document.
	zero := []byte(time.Time{}.Format(idLayout))
	for name, parse := range map[string]struct {
		encode func() ([]byte, error)
		parse  func([]byte) error
	}{
		"index":    {index(func(ix *Index) { *ix = pendingIndex(t) }), func(b []byte) error { _, err := ParseIndex(b); return err }},
		"together": {together(func(*Group) {}), func(b []byte) error { _, err := ParseGroup(b); return err }},
		"receipt":  {receipt.Encode, func(b []byte) error { _, err := ParseReceipt(b); return err }},
		"staged":   {Staged{At: 50}.Encode, func(b []byte) error { _, err := ParseStaged(b); return err }},
		"attempt":  {Attempt{ID: 50, Layout: Full}.Encode, func(b []byte) error { _, err := ParseAttempt(b); return err }},
		"segment":  {Segment{Repo: "a", Checkpoints: []Checkpoint{checkpoint(50)}}.Encode, func(b []byte) error { _, err := ParseAnySegment(b); return err }},
	} {
		good, err := parse.encode()
		if err == nil {
			err = parse.parse(good)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := regexp.MustCompile(`\d{8}T\d{6}Z`).FindAllIndex(good, -1)
		if len(found) == 0 {
			t.Errorf("%s: no time is in %s", name, good)
		}
		for _, at := range found {
			if bad := slices.Concat(good[:at[0]], zero, good[at[1]:]); parse.parse(bad) == nil {
				t.Errorf("%s: taken: %s", name, bad)
			}
		}
	}
}

func TestIDJSON(t *testing.T) {
	var id ID
	if err := json.Unmarshal([]byte(`"20250318T140338Z"`), &id); err != nil || id != march18 {
		t.Fatal(id, err)
	}
	for _, in := range []string{`"x"`, `1742306618`, `true`, `""`, `"none"`, `"00010101T000000Z"`} {
		if err := json.Unmarshal([]byte(in), &id); err == nil {
			t.Errorf("%s passes", in)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"20250318T140338Z", "00010101T000000Z", "00010101T000001Z", "99991231T235959Z", "20240229T235959Z", "20250229T000000Z", "20250318T14033.5Z", "00000101T000000Z", "20161231T235960Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err == nil && (id.String() != s || !id.Valid()) {
			t.Errorf("%q is taken for %s", s, id)
		}
		if err == nil && strings.ToUpper(s) != s {
			t.Errorf("%q is taken", s)
		}
	})
}

func BenchmarkParseID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseID("20250318T140338Z"); err != nil {
			b.Fatal(err)
		}
	}
}

package manifest

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestParseID(t *testing.T) {
	good := map[string]int64{
		"20250318T140338Z": 1742306618,
		"19700101T000000Z": 0,
		"19691231T235959Z": -1,
		"20240229T000000Z": 1709164800,
		"20000229T000000Z": 951782400,
		"00010101T000000Z": int64(MinID),
		"99991231T235959Z": int64(MaxID),
	}
	for in, want := range good {
		id, err := ParseID(in)
		if err != nil || int64(id) != want || id.String() != in || !id.Valid() {
			t.Errorf("%q: %d, %v", in, id, err)
		}
	}
	bad := []string{
		"",
		"20250318T140360Z", // second 60
		"20161231T235960Z", // a leap second there was
		"20250318T146000Z", // minute 60
		"20250318T240000Z", // hour 24
		"20250318T250000Z",
		"20250229T000000Z", // no leap year
		"19000229T000000Z", // no leap year either
		"20250431T000000Z",
		"20250300T000000Z",
		"20250332T000000Z",
		"20250018T000000Z",
		"20251318T000000Z",
		"00000101T000000Z", // year 0
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
		"２０２５0318T14Z", // digits that are not ASCII
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
	// Ids sort alike as numbers and as text: what lists a bucket relies on it.
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
		{time.Unix(5, 999_999_999), 5},
		{time.Unix(-5, 1), -5},
		{time.Unix(-5, -1), -6}, // the second in which it lies, not the nearer to 0
		{time.Date(2025, 3, 18, 15, 3, 38, 0, time.FixedZone("", 3600)), 1742306618},
		{time.Time{}, MinID},
	}
	for _, tt := range tests {
		if got := IDOf(tt.t); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.t, got, tt.want)
		}
	}
	if at := ID(0).Time(); at.Location() != time.UTC || at.Unix() != 0 {
		t.Error(at)
	}
}

func TestIDRange(t *testing.T) {
	for id, want := range map[ID]bool{MinID: true, MaxID: true, 0: true, MaxID + 1: false, NoTime: false, -1 << 63: false, 1<<63 - 1: false} {
		if id.Valid() != want {
			t.Errorf("%d: %v", id, !want)
		}
		if _, err := id.MarshalText(); (err == nil) != want {
			t.Errorf("%d: %v", id, err)
		}
	}
	_, err := (MaxID + 1).MarshalText()
	checkError(t, "MaxID + 1", err, "id 253402300800 lies outside the years 0001 to 9999")
}

func TestIDJSON(t *testing.T) {
	var id ID
	if err := json.Unmarshal([]byte(`"20250318T140338Z"`), &id); err != nil || id != 1742306618 {
		t.Fatal(id, err)
	}
	for _, in := range []string{`"x"`, `1742306618`, `true`} {
		if err := json.Unmarshal([]byte(in), &id); err == nil {
			t.Errorf("%s passes", in)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"20250318T140338Z", "00010101T000000Z", "99991231T235959Z", "20240229T235959Z", "20250229T000000Z", "20250318T14033.5Z", "00000101T000000Z", "20161231T235960Z"} {
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

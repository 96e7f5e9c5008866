package manifest

import (
	"strings"
	"testing"
)

func TestParseWhen(t *testing.T) {
	const at = march18
	const day = march18 - (14*60+3)*60 - 38
	instant := func(id ID) When { return When{Kind: WhenInstant, Instant: id} }
	channel := func(name string) When { return When{Kind: WhenName, Name: name} }
	const isNoTime = " is not a time: use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD or RFC 3339"
	const isNothing = " is neither a time nor a name: use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD, RFC 3339, latest, or a channel"
	tests := []struct {
		in   string
		want When
		err  string
	}{
		{"20250318T140338Z", instant(at), ""},
		{"20250318", instant(day), ""},
		{"2025-03-18", instant(day), ""},
		{"2025-03-18T14:03:38Z", instant(at), ""},
		{"2025-03-18T14:03:38+00:00", instant(at), ""},
		{"2025-03-18T14:03:38-00:00", instant(at), ""},
		{"2025-03-18T15:03:38+01:00", instant(at), ""},
		{"2025-03-18T19:33:38+05:30", instant(at), ""},
		{"2025-03-17T22:03:38-16:00", instant(at), ""},
		{"2025-03-18T14:03:38.999999999Z", instant(at), ""},
		{"1969-12-31T23:59:59.5Z", instant(unixEpoch - 1), ""},
		{"0001-01-01T00:00:01Z", instant(MinID), ""},
		{"0001-01-02", instant(24 * 60 * 60), ""},
		{"9999-12-31T23:59:59Z", instant(MaxID), ""},
		{"9999-12-31T23:59:59.9Z", instant(MaxID), ""},
		{"2024-02-29", instant(unixEpoch + 1709164800), ""},
		{"latest", When{Kind: WhenLatest}, ""},
		{"stable", channel("stable"), ""},
		{"canary-2", channel("canary-2"), ""},
		{"v1.2+x~y_z", channel("v1.2+x~y_z"), ""},
		{"2025", channel("2025"), ""},
		{"Latest", channel("Latest"), ""},

		{"20250318T140338z", When{}, `"20250318T140338z"` + isNoTime},
		{"20250318T140338", When{}, `"20250318T140338"` + isNoTime},
		{"20250318T1403Z", When{}, `"20250318T1403Z"` + isNoTime},
		{"20250318T140360Z", When{}, `"20250318T140360Z"` + isNoTime},
		{"20250229", When{}, `"20250229"` + isNoTime},
		{"2025-02-29", When{}, `"2025-02-29"` + isNoTime},
		{"2025-3-18", When{}, `"2025-3-18"` + isNoTime},
		{"2025-03-18T14:03Z", When{}, `"2025-03-18T14:03Z"` + isNoTime},
		{"2025-03-18T14:03:38", When{}, `"2025-03-18T14:03:38"` + isNoTime},
		{"2025-03-18t14:03:38Z", When{}, `"2025-03-18t14:03:38Z"` + isNoTime},
		{"2025-03-18T14:03:38z", When{}, `"2025-03-18T14:03:38z"` + isNoTime},
		{"2025-03-18 14:03:38Z", When{}, `"2025-03-18 14:03:38Z"` + isNoTime},
		{"2025-03-18T14:03:60Z", When{}, `"2025-03-18T14:03:60Z"` + isNoTime},
		{"2025-03-18T24:00:00Z", When{}, `"2025-03-18T24:00:00Z"` + isNoTime},
		// time.Parse accepts these, but they are not RFC 3339.
		{"2025-03-18T4:03:38Z", When{}, `"2025-03-18T4:03:38Z"` + isNoTime},
		{"2025-03-18T14:03:38,5Z", When{}, `"2025-03-18T14:03:38,5Z"` + isNoTime},
		{"2025-03-18T14:03:38+24:00", When{}, `"2025-03-18T14:03:38+24:00"` + isNoTime},
		{"2025-03-18T14:03:38+01:60", When{}, `"2025-03-18T14:03:38+01:60"` + isNoTime},
		{"2025-03-18T14:03:38+0100", When{}, `"2025-03-18T14:03:38+0100"` + isNoTime},
		{"2025-03-18T14:03:38.Z", When{}, `"2025-03-18T14:03:38.Z"` + isNoTime},
		// The zero ID, and instants outside the years 0001 to 9999.
		{"0000-01-01", When{}, `"0000-01-01"` + isNoTime},
		{"00000101", When{}, `"00000101"` + isNoTime},
		{"00010101T000000Z", When{}, `"00010101T000000Z"` + isNoTime},
		{"0001-01-01", When{}, `"0001-01-01"` + isNoTime},
		{"00010101", When{}, `"00010101"` + isNoTime},
		{"0001-01-01T00:00:00.5Z", When{}, `"0001-01-01T00:00:00.5Z"` + isNoTime},
		{"0001-01-01T01:00:00+01:00", When{}, `"0001-01-01T01:00:00+01:00"` + isNoTime},
		{"0001-01-01T00:00:00+00:01", When{}, `"0001-01-01T00:00:00+00:01"` + isNoTime},
		{"9999-12-31T23:59:59-00:01", When{}, `"9999-12-31T23:59:59-00:01"` + isNoTime},
		{"10000-01-01", When{}, `"10000-01-01"` + isNoTime},

		{"", When{}, `""` + isNothing},
		{"mr", When{}, `"mr"` + isNothing},
		{"index.html", When{}, `"index.html"` + isNothing},
		{"-", When{}, `"-"` + isNothing},
		{".asof", When{}, `".asof"` + isNothing},
		{"a/b", When{}, `"a/b"` + isNothing},
		{"späti", When{}, `"späti"` + isNothing},
		{"1742306618x ", When{}, `"1742306618x "` + isNoTime},
		{strings.Repeat("a", 5000), When{}, `"` + strings.Repeat("a", 80) + `"` + isNothing},
		{strings.Repeat("2", 5000), When{}, `"` + strings.Repeat("2", 80) + `"` + isNoTime},
	}
	for _, tt := range tests {
		got, err := ParseWhen(tt.in)
		checkError(t, tt.in, err, tt.err)
		if got != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.in, got, tt.want)
		}
	}
}

// Every valid channel can be asked for, and no other name.
func checkWhen(t *testing.T, s string) {
	w, err := ParseWhen(s)
	isChannel := err == nil && w.Kind == WhenName
	if chErr := CheckChannel(s); (chErr == nil) != isChannel {
		t.Errorf("%q: as a channel %v, but ParseWhen says %+v, %v", s, chErr, w, err)
	}
	if err == nil && w.Kind == WhenInstant && !w.Instant.Valid() {
		t.Errorf("%q: instant %d", s, w.Instant)
	}
	if id, idErr := ParseID(s); idErr == nil && (w.Kind != WhenInstant || w.Instant != id) {
		t.Errorf("%q is an id, but ParseWhen says %+v, %v", s, w, err)
	}
}

func FuzzParseWhen(f *testing.F) {
	for _, s := range []string{"20250318T140338Z", "20250318", "2025-03-18", "2025-03-18T14:03:40Z", "2025-03-18T14:03:40.5+01:00", "2025-03-18T4:03:38,5-24:60", "latest", "stable", "2024-stable", "20250230", "mr", "-", "a/b"} {
		f.Add(s)
	}
	f.Fuzz(checkWhen)
}

package manifest

import (
	"fmt"
	"time"
)

// ID is a UTC second: a checkpoint's id, and asof's unit of time. Its value
// counts seconds from the start of the year 1, the zero time.Time. The zero ID
// means none: it is not valid, and no document holds it. All others have the text
// form YYYYMMDDTHHMMSSZ, for instance 20250318T140338Z.
type ID int64

// The range of valid ids.
const (
	MinID ID = 1            // 00010101T000001Z
	MaxID ID = 315537897599 // 99991231T235959Z
)

// unixEpoch is the start of 1970 as an ID; time.Time.Unix counts from there.
const unixEpoch ID = 62135596800

const idLayout = "20060102T150405Z"

// ParseID reads the text form of an id, strictly: 16 characters, upper case, an
// existing date and time, no leap second.
func ParseID(s string) (ID, error) {
	if len(s) != len(idLayout) {
		return 0, fmt.Errorf("%.80q is not a checkpoint id (YYYYMMDDTHHMMSSZ)", s)
	}
	id, ok := parseID(s)
	if !ok {
		return 0, fmt.Errorf("%q is not a checkpoint id (YYYYMMDDTHHMMSSZ)", s)
	}
	return id, nil
}

// parseID is ParseID for bulk reading: it accepts what String writes, several
// times as fast as package time.
func parseID[T string | []byte](s T) (ID, bool) {
	if len(s) != len(idLayout) || s[8] != 'T' || s[15] != 'Z' {
		return 0, false
	}
	number := func(from, to int) (n int) {
		for ; from < to; from++ {
			digit := s[from] - '0'
			if digit > 9 {
				return -1
			}
			n = 10*n + int(digit)
		}
		return n
	}
	year, month, day := number(0, 4), number(4, 6), number(6, 8)
	hour, minute, second := number(9, 11), number(11, 13), number(13, 15)
	if year < 1 || month < 1 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if _, m, d := t.Date(); int(m) != month || d != day {
		return 0, false // no such day
	}
	id := IDOf(t)
	return id, !id.IsZero()
}

// IDOf returns the second that contains t; none for the zero time.Time.
func IDOf(t time.Time) ID { return ID(t.Unix()) + unixEpoch }

// Time returns the id's instant in UTC; the zero time.Time for none.
func (id ID) Time() time.Time { return time.Unix(int64(id-unixEpoch), 0).UTC() }

// IsZero reports whether id means none.
func (id ID) IsZero() bool { return id == 0 }

// Valid reports whether id has a text form: it is not none, and its year is 0001
// to 9999.
func (id ID) Valid() bool { return MinID <= id && id <= MaxID }

// String returns the text form, or "none".
func (id ID) String() string { return string(id.append(make([]byte, 0, len(idLayout)))) }

// append appends what String returns.
func (id ID) append(b []byte) []byte {
	if id.IsZero() {
		return append(b, "none"...) // for messages
	}
	t := id.Time()
	if !id.Valid() {
		return t.AppendFormat(b, idLayout) // for messages
	}
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = twoDigits(b, year/100)
	b = twoDigits(b, year%100)
	b = twoDigits(b, int(month))
	b = append(twoDigits(b, day), 'T')
	b = twoDigits(b, hour)
	b = twoDigits(b, minute)
	return append(twoDigits(b, second), 'Z')
}

func twoDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func (id ID) check() error {
	if !id.Valid() {
		return fmt.Errorf("id %s is not within %s and %s", id, MinID, MaxID)
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	return id.append(nil), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

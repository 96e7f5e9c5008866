package manifest

import (
	"fmt"
	"time"
)

// ID is a UTC second: a checkpoint's id, and the unit in which asof tells time.
// Its value counts seconds from the Unix epoch. Its text form is
// YYYYMMDDTHHMMSSZ, for instance 20250318T140338Z.
type ID int64

// The range of ids: the years 0001 to 9999.
const (
	MinID ID = -62135596800 // 00010101T000000Z
	MaxID ID = 253402300799 // 99991231T235959Z
)

const idLayout = "20060102T150405Z"

// ParseID reads the text form of an id, strictly: 16 characters, upper case,
// a date and time that exist, no leap second.
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

// parseID is ParseID for those who read many: it takes what String writes, and
// is several times as fast as package time.
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
		return 0, false // a day that does not exist
	}
	return IDOf(t), true
}

// IDOf is the second in which t lies.
func IDOf(t time.Time) ID { return ID(t.Unix()) }

// Time is the id's instant in UTC.
func (id ID) Time() time.Time { return time.Unix(int64(id), 0).UTC() }

// Valid reports whether id has a text form.
func (id ID) Valid() bool { return MinID <= id && id <= MaxID }

func (id ID) String() string { return string(id.append(make([]byte, 0, len(idLayout)))) }

// append appends the text form.
func (id ID) append(b []byte) []byte {
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

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) {
	if !id.Valid() {
		return nil, fmt.Errorf("id %d lies outside the years 0001 to 9999", int64(id))
	}
	return id.append(nil), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

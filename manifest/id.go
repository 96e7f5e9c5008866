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
	t, err := time.Parse(idLayout, s)
	id := IDOf(t)
	var again [len(idLayout)]byte // time.Parse is lenient; only what reads back is an id
	if err != nil || !id.Valid() || string(t.AppendFormat(again[:0], idLayout)) != s {
		return 0, fmt.Errorf("%q is not a checkpoint id (YYYYMMDDTHHMMSSZ)", s)
	}
	return id, nil
}

// IDOf is the second in which t lies.
func IDOf(t time.Time) ID { return ID(t.Unix()) }

// Time is the id's instant in UTC.
func (id ID) Time() time.Time { return time.Unix(int64(id), 0).UTC() }

// Valid reports whether id has a text form.
func (id ID) Valid() bool { return MinID <= id && id <= MaxID }

func (id ID) String() string { return id.Time().Format(idLayout) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) {
	if !id.Valid() {
		return nil, fmt.Errorf("id %d lies outside the years 0001 to 9999", int64(id))
	}
	return id.Time().AppendFormat(nil, idLayout), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

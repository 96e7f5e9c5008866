package manifest

import (
	"fmt"
	"strings"
	"time"
)

// When is the <when> of a URL or of a command line: an instant, "latest", or the
// name of a channel or ring.
type When struct {
	Kind    WhenKind
	Instant ID     // for WhenInstant
	Name    string // for WhenName
}

// WhenKind is the kind of a When.
type WhenKind uint8

const (
	WhenInstant WhenKind = iota
	WhenLatest
	WhenName
)

// At returns the When of an instant.
func At(id ID) When { return When{Kind: WhenInstant, Instant: id} }

// Latest is the word for the newest checkpoint.
const Latest = "latest"

// ParseWhen reads an id (20250318T140338Z), a date (20250318 or 2025-03-18,
// which mean its first second in UTC), an RFC 3339 time (2025-03-18T14:03:40Z,
// any offset; a fraction is cut off), "latest", or what could be a channel.
func ParseWhen(s string) (When, error) {
	if s == Latest {
		return When{Kind: WhenLatest}, nil
	}
	if at, err := parseInstant(s); err == nil {
		return At(at), nil
	}
	if likeDate(s) {
		return When{}, fmt.Errorf("%.80q is not a time: use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD or RFC 3339", s)
	}
	if err := CheckChannel(s); err != nil {
		return When{}, fmt.Errorf("%.80q is neither a time nor a name: use YYYYMMDDTHHMMSSZ, YYYYMMDD, YYYY-MM-DD, RFC 3339, latest, or a channel", s)
	}
	return When{Kind: WhenName, Name: s}, nil
}

func parseInstant(s string) (ID, error) {
	if id, err := ParseID(s); err == nil {
		return id, nil
	}
	for _, layout := range []string{"20060102", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil && t.Format(layout) == s && IDOf(t).Valid() {
			return IDOf(t), nil
		}
	}
	return parseRFC3339(s)
}

// parseRFC3339 is time.Parse without its leniency: it refuses hours of one digit,
// a comma before the fraction, and offsets of a day or with a minute 60.
func parseRFC3339(s string) (ID, error) {
	t, err := time.Parse(time.RFC3339, s)
	ok := err == nil && IDOf(t).Valid() && strings.HasPrefix(s, t.Format("2006-01-02T15:04:05")) && !strings.Contains(s, ",")
	if ok && !strings.HasSuffix(s, "Z") {
		offset := s[len(s)-len("+00:00"):]
		ok = offset[1:3] <= "23" && offset[4:] <= "59"
	}
	if !ok {
		return 0, fmt.Errorf("%.80q is not a time", s)
	}
	return IDOf(t), nil
}

// likeDate reports whether s begins like a date. Then it is a time, perhaps a
// mistyped one, and never a channel.
func likeDate(s string) bool {
	return len(s) >= len("20060102") && strings.Trim(s[:4], "0123456789") == ""
}

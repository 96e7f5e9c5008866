package apt

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// parseDate reads a date of a Release file. It knows the formats that apt reads, which
// are those of HTTP (RFC 1123, RFC 850, asctime), and others that tools write (RFC 822,
// ISO 8601, date(1)). The default time zone is UTC.
func parseDate(s string) (time.Time, error) {
	if strings.TrimSpace(s) == "" {
		return time.Time{}, errors.New("there is no date")
	}
	words := strings.Fields(s)
	for i, word := range words {
		switch strings.ToUpper(word) {
		case "UTC", "GMT", "UT", "Z":
			words[i] = "+0000"
		}
	}
	text := strings.Join(words, " ")
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:4:5 -0700",    // RFC 1123
		"2 Jan 2006 15:4:5 -0700",         // without the day of the week
		"Mon, 2 Jan 06 15:4:5 -0700",      // RFC 822
		"Monday, 2-Jan-06 15:4:5 -0700",   // RFC 850
		"Monday, 2-Jan-2006 15:4:5 -0700", // a common mistake
		"Mon Jan 2 15:4:5 2006",           // asctime
		"Mon Jan 2 15:4:5 -0700 2006",     // date(1)
		"Mon 2 Jan 2006 15:4:5 -0700",
		"Mon, Jan 2 2006 15:4:5 -0700",
		"2006-1-2 15:4:5 -0700", // ISO 8601
		"2006-1-2 15:4:5",
		"2006-1-2T15:4:5Z07:00",
		"2006-1-2T15:4:5Z0700",
		"2006-1-2T15:4:5",
		"2006-1-2",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is no date that can be read", s)
}

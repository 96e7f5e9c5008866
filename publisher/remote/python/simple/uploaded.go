package simple

import (
	"regexp"
	"strings"
	"time"
)

var timeForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`)

// uploadTime returns a time as all installers read it. pip gives up on a whole project, or
// crashes, for a time in small letters, in a leap second, at the ends of the calendar, and
// before Python 3.11 for one whose fraction has neither 3 nor 6 digits. uv refuses a page with
// a time without a zone. Anything else stays as it is.
func uploadTime(text string) (string, bool) {
	m := timeForm.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	day, clock, fraction, zone := m[1], m[2], m[3], strings.ToUpper(m[4])
	if n := len(fraction); n != 0 && n != len(".000") && n != len(".000000") {
		fraction = (fraction + "000000")[:len(".000000")]
	}
	text = day + "T" + clock + fraction + zone
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.UTC().Year() < 1970 || t.UTC().Year() > 9998 {
		return "", false
	}
	return text, true
}

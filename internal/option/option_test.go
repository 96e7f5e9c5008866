package option

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type inner struct {
	Count int `yaml:"count" default:"3" allowed:"1 to 9"`
}

type sample struct {
	Wait   time.Duration `yaml:"wait" default:"5s" allowed:"50ms to 1h"`
	Limit  time.Duration `yaml:"limit" default:"0s" allowed:"0s, 1m to 2h"`
	Cache  Size          `yaml:"cache" default:"64MiB" allowed:"0, 1KiB to 1TiB"`
	Share  Percent       `yaml:"share" default:"50%" allowed:"1% to 100%"`
	Rate   float64       `yaml:"rate" default:"0" allowed:"0, 0.5 to 100"`
	Turns  int           `yaml:"turns" default:"10" allowed:"-1, 1 to 100"`
	Mode   string        `yaml:"mode" allowed:"proxy, redirect"`
	Text   string        `yaml:"text"`
	Flag   *bool         `yaml:"flag" default:"true"`
	Hidden string        `yaml:"hidden" secret:"true"`
	None   string        `yaml:"-"`
	inner  `yaml:",inline"`
}

// A text becomes a value, or an error that says what it is and what is allowed.
func TestParse(t *testing.T) {
	fields := map[string]Field{}
	for _, f := range Fields(reflect.TypeFor[sample]()) {
		fields[f.Name] = f
	}
	for _, tt := range []struct{ name, text, want string }{
		{"wait", "1s", "1s"},
		{"wait", " 50ms ", "50ms"},
		{"wait", "5", "is 5, without a unit; allowed: 50ms to 1h (for instance 5s)"},
		{"wait", "90000", "is 90000, without a unit; allowed: 50ms to 1h (for instance 90000ms)"},
		{"wait", "3600", "is 3600, without a unit; allowed: 50ms to 1h (for instance 3600s)"},
		{"wait", "1d", "is 1d, no duration; allowed: 50ms to 1h (write days as hours: 24h)"},
		{"wait", "soon", `is "soon", no duration; allowed: 50ms to 1h (for instance 5s)`},
		{"wait", "", `is "", no duration; allowed: 50ms to 1h (for instance 5s)`},
		{"wait", "1ns", "is 1ns; allowed: 50ms to 1h (for instance 5s)"},
		{"wait", "0", "is 0; allowed: 50ms to 1h (for instance 5s)"},
		{"wait", "-1s", "is -1s; allowed: 50ms to 1h (for instance 5s)"},
		{"wait", "1h0m1s", "is 1h0m1s; allowed: 50ms to 1h (for instance 5s)"},
		{"limit", "0", "0s"},
		{"limit", "0s", "0s"},
		{"limit", "1s", "is 1s; allowed: 0s, 1m to 2h (for instance 0s)"},
		{"limit", "5", "is 5, without a unit; allowed: 0s, 1m to 2h (for instance 5m)"},
		{"limit", "2h", "2h0m0s"},
		{"cache", "0", "0"},
		{"cache", "1KiB", "1024"},
		{"cache", "1 MB", "1000000"},
		{"cache", "1048576", "1048576"},
		{"cache", "64", "is 64; allowed: 0, 1KiB to 1TiB"},
		{"cache", "much", `is "much", no size; allowed: 0, 1KiB to 1TiB (for instance 64MiB)`},
		{"cache", "-1KiB", "is -1KiB, no size; allowed: 0, 1KiB to 1TiB (for instance 64MiB)"},
		{"cache", "99999999999999TiB", "is 99999999999999TiB, no size; allowed: 0, 1KiB to 1TiB (for instance 64MiB)"},
		{"share", "50%", "50"},
		{"share", "100%", "100"},
		{"share", "0%", "is 0%; allowed: 1% to 100%"},
		{"share", "101%", "is 101%; allowed: 1% to 100%"},
		{"share", "20", "is 20, without a unit; allowed: 1% to 100% (for instance 20%)"},
		{"share", "half", `is "half", no percentage; allowed: 1% to 100% (for instance 50%)`},
		{"rate", "0.5", "0.5"},
		{"rate", "0.4", "is 0.4; allowed: 0, 0.5 to 100"},
		{"rate", "NaN", `is "NaN", no number; allowed: 0, 0.5 to 100`},
		{"rate", "+Inf", "is +Inf, no number; allowed: 0, 0.5 to 100"},
		{"turns", "-1", "-1"},
		{"turns", "0x10", "16"},
		{"turns", "0", "is 0; allowed: -1, 1 to 100"},
		{"turns", "1.5", "is 1.5, no whole number; allowed: -1, 1 to 100"},
		{"turns", "9223372036854775808", "is 9223372036854775808, no whole number; allowed: -1, 1 to 100"},
		{"mode", "proxy", "proxy"},
		{"mode", "PROXY", "proxy"},
		{"mode", "porxy", `is "porxy"; allowed: proxy, redirect (did you mean proxy)`},
		{"mode", "p", `is "p"; allowed: proxy, redirect`},
		{"text", " any at all ", " any at all "},
		{"flag", "false", "false"},
		{"flag", "FALSE", "false"},
		{"flag", "yes", `is "yes", neither true nor false (write true)`},
		{"flag", "off", `is "off", neither true nor false (write false)`},
		{"flag", "2", "is 2, neither true nor false"},
		{"count", "10", "is 10; allowed: 1 to 9"},
	} {
		f := fields[tt.name]
		v := reflect.New(f.Type).Elem()
		got := ""
		if err := f.Parse(tt.text, v); err == nil {
			got = fmt.Sprint(reflect.Indirect(v).Interface())
		} else {
			var wrong *ValueError
			if !errors.As(err, &wrong) {
				t.Fatalf("%T", err)
			}
			if got = err.Error(); wrong.Hint() != "" {
				got += " (" + wrong.Hint() + ")"
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q: got %s, want %s", tt.name, tt.text, got, tt.want)
		}
	}
	if len(fields) != 11 || fields["hidden"].show("x") != "a text that is not shown" {
		t.Errorf("%v", fields)
	}
}

func TestFillAndCheck(t *testing.T) {
	s := sample{Wait: time.Minute}
	Fill(&s)
	if s.Wait != time.Minute || s.Cache != 64<<20 || s.Turns != 10 || s.Flag == nil || !*s.Flag || s.Count != 3 {
		t.Errorf("%+v", s)
	}
	if err := Check(s); err != nil {
		t.Error(err)
	}
	if err := Check(sample{}); err != nil {
		t.Errorf("zeros stand for defaults: %v", err)
	}
	bad := sample{Wait: -time.Second, Limit: 3 * time.Hour, Rate: math.NaN(), Turns: -2, Mode: "x", Flag: new(bool)}
	want := `wait: is -1s; allowed: 50ms to 1h|limit: is 3h; allowed: 0s, 1m to 2h|rate: is "NaN"; allowed: 0, 0.5 to 100|turns: is -2; allowed: -1, 1 to 100|mode: is "x"; allowed: proxy, redirect`
	err := Check(bad)
	if err == nil || strings.ReplaceAll(err.Error(), "\n", "|") != want {
		t.Errorf("got %v", err)
	}
	if list := Errors(fmt.Errorf("%w", err)); len(list) != 1 {
		t.Errorf("an error around others is one: %v", list)
	}
	if list := Errors(errors.Join(err, errors.New("other"))); len(list) != 6 || list[0].Name != "wait" || list[5].Name != "" {
		t.Errorf("%v", list)
	}
}

func TestCheckTags(t *testing.T) {
	if err := CheckTags(reflect.TypeFor[sample]()); err != nil {
		t.Error(err)
	}
	err := CheckTags(reflect.TypeFor[struct {
		A    int           `yaml:"a"`
		B    time.Duration `yaml:"b" allowed:"1s to 5"`
		C    int           `yaml:"c" allowed:"1 to 2" default:"3"`
		D    string
		List []struct{ E float64 } `yaml:"list"`
	}]())
	for _, want := range []string{"a: a number without bounds", `b: allowed: "5" can't be read`, "c: is 3; allowed: 1 to 2", "D: a field of", "E: a field of"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Minute: "1m", time.Hour: "1h", 168 * time.Hour: "168h", 90 * time.Minute: "1h30m", 61 * time.Second: "1m1s", 10 * time.Second: "10s", time.Hour + time.Second: "1h0m1s",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := Between(50*time.Millisecond, time.Hour); got != "50ms to 1h" {
		t.Error(got)
	}
}

func TestShow(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    `""`,
		"5":                                   "5",
		"5 s":                                 `"5 s"`,
		"a\x1b[2Jb":                           `"a\x1b[2Jb"`,
		"https://me:hunter2@host/x":           `"https://…@host/x"`,
		"https://hunter2@host":                `"https://…@host"`,
		"http://ann:hun#ter2@host":            `"http://…@host"`,
		"https://user:hun/ter2@host/":         `"https://…@host/"`,
		"https://us%er:hunter2@host?x=hunter": `"https://…@host?…"`,
		"https://host/a@1/x":                  `"https://host/a@1/x"`,
		"https://host/?token=hunter2":         `"https://host/?…"`,
		"https://host/#hunter2":               `"https://host/?…"`,
		"s3://bucket/p?region=eu":             `"s3://bucket/p?region=eu"`,
		strings.Repeat("ä", 100):              fmt.Sprintf("%q", strings.Repeat("ä", 60)+"…"),
	} {
		if got := Show(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

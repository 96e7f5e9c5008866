package option

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// ValueError is a text that a setting can't have.
type ValueError struct {
	Value   string // as it is shown
	Problem string // empty: it is just not allowed
	Allowed Allowed
	hint    string
}

func (e *ValueError) Error() string {
	text := "is " + e.Value
	if e.Problem != "" {
		text += ", " + e.Problem
	}
	if e.Allowed != "" {
		text += "; allowed: " + string(e.Allowed)
	}
	return text
}

// Hint is what to write instead; empty: nothing comes near.
func (e *ValueError) Hint() string { return e.hint }

// problem is why a text can't be read.
type problem struct{ text, hint string }

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	percentType  = reflect.TypeFor[Percent]()
)

// Parse reads a text into v, which has the field's type, or that of an entry of its list.
// The error is a *ValueError.
func (f Field) Parse(text string, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if v.Kind() != reflect.String {
		text = strings.TrimSpace(text)
	}
	value := reflect.New(v.Type()).Elem()
	wrong := read(value, f.Allowed.word(text))
	if wrong == nil && f.Allowed.has(value) {
		v.Set(value)
		return nil
	}
	e := &ValueError{Value: f.show(text), Allowed: f.Allowed}
	switch {
	case wrong != nil:
		e.Problem, e.hint = wrong.text, wrong.hint
	case v.Kind() == reflect.String:
		if near := Nearest(text, f.Allowed.Words()); near != "" {
			e.hint = "did you mean " + near
		}
	}
	if v.Type() == durationType && e.hint == "" {
		e.hint = f.suggest(text)
	}
	return e
}

// read parses a text as a value of v's type. It knows no bounds.
func read(v reflect.Value, text string) *problem {
	switch {
	case v.Type() == durationType:
		d, err := time.ParseDuration(text)
		if _, bare := strconv.ParseFloat(text, 64); err != nil && bare == nil {
			return &problem{text: "without a unit"}
		} else if err != nil {
			return &problem{text: "no duration"}
		}
		v.SetInt(int64(d))
	case v.Type() == sizeType:
		n, err := humanize.ParseBytes(text)
		if err != nil || n > math.MaxInt64 {
			return &problem{"no size", "for instance 64MiB"}
		}
		v.SetInt(int64(n))
	case v.Type() == percentType:
		digits, signed := strings.CutSuffix(text, "%")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return &problem{"no percentage", "for instance 50%"}
		} else if !signed {
			return &problem{"without a unit", "for instance " + digits + "%"}
		}
		v.SetInt(int64(n))
	case v.Kind() == reflect.Int:
		n, err := strconv.ParseInt(text, 0, strconv.IntSize)
		if err != nil {
			return &problem{text: "no whole number"}
		}
		v.SetInt(n)
	case v.Kind() == reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return &problem{text: "no number"}
		}
		v.SetFloat(n)
	case v.Kind() == reflect.Bool:
		return readBool(v, text)
	case v.Kind() == reflect.String:
		v.SetString(text)
	default:
		return &problem{text: "no single value"}
	}
	return nil
}

func readBool(v reflect.Value, text string) *problem {
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		p := &problem{text: "neither true nor false"}
		switch strings.ToLower(text) {
		case "yes", "y", "on":
			p.hint = "write true"
		case "no", "n", "off":
			p.hint = "write false"
		}
		return p
	}
	v.SetBool(b)
	return nil
}

// suggest is a duration that somebody may have meant who wrote another thing: with a unit,
// or in units that there are.
func (f Field) suggest(text string) string {
	days, isDays := strings.CutSuffix(text, "d")
	if n, err := strconv.ParseFloat(days, 64); isDays && err == nil && math.Abs(n) < 1e6 {
		return "write days as hours: " + FormatDuration(time.Duration(n*24*float64(time.Hour)))
	}
	candidates := []string{text + "s", text + "m", text + "h", text + "ms", f.Default}
	for _, ends := range f.Allowed.alternatives() {
		candidates = append(candidates, ends[1])
	}
	for _, c := range candidates {
		d, err := time.ParseDuration(c)
		if err == nil && f.Allowed.has(reflect.ValueOf(d)) {
			return "for instance " + c
		}
	}
	return ""
}

// show is how a text is repeated in a message.
func (f Field) show(text string) string {
	if f.Secret {
		return "a text that is not shown"
	}
	return Show(text)
}

// Show is how messages repeat what somebody wrote: without secrets, not too long, and in
// quotes unless it begins as a number does.
func Show(text string) string {
	const most = 60 // characters
	text = Redact(text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	if text != "" && strings.ContainsRune("+-.0123456789", rune(text[0])) && strings.IndexFunc(text, unusual) < 0 {
		return text
	}
	return fmt.Sprintf("%q", text)
}

func unusual(r rune) bool { return r <= ' ' || r >= 0x7f }

// Redact takes credentials out of what may be a URL, even an unreadable one, and the query
// of an http or https URL, which may be signed.
func Redact(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return text
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 && (strings.Contains(rest[:i], ":") || !strings.Contains(rest[:i], "/")) {
		rest = "…@" + rest[i+1:]
	}
	if web := strings.ToLower(scheme); web == "http" || web == "https" {
		if i := strings.IndexAny(rest, "?#"); i >= 0 {
			rest = rest[:i] + "?…"
		}
	}
	return scheme + "://" + rest
}

package option

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Allowed is which values a setting may have: values and ranges, as in "0, 1s to 1h" or
// "proxy, redirect". Empty: any.
type Allowed string

// alternatives are the values and ranges, as text. Both ends of a value are the same.
func (a Allowed) alternatives() (list [][2]string) {
	if a == "" {
		return nil
	}
	for _, text := range strings.Split(string(a), ", ") {
		low, high, ok := strings.Cut(text, " to ")
		if !ok {
			high = low
		}
		list = append(list, [2]string{low, high})
	}
	return list
}

// Words are the values that a string may have; nil: any.
func (a Allowed) Words() (list []string) {
	for _, alternative := range a.alternatives() {
		list = append(list, alternative[0])
	}
	return list
}

// word is one of Words, if the text is that in other letters, small or capital.
func (a Allowed) word(text string) string {
	for _, word := range a.Words() {
		if strings.EqualFold(word, text) {
			return word
		}
	}
	return text
}

// Between allows the durations from low to high.
func Between(low, high time.Duration) Allowed {
	return Allowed(FormatDuration(low) + " to " + FormatDuration(high))
}

// has reports whether a value is allowed.
func (a Allowed) has(v reflect.Value) bool {
	if a == "" {
		return true
	}
	if v.Kind() == reflect.String {
		return slices.Contains(a.Words(), v.String())
	}
	at, ok := number(v)
	if !ok {
		return true
	}
	for _, ends := range a.alternatives() {
		low, high := reflect.New(v.Type()).Elem(), reflect.New(v.Type()).Elem()
		if read(low, ends[0]) != nil || read(high, ends[1]) != nil {
			continue
		}
		from, _ := number(low)
		to, _ := number(high)
		if from <= at && at <= to {
			return true
		}
	}
	return false
}

// number makes numbers of any kind comparable. NaN is in no range.
func number(v reflect.Value) (float64, bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

// check finds tags that can't be read.
func (f Field) check() error {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, ends := range f.Allowed.alternatives() {
		for _, end := range ends {
			if t.Kind() != reflect.Slice && read(reflect.New(t).Elem(), end) != nil {
				return Errorf(f.Name, "allowed: %q can't be read", end)
			}
		}
	}
	if _, isNumber := number(reflect.New(t).Elem()); isNumber && f.Allowed == "" {
		return Wrap(f.Name, errors.New("a number without bounds"))
	}
	if f.Default != "" && t.Kind() != reflect.Slice {
		return Wrap(f.Name, f.Parse(f.Default, reflect.New(t).Elem()))
	}
	return nil
}

// CheckTags finds fields of a struct type, and of structs in it, whose tags don't hold: a
// field that is exported and has no name, a number without bounds, a default that is not
// allowed. It is for tests.
func CheckTags(t reflect.Type) error {
	var errs []error
	for f := range t.Fields() {
		if f.IsExported() && f.Tag.Get("yaml") == "" {
			errs = append(errs, Errorf(f.Name, "a field of %s without a yaml tag", t))
		}
	}
	for _, f := range Fields(t) {
		errs = append(errs, f.check())
		inner := f.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			errs = append(errs, CheckTags(inner))
		}
	}
	return errors.Join(errs...)
}

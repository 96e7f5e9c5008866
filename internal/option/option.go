// Package option says what a setting may be. The field that holds a setting says all of
// it in its tags:
//
//	Refresh time.Duration `yaml:"refresh" default:"5s" allowed:"50ms to 1h"`
//
// The tags are:
//
//   - yaml: the setting's name in the configuration file. ",inline" makes the fields of a
//     struct settings of the struct around it.
//   - default: its value if nothing is set, as text.
//   - allowed: values and ranges, separated by commas. A number, a duration or a size must
//     be one of them; so must a string and each string of a list, if there is the tag.
//   - secret: "true" if the value is never printed.
//
// A setting is a string, bool, int, float64, time.Duration, [Size] or [Percent], a pointer
// to one, which is nil where nothing is set, a list or map of strings, a struct, or a list
// of structs.
package option

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Size is a number of bytes. It is written with a unit, such as 64MiB, or without.
type Size int64

// Percent is a whole number of hundredths, written with its sign: 50%.
type Percent int

// Field is a setting of a struct.
type Field struct {
	Name    string
	Index   []int // for reflect.Value.FieldByIndex
	Type    reflect.Type
	Default string
	Allowed Allowed
	Secret  bool
}

// Fields lists the settings of a struct type, in their order. A field without a name in
// its yaml tag is none.
func Fields(t reflect.Type) (list []Field) {
	for f := range t.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if rest == "inline" {
			for _, inner := range Fields(f.Type) {
				inner.Index = append([]int{f.Index[0]}, inner.Index...)
				list = append(list, inner)
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		list = append(list, Field{
			Name: name, Index: f.Index, Type: f.Type, Default: f.Tag.Get("default"),
			Allowed: Allowed(f.Tag.Get("allowed")), Secret: f.Tag.Get("secret") == "true",
		})
	}
	return list
}

// Error is what is wrong with a setting.
type Error struct {
	Name string // below the settings that are talked about: url, packages.include
	Err  error
}

func (e *Error) Error() string { return e.Name + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error.
func Errorf(name, format string, args ...any) error {
	return &Error{Name: name, Err: fmt.Errorf(format, args...)}
}

// Wrap makes an Error; nil of nil.
func Wrap(name string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Name: name, Err: err}
}

// Errors lists the Errors in err, which may be joined. Any other error in it gets an empty
// name.
func Errors(err error) (list []*Error) {
	if err == nil {
		return nil
	}
	if own, ok := err.(*Error); ok {
		return []*Error{own}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			list = append(list, Errors(e)...)
		}
		return list
	}
	return []*Error{{Err: err}}
}

// FormatDuration is a duration without the zeros that time.Duration prints: 168h.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

package settings

import (
	"reflect"
	"regexp"

	"github.com/asof/asof/internal/option"
)

// Keys lists the keys of a struct that are in no list: those with a single value, which
// variables and flags can set, and the others.
func Keys(t reflect.Type) (single, other []string) {
	for _, f := range option.Fields(t) {
		switch f.Type.Kind() {
		case reflect.Struct:
			innerSingle, innerOther := Keys(f.Type)
			for _, name := range innerSingle {
				single = append(single, join(f.Name, name))
			}
			for _, name := range append([]string{""}, innerOther...) {
				other = append(other, join(f.Name, name))
			}
		case reflect.Slice, reflect.Map, reflect.Interface, reflect.Pointer:
			other = append(other, f.Name)
		default:
			single = append(single, f.Name)
		}
	}
	return single, other
}

// printable is a name from the file as messages repeat it.
func printable(name string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`).MatchString(name) {
		return name
	}
	return option.Show(name)
}

package option

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Fill sets each field that is zero to its default. The tags were checked by a test, so
// that every default can be read. options is a pointer to a struct.
func Fill(options any) {
	v := reflect.ValueOf(options).Elem()
	for _, f := range Fields(v.Type()) {
		if at := v.FieldByIndex(f.Index); at.IsZero() && f.Default != "" {
			_ = f.Parse(f.Default, at)
		}
	}
}

// Check finds values that are not allowed, as [Errors]. A zero value stands for the
// default, and passes. options is a struct. Structs in it are left to whoever takes them.
func Check(options any) error {
	v := reflect.ValueOf(options)
	var errs []error
	for _, f := range Fields(v.Type()) {
		at := reflect.Indirect(v.FieldByIndex(f.Index))
		if len(f.Index) > 1 || !at.IsValid() || at.IsZero() || f.Allowed.has(at) {
			continue
		}
		text := fmt.Sprint(at.Interface())
		if d, ok := at.Interface().(time.Duration); ok {
			text = FormatDuration(d)
		}
		errs = append(errs, &Error{f.Name, &ValueError{Value: f.show(text), Allowed: f.Allowed}})
	}
	return errors.Join(errs...)
}

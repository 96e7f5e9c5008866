package main

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/asof/asof/internal/option"
)

// bounded is a flag with the bounds of package option, for what is no setting. (Flags that
// set a setting are texts, and checked with it.)
type bounded struct {
	into  reflect.Value
	field option.Field
	kind  string
}

// boundedDuration makes a flag for a duration.
func boundedDuration(flags *pflag.FlagSet, into *time.Duration, name string, allowed option.Allowed, help string) {
	flags.Var(&bounded{reflect.ValueOf(into).Elem(), option.Field{Allowed: allowed}, "duration"}, name, help)
}

// boundedInt makes a flag for a number.
func boundedInt(flags *pflag.FlagSet, into *int, name string, allowed option.Allowed, help string) {
	flags.Var(&bounded{reflect.ValueOf(into).Elem(), option.Field{Allowed: allowed}, "int"}, name, help)
}

// Set implements pflag.Value.
func (b *bounded) Set(text string) error { return b.field.Parse(text, b.into) }

// Type implements pflag.Value.
func (b *bounded) Type() string { return b.kind }

// String implements pflag.Value: empty if nothing is set.
func (b *bounded) String() string {
	if !b.into.IsValid() || b.into.IsZero() {
		return ""
	}
	return fmt.Sprint(b.into.Interface())
}

func flagError(cmd *cobra.Command, err error) error {
	hint := fmt.Sprintf("%s --help lists the flags", cmd.CommandPath())
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		name := "--" + invalid.GetFlag().Name
		if own, ok := errors.AsType[*option.ValueError](err); ok {
			return usage(fmt.Errorf("%s: %w", name, own), own.Hint())
		}
		problem := "which can't be read"
		if invalid.GetFlag().Value.Type() == "bool" {
			problem = "neither true nor false"
		}
		return usage(fmt.Errorf("%s: is %s, %s", name, option.Show(invalid.GetValue()), problem), hint)
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := option.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			hint = "did you mean --" + near
		}
	}
	return usage(err, hint)
}

package remote

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

type hinted struct{ error }

func (hinted) Hint() string { return "do this" }

// People are told of 20 faults and how many there are.
func TestFaultsError(t *testing.T) {
	advice := func(missing bool) string { return fmt.Sprint("missing: ", missing) }
	var faults []Fault
	for i := range 25 {
		faults = append(faults, Fault{Path: fmt.Sprintf("f%02d", 24-i), Err: ErrMissing})
	}
	e := NewFaultsError(faults, advice)
	text := e.Error()
	if !strings.HasPrefix(text, "25 files are missing or wrong upstream:\n  f00: upstream lists it and does not have it\n  f01: ") ||
		!strings.HasSuffix(text, "\n  f19: upstream lists it and does not have it\n  and 5 more") {
		t.Error(text)
	}
	if len(e.Missing()) != 25 || errors.Is(e, ErrUnverified) || errors.Is(e, ErrMoved) || e.Hint() != "missing: true" {
		t.Errorf("%d missing, %s", len(e.Missing()), e.Hint())
	}
	e = NewFaultsError([]Fault{{Path: "a", Err: ErrMissing}, {Path: "b", Err: errors.New("is another")}}, advice)
	if e.Missing() != nil || !errors.Is(e, ErrUnverified) {
		t.Error("b is wrong")
	}
	e = NewFaultsError([]Fault{{Path: "b", Err: fmt.Errorf("x: %w", hinted{errors.New("is weak")})}}, advice)
	if e.Error() != "b: x: is weak" || e.Hint() != "do this" {
		t.Errorf("%v, %s", e, e.Hint())
	}
	e = NewFaultsError([]Fault{{Path: "a", Err: ErrMissing}, {Path: "index", Err: ErrMissing, Required: true}}, advice)
	if e.Missing() != nil || !errors.Is(e, ErrMissing) || e.Hint() != "missing: false" {
		t.Errorf("clients can't do without the index: %s", e.Hint())
	}
	e = NewFaultsError([]Fault{{Path: "index", Err: ErrMissing, Required: true}}, advice)
	if e.Hint() != "missing: false" {
		t.Errorf("to skip does not help: %s", e.Hint())
	}
}

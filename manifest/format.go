package manifest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNewer: a later version of asof wrote a document, in a format that this one does not
// know. It is no damage: nobody may replace the document, or take it for absent.
var ErrNewer = errors.New("a later version of asof wrote it")

// formatError is a document in another format than its parser reads.
type formatError struct{ got, reads string }

func (e *formatError) Error() string {
	text := fmt.Sprintf("format is %.40q, this version reads %s", e.got, e.reads)
	if e.newer() {
		text = fmt.Sprintf("%v: %s", ErrNewer, text)
	}
	return text
}

// Is makes a format of the same name and a higher number an ErrNewer.
func (e *formatError) Is(target error) bool { return target == ErrNewer && e.newer() }

func (e *formatError) newer() bool {
	name, number, _ := strings.Cut(e.got, "/")
	wantName, want, _ := strings.Cut(e.reads, "/")
	got, err := strconv.ParseUint(number, 10, 32)
	known, _ := strconv.ParseUint(want, 10, 32)
	return err == nil && name == wantName && got > known && strconv.FormatUint(got, 10) == number
}

// checkFormat compares the format that a document names with the one that is read.
func checkFormat(got, reads string) error {
	if got == reads {
		return nil
	}
	return &formatError{got, reads}
}

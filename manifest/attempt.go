package manifest

import (
	"errors"
	"fmt"
	"strings"
)

const attemptFormat = "asof.attempt/1"

// MaxAttempt bounds the size of an attempt in bytes. Files that do not fit are
// left out of its list.
const MaxAttempt = 48 << 20

// Attempt is a publisher's claim of an id, or the journal of a sync. It says what
// the publisher is about to publish and which files it is about to upload, and is
// written before the first of them. After a crash it tells the next run what the
// objects in the tree or the pool must contain.
type Attempt struct {
	ID      ID     // the claimed id; in a journal, when the sync began
	Content Digest // the revision's Root.Content
	Layout  Layout // the tree's; Thin for a journal, whose files go to the pool
	Files   []Entry
}

// Encode returns the attempt's canonical form, without modification times. It
// fails if the id is not valid.
//
//	asof.attempt/1
//	id 20250318T140338Z
//	content <sha256>
//	layout full
//	<sha256> SP <size> SP - SP SP <path>      one a file
func (a Attempt) Encode() ([]byte, error) {
	if err := a.ID.check(); err != nil {
		return nil, fmt.Errorf("attempt: %w", err)
	}
	b := fmt.Appendf(nil, "%s\nid %s\ncontent %s\nlayout %s\n", attemptFormat, a.ID, a.Content, a.Layout)
	for _, e := range a.Files {
		e.Modified = 0
		n := len(b)
		if b = appendEntry(b, e); len(b) > MaxAttempt {
			return b[:n], nil
		}
	}
	return b, nil
}

// ParseAttempt reads what Encode writes.
func ParseAttempt(data []byte) (Attempt, error) {
	var a Attempt
	if len(data) > MaxAttempt {
		return a, fmt.Errorf("attempt: larger than %d bytes", MaxAttempt)
	}
	n := 0
	for line, err := range lines(string(data)) {
		if n++; err == nil {
			err = a.parseLine(n, line)
		}
		if err != nil {
			return Attempt{}, fmt.Errorf("attempt, line %d: %w", n, err)
		}
	}
	if n < 4 {
		return Attempt{}, errors.New("attempt: incomplete")
	}
	return a, nil
}

func (a *Attempt) parseLine(n int, line string) (err error) {
	heads := [...]string{"", "id ", "content ", "layout "}
	if n == 1 {
		return checkFormat(line, attemptFormat)
	}
	if n > len(heads) {
		e, err := parseEntry(line)
		if err == nil && !e.Modified.IsZero() {
			err = errors.New("a file of an attempt has no time")
		}
		a.Files = append(a.Files, e)
		return err
	}
	value, ok := strings.CutPrefix(line, heads[n-1])
	if !ok {
		return fmt.Errorf("want %q", heads[n-1])
	}
	switch n {
	case 2:
		a.ID, err = ParseID(value)
	case 3:
		a.Content, err = ParseDigest(value)
	case 4:
		if a.Layout = Layout(value); a.Layout != Full && a.Layout != Thin {
			err = fmt.Errorf("layout %.40q is neither full nor thin", value)
		}
	}
	return err
}

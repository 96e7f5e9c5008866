package manifest

import (
	"errors"
	"fmt"
	"strings"
)

const attemptFormat = "asof.attempt/1"

// MaxAttempt bounds the size of an attempt in bytes. What does not fit into it
// is left out of its list.
const MaxAttempt = 48 << 20

// Attempt is the claim of an id by a publisher, or the journal of a sync: what
// it is about to publish and which files it is about to upload. It is written
// before the first of them. Whoever comes after a crash knows by it what the
// objects that stand in the tree or the pool must contain.
type Attempt struct {
	ID      ID     // the claimed id; of a journal, when the sync began
	Content Digest // of the revision: Root.Content
	Layout  Layout // of the tree; Thin for a journal, whose files go to the pool
	Files   []Entry
}

// Encode is the attempt's form; times of files are left out.
//
//	asof.attempt/1
//	id 20250318T140338Z
//	content <sha256>
//	layout full
//	<sha256> SP <size> SP - SP SP <path>      one a file
func (a Attempt) Encode() []byte {
	b := fmt.Appendf(nil, "%s\nid %s\ncontent %s\nlayout %s\n", attemptFormat, a.ID, a.Content, a.Layout)
	for _, e := range a.Files {
		e.Modified = NoTime
		n := len(b)
		if b = appendEntry(b, e); len(b) > MaxAttempt {
			return b[:n]
		}
	}
	return b
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
		if line != attemptFormat {
			return fmt.Errorf("format is %.40q, want %s", line, attemptFormat)
		}
		return nil
	}
	if n > len(heads) {
		e, err := parseEntry(line)
		if err == nil && e.Modified != NoTime {
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

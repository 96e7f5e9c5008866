package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

const (
	stagedFormat = "asof.staged/2"
	// modedFormat also has modes.
	modedFormat = "asof.staged/3"
	// unphasedFormat has no phases. Earlier versions of asof wrote it.
	unphasedFormat = "asof.staged/1"
)

// MaxStaged bounds the size of a staged revision's document in bytes.
const MaxStaged = 64 << 20

// Staged is a revision that a sync captured and that is not published yet. Its
// content is in the pool, or in the checkpoint that was the newest then.
type Staged struct {
	At       ID     `json:"at"` // when it was captured
	Manifest Digest `json:"manifest"`
	Content  Digest `json:"content"`
	Files    int64  `json:"files"`
	Bytes    int64  `json:"bytes"`
	// Missing is as in Receipt: the publish hands it on.
	Missing []string `json:"missing,omitempty"`
	// HeldBack is as in Receipt, too.
	HeldBack HeldBack `json:"held_back,omitzero"`
	// Later lists the files that are written after the others, in ascending order
	// of their paths.
	Later []LaterFile `json:"-"`
	// Modes of the files; nil: the remote does not know any.
	Modes *Modes `json:"-"`
	// Unphased means that an earlier version of asof wrote the document. It does
	// not say which files must be written after the others.
	Unphased bool `json:"-"`
}

// LaterFile is a file that is written after those of earlier phases.
type LaterFile struct {
	Path  string `json:"path"`
	Phase int    `json:"phase"` // from 1; files that Staged does not name have phase 0
}

// maxPhase is the highest number of a phase.
const maxPhase = 9

type stagedHead struct {
	Format string `json:"format"`
	Staged
}

// Encode returns the document's canonical form: JSON with one line a file.
func (s Staged) Encode() ([]byte, error) {
	if s.Unphased {
		return nil, errors.New("staged revision: its phases are not known")
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("staged revision: %w", err)
	}
	format := stagedFormat
	if s.Modes != nil {
		format = modedFormat
	}
	b, err := appendHead(nil, stagedHead{format, s})
	if err != nil {
		return nil, err
	}
	if s.Modes != nil {
		b = appendExecutable(b, s.Modes.Executable, ",\n")
	}
	b = appendList(b, "later", s.Later, "}\n", func(b []byte, f LaterFile) []byte {
		line, _ := json.Marshal(f) // no file fails
		return append(b, line...)
	})
	if len(b) > MaxStaged {
		return nil, fmt.Errorf("staged revision: larger than %d bytes", MaxStaged)
	}
	return b, nil
}

// ParseStaged reads the canonical form only, including that of earlier versions.
func ParseStaged(data []byte) (Staged, error) {
	is := func(format string) bool { return bytes.HasPrefix(data, []byte(`{"format":"`+format+`"`)) }
	var s Staged
	var err error
	switch {
	case is(unphasedFormat):
		s, err = parseUnphased(data)
	case is(stagedFormat):
		s, err = parseStaged(data, stagedFormat)
	default:
		s, err = parseStaged(data, modedFormat)
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return Staged{}, fmt.Errorf("staged revision: %w", err)
	}
	return s, nil
}

func parseStaged(data []byte, format string) (s Staged, err error) {
	d, err := openDocument(data, MaxStaged, format)
	if err != nil {
		return s, err
	}
	var head stagedHead
	if err := d.head(&head); err != nil {
		return s, err
	}
	s = head.Staged
	if format == modedFormat {
		s.Modes = new(Modes)
		if s.Modes.Executable, err = readExecutable(d, ","); err != nil {
			return s, err
		}
	}
	s.Later, err = readList(d, "later", "}", func([]byte) (f LaterFile, ok bool) { return f, false })
	if err != nil {
		return s, err
	}
	return s, d.end()
}

func parseUnphased(data []byte) (s Staged, err error) {
	d, err := openDocument(data, MaxStaged, unphasedFormat)
	if err != nil {
		return s, err
	}
	var body stagedHead
	if err := d.value(&body); err != nil {
		return s, err
	}
	s = body.Staged
	s.Unphased = true
	return s, d.end()
}

// check reports the first rule that a staged revision breaks.
func (s Staged) check() error {
	if !s.At.Valid() {
		return errors.New("it says no time at which it was captured")
	}
	if err := cmp.Or(checkMissing(s.Missing), s.HeldBack.check()); err != nil {
		return err
	}
	if s.Modes != nil {
		if err := checkExecutable(s.Modes.Executable); err != nil {
			return err
		}
	}
	for i, f := range s.Later {
		if err := CheckPath(f.Path); err != nil {
			return err
		}
		if i > 0 && f.Path <= s.Later[i-1].Path {
			return fmt.Errorf("path %q is out of order", f.Path)
		}
		if f.Phase < 1 || f.Phase > maxPhase {
			return fmt.Errorf("%s: phase %d is not within 1 and %d", f.Path, f.Phase, maxPhase)
		}
	}
	return nil
}

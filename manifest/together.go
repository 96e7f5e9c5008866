package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
)

const togetherFormat = "asof.together/1"

// MaxTogether bounds the size of a group's document in bytes.
const MaxTogether = 1 << 20

// Together is a publish of several repos at one id, about to be committed: what
// each of them is going to resolve to at that id. All of it stands in the store.
// Each member keeps a copy, so that whoever meets one can finish what the
// publisher began.
type Together struct {
	ID      ID       `json:"id"`    // that all members get
	Until   ID       `json:"until"` // from here on it may not be committed any more
	Members []Member `json:"members"`
}

// Member is one repo of a group.
type Member struct {
	Repo
	// Checkpoint is a new one at the group's id, or where nothing was new the
	// newest, which stays right up to that id.
	Checkpoint Checkpoint `json:"checkpoint"`
	// Previous is the newest checkpoint before the group, which a new one was
	// compared with. nil: there was none.
	Previous *ID `json:"previous"`
}

// follows reports whether the checkpoint is new at the group's id, and the one
// before it earlier; or the newest there was.
func (m Member) follows(id ID) bool {
	if m.Checkpoint.ID == id {
		return m.Previous == nil || m.Previous.Valid() && *m.Previous < id
	}
	return m.Previous != nil && *m.Previous == m.Checkpoint.ID
}

type togetherBody struct {
	Format string `json:"format"`
	Together
}

// Encode is the document's canonical form: JSON in one line.
func (t Together) Encode() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(togetherBody{togetherFormat, t})
	if err == nil && len(b) >= MaxTogether {
		err = fmt.Errorf("repos published together: larger than %d bytes", MaxTogether)
	}
	return append(b, '\n'), err
}

// ParseTogether reads the canonical form, and nothing else.
func ParseTogether(data []byte) (Together, error) {
	var body togetherBody
	d, err := openDocument(data, MaxTogether, togetherFormat)
	if err == nil {
		err = d.value(&body)
	}
	if err == nil {
		err = d.end()
	}
	if err == nil {
		err = body.Together.check()
	}
	if err != nil {
		return Together{}, fmt.Errorf("repos published together: %w", err)
	}
	return body.Together, nil
}

// check holds what is true of every group.
func (t Together) check() error {
	if !t.ID.Valid() || !t.Until.Valid() {
		return errors.New("a time outside the years 0001 to 9999")
	}
	for i, m := range t.Members {
		if i > 0 && m.Base <= t.Members[i-1].Base {
			return fmt.Errorf("member %s is out of order", m.Name)
		}
		if m.Checkpoint.ID > t.ID {
			return fmt.Errorf("member %s: checkpoint %s lies above the id %s", m.Name, m.Checkpoint.ID, t.ID)
		}
		if !m.follows(t.ID) {
			return fmt.Errorf("member %s: checkpoint %s is neither the newest nor follows it", m.Name, m.Checkpoint.ID)
		}
		if err := CheckBase(m.Name); err != nil {
			return fmt.Errorf("member: %w", err)
		}
		if err := CheckBase(m.Base); err != nil {
			return fmt.Errorf("member: %w", err)
		}
		ix, err := NewIndex(m.Name).Append(m.Checkpoint)
		if err == nil {
			_, err = ix.Encode()
		}
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
	}
	return nil
}

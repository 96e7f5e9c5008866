package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

const togetherFormat = "asof.together/1"

// MaxGroup bounds the size of a group's document in bytes.
const MaxGroup = 1 << 20

// Group is a publish of several repos at one id that is about to be committed. It
// says what each repo will resolve to at that id. Everything it needs is already
// in the store. Each member keeps a copy, so any publisher that finds one can
// finish the publish.
type Group struct {
	ID      ID       `json:"id"`    // the id that all members get
	Until   ID       `json:"until"` // from then on it may no longer be committed
	Members []Member `json:"members"`
}

// Member is one repo of a group.
type Member struct {
	Repo
	// Checkpoint is a new one at the group's id. If nothing was new, it is the
	// newest one, which stays right up to that id.
	Checkpoint Checkpoint `json:"checkpoint"`
	// Previous is the newest checkpoint before the group. A new one was compared
	// with it. nil: there was none.
	Previous *ID `json:"previous"`
}

// MayCommit reports whether the group may still be committed to a member with
// this horizon: it is not committed there yet, and not too old.
func (t Group) MayCommit(horizon, now ID) bool { return t.ID > horizon && now < t.Until }

// Of returns the member with a base path.
func (t Group) Of(base string) (Member, bool) {
	i := slices.IndexFunc(t.Members, func(m Member) bool { return m.Base == base })
	if i < 0 {
		return Member{}, false
	}
	return t.Members[i], true
}

// follows reports whether the member's checkpoint is new at the group's id and
// its previous one earlier, or else is the newest before the group.
func (m Member) follows(id ID) bool {
	if m.Checkpoint.ID == id {
		return m.Previous == nil || m.Previous.Valid() && *m.Previous < id
	}
	return m.Previous != nil && *m.Previous == m.Checkpoint.ID
}

type togetherBody struct {
	Format string `json:"format"`
	Group
}

// Encode returns the document's canonical form: JSON in one line.
func (t Group) Encode() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(togetherBody{togetherFormat, t})
	if err == nil && len(b) >= MaxGroup {
		err = fmt.Errorf("repos published together: larger than %d bytes", MaxGroup)
	}
	return append(b, '\n'), err
}

// ParseGroup reads the canonical form only.
func ParseGroup(data []byte) (Group, error) {
	var body togetherBody
	d, err := openDocument(data, MaxGroup, togetherFormat)
	if err == nil {
		err = d.value(&body)
	}
	if err == nil {
		err = d.end()
	}
	if err == nil {
		err = body.Group.check()
	}
	if err != nil {
		return Group{}, fmt.Errorf("repos published together: %w", err)
	}
	return body.Group, nil
}

// check reports the first rule that a group breaks.
func (t Group) check() error {
	if err := cmp.Or(t.ID.check(), t.Until.check()); err != nil {
		return err
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

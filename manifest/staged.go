package manifest

import (
	"encoding/json"
	"fmt"
)

const stagedFormat = "asof.staged/1"

// MaxStaged bounds the size of a staged revision's document in bytes.
const MaxStaged = 1 << 10

// Staged is a revision that a sync captured and nobody published yet. Its
// content stands in the pool, or in the newest checkpoint of that time.
type Staged struct {
	At       ID     `json:"at"` // when it was captured
	Manifest Digest `json:"manifest"`
	Content  Digest `json:"content"`
	Files    int64  `json:"files"`
	Bytes    int64  `json:"bytes"`
}

type stagedBody struct {
	Format string `json:"format"`
	Staged
}

// Encode is the document's canonical form: JSON in one line.
func (s Staged) Encode() ([]byte, error) {
	b, err := json.Marshal(stagedBody{stagedFormat, s})
	return append(b, '\n'), err
}

// ParseStaged reads the canonical form, and nothing else.
func ParseStaged(data []byte) (Staged, error) {
	var body stagedBody
	d, err := openDocument(data, MaxStaged, stagedFormat)
	if err == nil {
		err = d.value(&body)
	}
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return Staged{}, fmt.Errorf("staged revision: %w", err)
	}
	return body.Staged, nil
}

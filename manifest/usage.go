package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const usageFormat = "asof.usage/1"

// MaxUsage bounds the size of a usage's document in bytes.
const MaxUsage = 256 << 10

// GeneratedDir is the directory at the top of a tree that is asof's own. It is
// part of the manifest of pages; no file of upstream's may stand there.
const GeneratedDir = ".asof/"

// UsagePath is the path of a checkpoint's usage.
const UsagePath = GeneratedDir + "usage.json"

// Usage tells how clients use a checkpoint: texts to paste. It names neither the
// checkpoint nor the server, and so is the same in many of them.
type Usage struct {
	Snippets []Snippet `json:"snippets"`
}

// Snippet is a text to paste into a file or a shell. In the text {tree} stands
// for the URL of the checkpoint, and {repo} for that of the repo; both end in a
// slash.
type Snippet struct {
	Title string `json:"title"`
	Note  string `json:"note,omitempty"` // why, and what else to know
	File  string `json:"file,omitempty"` // where it belongs on the client
	Text  string `json:"text"`
}

// For fills in the URLs of a repo and of a checkpoint of it. Both end in a slash.
func (u Usage) For(repo, tree string) Usage {
	fill := strings.NewReplacer("{repo}", repo, "{tree}", tree)
	var filled Usage
	for _, s := range u.Snippets {
		s.Note, s.Text = fill.Replace(s.Note), fill.Replace(s.Text)
		filled.Snippets = append(filled.Snippets, s)
	}
	return filled
}

type usageBody struct {
	Format string `json:"format"`
	Usage
}

// Encode is the document's canonical form: JSON in one line.
func (u Usage) Encode() ([]byte, error) {
	if err := u.check(); err != nil {
		return nil, fmt.Errorf("usage: %w", err)
	}
	b, err := json.Marshal(usageBody{usageFormat, u})
	if err == nil && len(b) >= MaxUsage {
		err = fmt.Errorf("usage: larger than %d bytes", MaxUsage)
	}
	return append(b, '\n'), err
}

// ParseUsage reads the canonical form, and nothing else.
func ParseUsage(data []byte) (Usage, error) {
	var body usageBody
	d, err := openDocument(data, MaxUsage, usageFormat)
	if err == nil {
		err = d.value(&body)
	}
	if err == nil {
		err = d.end()
	}
	if err == nil {
		err = body.Usage.check()
	}
	if err != nil {
		return Usage{}, fmt.Errorf("usage: %w", err)
	}
	return body.Usage, nil
}

// check: JSON would silently mend a text that is no UTF-8, and so write a
// document that does not read back.
func (u Usage) check() error {
	for _, s := range u.Snippets {
		for _, text := range []string{s.Title, s.Note, s.File, s.Text} {
			if !utf8.ValidString(text) {
				return errors.New("a text is not UTF-8")
			}
		}
	}
	return nil
}

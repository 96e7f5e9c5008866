package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

const usageFormat = "asof.usage/1"

// MaxUsage bounds the size of a usage's document in bytes.
const MaxUsage = 256 << 10

// GeneratedDir is asof's own directory at the top of a tree. Its files are in the
// manifest of pages; upstream may have none there.
const GeneratedDir = ".asof/"

// MirrorLists is where a server has its mirror lists: below, BASE/WHEN/PATH as in a tree's
// address.
const MirrorLists = "-/mirrorlist"

// UsagePath is the path of a checkpoint's usage.
const UsagePath = GeneratedDir + "usage.json"

// Usage tells clients how to use a checkpoint: texts to paste. It names neither
// the checkpoint nor the server, so many checkpoints share the same one.
type Usage struct {
	Snippets []Snippet `json:"snippets"`
}

// Snippet is a text to paste into a file or a shell. In text and note, {tree} means the
// URL of the checkpoint, {repo} the URL of the repo, {mirrors} the URL of the repo's mirror
// lists, which end in a slash, and {id} the checkpoint's id. In title, too, {when} means the name
// that a client follows: latest, a channel or a ring. In these and in file, {name} means a name
// for the repo on a client: its base path with hyphens for slashes.
type Snippet struct {
	Title string `json:"title"`
	Way   Way    `json:"way,omitempty"`
	Note  string `json:"note,omitempty"` // why, and what else to know
	File  string `json:"file,omitempty"` // where it belongs on the client
	Text  string `json:"text"`
}

// Way says which clients a snippet is for.
type Way string

// The ways.
const (
	AnyWay Way = ""     // whatever they follow
	ByTime Way = "time" // those that stay at a time or a checkpoint
	ByName Way = "name" // those that follow {when}
)

// For fills in where clients find a checkpoint: the URL of the server, without a slash at
// the end, the base path as URLs spell it, and the id. when is the name that clients follow: the
// texts for those that stay at a time are left out then. Empty: all are there, and the name is
// latest.
func (u Usage) For(server, base string, id ID, when string) Usage {
	repo := server + "/" + base + "/"
	fill := strings.NewReplacer("{when}", cmp.Or(when, Latest), "{repo}", repo, "{tree}", repo+id.String()+"/", "{id}", id.String(), "{name}", nameOf(base), "{mirrors}", server+"/"+MirrorLists+"/"+base+"/")
	var filled Usage
	for _, s := range u.Snippets {
		if when != "" && s.Way == ByTime {
			continue
		}
		s.Title, s.Note, s.Text, s.File = fill.Replace(s.Title), fill.Replace(s.Note), fill.Replace(s.Text), fill.Replace(s.File)
		filled.Snippets = append(filled.Snippets, s)
	}
	return filled
}

// nameOf is a name for a repo on a client, from its base path as URLs spell it.
func nameOf(base string) string { return strings.NewReplacer("/", "-", "%2B", "+").Replace(base) }

type usageBody struct {
	Format string `json:"format"`
	Usage
}

// Encode returns the document's canonical form: JSON in one line.
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

// ParseUsage reads the canonical form only.
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

// check refuses invalid UTF-8: JSON would silently replace it, and the document
// would not read back.
func (u Usage) check() error {
	for _, s := range u.Snippets {
		if s.Way != AnyWay && s.Way != ByTime && s.Way != ByName {
			return fmt.Errorf("%.80q is no way to follow a repo", s.Way)
		}
		for _, text := range []string{s.Title, s.Note, s.File, s.Text} {
			if !utf8.ValidString(text) {
				return errors.New("a text is not UTF-8")
			}
		}
	}
	return nil
}

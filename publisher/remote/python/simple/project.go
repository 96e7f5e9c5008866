// Package simple reads and writes the pages of the Simple Repository API, by which Python's
// installers find files: the pages of projects and the root page that lists them, as HTML and
// as JSON (PEP 503, 592, 629, 658, 691, 700, 708, 714, 740, 792). It does no I/O of its own.
//
// What is read comes from strangers: it is bounded, and what would make an installer fail on
// the page that is written from it is left out, with a [Note], or refused. A refusal is a
// [remote.InputError]. Functions may be called concurrently.
package simple

import (
	"encoding/json"
	"fmt"
)

// Project is what a project's page says. Equal projects give equal pages.
type Project struct {
	Name  string // normalized (PEP 503)
	Files []File // in the page's order
	// Versions are the project's, also those without files. Nil: the page does not say.
	Versions []string
	// Status is active, archived, quarantined, deprecated, or a later one (PEP 792). Empty:
	// the page does not say. A page that is read has no files if the project is quarantined.
	Status       string
	StatusReason string
	// Tracks and AlternateLocations are absolute URLs (PEP 708).
	Tracks             []string
	AlternateLocations []string
	// Meta and Unknown hold the keys of JSON that this package does not know, of the object
	// meta and of the page.
	Meta, Unknown map[string]json.RawMessage
}

// File is one file of a project.
type File struct {
	Name string // safe as one segment of a path
	// URL is absolute, with the scheme http or https, and without a fragment. Pages that are
	// written have other links.
	URL    string
	Hashes Digests
	// RequiresPython is a version specifier as it came. Empty: none.
	RequiresPython string
	Yanked         bool
	YankedReason   string
	Metadata       Metadata
	Signed         Answer
	Size           int64 // bytes; 0: the page does not say
	// UploadTime is a time of RFC 3339 that all installers can read. Empty: the page does not
	// say.
	UploadTime string
	Provenance string // an absolute URL (PEP 740); empty: none
	// Unknown holds the keys of JSON that this package does not know.
	Unknown map[string]json.RawMessage
}

// Metadata is what a page says of the file <name>.metadata (PEP 658, 714).
type Metadata struct {
	Offered bool
	Hashes  Digests // empty: the page does not say
}

// Answer is yes or no, where a page says so: here, whether there is a file <name>.asc.
type Answer uint8

// The zero Answer is what a page does not say.
const (
	Unsaid Answer = iota
	No
	Yes
)

// Quarantined is the status of a project that must not be installed.
const Quarantined = "quarantined"

// Page is a project's page as it was read.
type Page struct {
	Project
	// Serial grows with each change at the index. It is no part of the project, as it also
	// grows where the page stays the same. 0: the page does not say.
	Serial int64
	Notes  []Note
}

// Note is what was left out of a page or decided, and is no reason to refuse it.
type Note struct {
	What  string   // "left out: files of other projects"
	Count int      // how often
	Names []string // of what, the first few
}

func (n Note) String() string {
	text := n.What + ":"
	for i, name := range n.Names {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %q", name)
	}
	if more := n.Count - len(n.Names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

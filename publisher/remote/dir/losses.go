package dir

import (
	"fmt"
	"strings"
)

// loss is a kind of thing that a folder may have and a tree does not keep.
type loss int

const (
	emptyFolders loss = iota
	links
	setIDs
	caseTwins
	kindsOfLoss
)

// what each is, for one and for more of them, and what becomes of it.
var lossWords = [kindsOfLoss]struct{ one, more, then string }{
	emptyFolders: {"empty folder", "empty folders", ""},
	links:        {"symbolic link", "symbolic links", ", stored as what they lead to"},
	setIDs:       {"setuid or setgid bit", "setuid or setgid bits", ""},
	caseTwins:    {"pair of names that differ in case only", "pairs of names that differ in case only", ", which a folder on macOS or Windows can't hold"},
}

// always is what no folder's tree keeps, whether it has it or not: to look would cost
// a call for each file.
const always = "owners, permissions other than executable, extended attributes, fractions of a second, which files are hard links or sparse"

// maxNamed is how many of a kind are named.
const maxNamed = 3

// losses collects what a capture does not keep. One walk writes it.
type losses [kindsOfLoss]struct {
	count int64
	first []string
}

func (l *losses) add(kind loss, name string) {
	k := &l[kind]
	if k.count++; k.count <= maxNamed {
		k.first = append(k.first, fmt.Sprintf("%q", name))
	}
}

func (l *losses) lines() []string {
	lines := []string{always}
	for kind, k := range l {
		words := lossWords[kind]
		what := words.more
		switch k.count {
		case 0:
			continue
		case 1:
			what = words.one
		}
		names := strings.Join(k.first, ", ")
		if more := k.count - int64(len(k.first)); more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, fmt.Sprintf("%d %s%s: %s", k.count, what, words.then, names))
	}
	return lines
}

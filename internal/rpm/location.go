package rpm

import (
	"errors"
	"fmt"
	"strings"
)

// OutsideError means that a document leads out of the tree that is mirrored, so that a
// mirror would not hold what clients read.
type OutsideError struct {
	Href string
	// Above is how many folders above the tree it leads; 0: to another server.
	Above int
}

func (e *OutsideError) Error() string {
	if e.Above > 0 {
		return fmt.Sprintf("%.200q leads out of the mirrored tree", e.Href)
	}
	return fmt.Sprintf("%.200q leads to another server", e.Href)
}

// Hint says what the user can do.
func (e *OutsideError) Hint() string {
	if e.Above > 0 {
		folders := "a folder"
		if e.Above > 1 {
			folders = fmt.Sprintf("%d folders", e.Above)
		}
		return fmt.Sprintf("let url end %s higher, and put the rest of it into paths", folders)
	}
	return "a mirror can't hold it; ask whoever runs the remote for a repository that holds its own packages"
}

// Path returns the path in the tree of a file. root is the folder of the repository that
// lists it: empty, or it ends in a slash. The path may still be one that is refused
// elsewhere: empty, or with odd characters.
//
// href is a path, and clients encode it. "." and empty segments are dropped; ".." goes up,
// as long as it stays in the tree. The base of media in split SUSE media is passed over,
// as zypper does. Everything else that leads somewhere else is an error.
func (l Location) Path(root string) (string, error) {
	switch {
	case strings.Contains(l.Href, "://"):
		return "", &OutsideError{Href: l.Href}
	case l.Base != "" && !strings.HasPrefix(l.Base, "media:"):
		return "", &OutsideError{Href: l.Base}
	case strings.HasPrefix(l.Href, "/"):
		return "", fmt.Errorf("path %.200q is absolute", l.Href)
	case strings.HasSuffix(l.Href, "/"):
		return "", fmt.Errorf("path %.200q is a folder", l.Href)
	case l.Href == "":
		return "", errors.New("has no location")
	}
	var path []string
	above := 0
	for segment := range strings.SplitSeq(root+l.Href, "/") {
		switch {
		case segment == "" || segment == ".":
		case segment != "..":
			path = append(path, segment)
		case len(path) > 0:
			path = path[:len(path)-1]
		default:
			above++
		}
	}
	if above > 0 {
		return "", &OutsideError{l.Href, above}
	}
	return strings.Join(path, "/"), nil
}

package page

import (
	"strings"

	"github.com/asof/asof/manifest"
)

// step is a page on the way from the store's front page down to a repo.
type step struct{ Href, Name string }

// way returns the front page, the pages of the folders above a repo, and the repo's
// list. top leads from the page that shows the way to the front page.
func way(top string, repo manifest.Repo) []step {
	steps := folders(top, repo.Base)
	if repo.Base == "" {
		return steps
	}
	name := repo.Name
	if name == repo.Base {
		name = last(name)
	}
	return append(steps, step{top + EscapePath(repo.Base) + "/", name})
}

// folders returns the front page and the pages of the folders above a path.
func folders(top, path string) []step {
	steps := []step{{top, "Repositories"}}
	for _, folder := range manifest.Folders(path) {
		steps = append(steps, step{top + EscapePath(folder) + "/", last(folder)})
	}
	return steps
}

func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// up leads from the page of a folder, or a repo's list, to the store's front page.
func up(path string) string { return strings.Repeat("../", strings.Count(path, "/")+1) }

package page

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/asof/asof/manifest"
)

// RepoSummary is what the list of repos shows of one.
type RepoSummary struct {
	Name, Base  string
	Checkpoints int
	Newest      manifest.Checkpoint // meaningless without checkpoints
	Horizon     manifest.ID         // none before the first publish
}

// WriteRepos writes the page of a folder as a resolver shows it: the current state of
// the repos below it, in the given order, and the rings that hold for any of them. The
// folder "" is the store's front page.
func WriteRepos(w io.Writer, folder string, repos []RepoSummary, rings []manifest.Ring) error {
	return writeRepos(w, folder, true, rings, len(repos), func(yield func(repoRow) bool) {
		for _, r := range repos {
			row := newRepoRow(folder, r.Name, r.Base)
			row.Checkpoints = fmt.Sprint(r.Checkpoints)
			if r.Checkpoints > 0 {
				row.Newest, row.Files = r.Newest.ID.String(), fmt.Sprint(r.Newest.Files)
				if r.Newest.Partial {
					row.Files += " (partial)"
				}
				row.Size, row.Exact = human(r.Newest.Bytes)
			}
			row.Horizon = instant(r.Horizon, seconds)
			if !yield(row) {
				return
			}
		}
	})
}

// WriteFolder writes the page of a folder as it is kept in the store. It shows only
// what the registry says; a script looks up the rest in the indexes.
func WriteFolder(w io.Writer, folder string, repos []manifest.Repo) error {
	return writeRepos(w, folder, false, nil, len(repos), func(yield func(repoRow) bool) {
		for _, r := range repos {
			if !yield(newRepoRow(folder, r.Name, r.Base)) {
				return
			}
		}
	})
}

type repoRow struct {
	Href, Path, Name         string
	Alias                    bool // the name says more than the path
	Newest, Horizon          string
	Checkpoints, Files, Size string
	Exact                    string
}

func newRepoRow(folder, name, base string) repoRow {
	path := strings.TrimPrefix(strings.TrimPrefix(base, folder), "/") // from the page on
	return repoRow{
		Href: EscapePath(path) + "/", Path: path, Name: name, Alias: name != base && name != path,
		Newest: "-", Horizon: "-", Checkpoints: "-", Files: "-", Size: "-",
	}
}

func writeRepos(w io.Writer, folder string, live bool, rings []manifest.Ring, count int, rows iter.Seq[repoRow]) error {
	heading, top, steps := "Repositories", "", []step(nil)
	if folder != "" {
		heading, top, steps = "Repositories in "+folder+"/", up(folder), folders(up(folder), folder)
	}
	return render(w, "repos", struct {
		Heading string
		Way     []step
		Live    bool // the rows show the current state
		Rings   []manifest.Ring
		Board   string // where the page of the rings is
		Empty   bool
		Rows    iter.Seq[repoRow]
	}{heading, steps, live, rings, top + boardPath, count == 0, rows})
}

// WriteError writes the page of an HTTP error: its status and title, what happened,
// and what to do next. Detail and hint may be empty. The page links to the front page
// and to the list of the repo that it is about, the zero one if there is none. Its
// links are absolute paths: an error has no fixed place.
func WriteError(w io.Writer, status int, title, detail, hint string, repo manifest.Repo) error {
	return render(w, "error", struct {
		Heading, Detail, Hint string
		Way                   []step
	}{fmt.Sprintf("%d %s", status, title), detail, hint, way("/", repo)})
}

package page

import (
	"fmt"
	"io"
	"iter"

	"github.com/asof/asof/manifest"
)

// RepoSummary is what the list of repos tells about one.
type RepoSummary struct {
	Name, Base  string
	Checkpoints int
	Newest      manifest.Checkpoint // meaningless without checkpoints
	Horizon     manifest.ID         // manifest.MinID or less: none yet
}

// WriteRepos writes the store's front page as a resolver shows it: its repos, in
// the order given, as they are now.
func WriteRepos(w io.Writer, repos []RepoSummary) error {
	return writeRepos(w, true, len(repos), func(yield func(repoRow) bool) {
		for _, r := range repos {
			row := newRepoRow(r.Name, r.Base)
			row.Checkpoints = fmt.Sprint(r.Checkpoints)
			if r.Checkpoints > 0 {
				row.Newest, row.Files = r.Newest.ID.String(), fmt.Sprint(r.Newest.Files)
				row.Size, row.Exact = human(r.Newest.Bytes)
			}
			if r.Horizon > manifest.MinID {
				row.Horizon = instant(r.Horizon, seconds)
			}
			if !yield(row) {
				return
			}
		}
	})
}

// WriteFrontOfStore writes the store's front page as it stands in the store: what
// changes only with the registry. The rest a script looks up in the indexes.
func WriteFrontOfStore(w io.Writer, repos []manifest.Repo) error {
	return writeRepos(w, false, len(repos), func(yield func(repoRow) bool) {
		for _, r := range repos {
			if !yield(newRepoRow(r.Name, r.Base)) {
				return
			}
		}
	})
}

type repoRow struct {
	Href, Base, Name         string
	Alias                    bool // the name is not the base path
	Newest, Horizon          string
	Checkpoints, Files, Size string
	Exact                    string
}

func newRepoRow(name, base string) repoRow {
	return repoRow{
		Href: EscapePath(base) + "/", Base: base, Name: name, Alias: name != base,
		Newest: "-", Horizon: "-", Checkpoints: "-", Files: "-", Size: "-",
	}
}

func writeRepos(w io.Writer, live bool, count int, rows iter.Seq[repoRow]) error {
	return render(w, "repos", struct {
		Live  bool // the rows say how things are
		Empty bool
		Rows  iter.Seq[repoRow]
	}{live, count == 0, rows})
}

// WriteError writes the page of an HTTP error: its status and title, what
// happened, and what to do next. Detail and hint may be empty.
func WriteError(w io.Writer, status int, title, detail, hint string) error {
	return render(w, "error", struct{ Heading, Detail, Hint string }{
		fmt.Sprintf("%d %s", status, title), detail, hint,
	})
}

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

// WriteRepos writes the store's front page: its repos, in the order given.
func WriteRepos(w io.Writer, repos []RepoSummary) error {
	type row struct {
		RepoSummary
		Alias                 bool // the name is not the base path
		Href, Newest, Horizon string
		Files, Size, Exact    string
	}
	var rows iter.Seq[row] = func(yield func(row) bool) {
		for _, r := range repos {
			out := row{RepoSummary: r, Alias: r.Name != r.Base, Href: EscapePath(r.Base) + "/", Newest: "-", Horizon: "-", Files: "-", Size: "-"}
			if r.Checkpoints > 0 {
				out.Newest, out.Files = r.Newest.ID.String(), fmt.Sprint(r.Newest.Files)
				out.Size, out.Exact = human(r.Newest.Bytes)
			}
			if r.Horizon > manifest.MinID {
				out.Horizon = instant(r.Horizon, seconds)
			}
			if !yield(out) {
				return
			}
		}
	}
	return render(w, "repos", struct {
		Empty bool
		Rows  iter.Seq[row]
	}{len(repos) == 0, rows})
}

// WriteError writes the page of an HTTP error: its status and title, what
// happened, and what to do next. Detail and hint may be empty.
func WriteError(w io.Writer, status int, title, detail, hint string) error {
	return render(w, "error", struct{ Heading, Detail, Hint string }{
		fmt.Sprintf("%d %s", status, title), detail, hint,
	})
}

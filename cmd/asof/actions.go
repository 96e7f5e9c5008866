package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"os"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

// In GitHub Actions the environment names two files. Lines appended to one become
// outputs of the step; text appended to the other becomes part of the job's page.
const (
	actionsOutput  = "GITHUB_OUTPUT"
	actionsSummary = "GITHUB_STEP_SUMMARY"
)

// actionsRepo is a repo in the output "repos".
type actionsRepo struct {
	Repo       string       `json:"repo"`
	Changed    bool         `json:"changed"`
	Checkpoint *manifest.ID `json:"checkpoint"` // null where none was published
	URL        string       `json:"url"`
}

// actionsPublished tells GitHub Actions what was published.
func (s *session) actionsPublished(rows []published, failure error) error {
	var repos []actionsRepo
	lines := [][]string{{"repo", "outcome", "checkpoint", "added", "removed", "changed", "uploaded"}}
	for _, r := range rows {
		c := r.Checkpoint
		repos = append(repos, actionsRepo{r.Repo, r.Outcome == publisher.Published, &c.ID, r.URL})
		line := []string{markdown(r.Repo), string(r.Outcome), markdownLink(c.ID.String(), r.URL), "", "", "", ""}
		if r.Outcome == publisher.Published {
			copy(line[3:], []string{number(c.Added), number(c.Removed), number(c.Changed), size(r.Files.UploadedBytes)})
		}
		lines = append(lines, line)
	}
	return s.actions("asof publish", repos, lines, failure)
}

// actionsSynced tells GitHub Actions what was staged.
func (s *session) actionsSynced(rows []synced, failure error) error {
	var repos []actionsRepo
	lines := [][]string{{"repo", "staged", "added", "removed", "changed", "uploaded"}}
	for _, r := range rows {
		repos = append(repos, actionsRepo{Repo: r.Repo, Changed: r.Changes != manifest.Changes{}})
		staged := "a part"
		if r.Staged != nil {
			staged = r.Staged.At.String()
		}
		lines = append(lines, []string{markdown(r.Repo), staged, number(r.Added), number(r.Removed), number(r.Changed), size(r.Files.UploadedBytes)})
	}
	return s.actions("asof sync", repos, lines, failure)
}

// actionsPlanned tells GitHub Actions what a dry run found.
func (s *session) actionsPlanned(plans []planned, failure error) error {
	var repos []actionsRepo
	lines := [][]string{{"repo", "would be", "added", "removed", "changed", "to upload"}}
	for _, p := range plans {
		repos = append(repos, actionsRepo{Repo: p.Repo, Changed: p.Outcome != string(publisher.Unchanged)})
		lines = append(lines, []string{markdown(p.Repo), p.Outcome, number(p.Added), number(p.Removed), number(p.Changed), size(p.Files.UploadedBytes)})
	}
	return s.actions("asof, a dry run", repos, lines, failure)
}

// actions appends to the two files, if they are set. The outputs checkpoint and url are
// empty if there are several repos.
func (s *session) actions(title string, repos []actionsRepo, lines [][]string, failure error) error {
	err := appendTo(os.Getenv(actionsOutput), func(w io.Writer) error {
		changed, checkpoint, url := false, "", ""
		for _, r := range repos {
			changed = changed || r.Changed
			if len(repos) == 1 && r.Checkpoint != nil {
				checkpoint, url = r.Checkpoint.String(), r.URL
			}
		}
		list, err := json.Marshal(append([]actionsRepo{}, repos...))
		if err != nil {
			return err
		}
		// An id, a URL and JSON are one line each, whatever upstream calls its files.
		_, err = fmt.Fprintf(w, "checkpoint=%s\nchanged=%t\nurl=%s\nrepos=%s\n", checkpoint, changed, url, list)
		return err
	})
	if err != nil {
		return err
	}
	s.told = true
	return appendTo(os.Getenv(actionsSummary), func(w io.Writer) error {
		writeHeading(w, title, failure)
		for i, cells := range lines {
			if len(lines) == 1 {
				break // nothing was done
			}
			fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
			if i == 0 {
				fmt.Fprintf(w, "|%s\n", strings.Repeat(" --- |", len(cells)))
			}
		}
		writeFailure(w, failure)
		_, err := fmt.Fprintf(w, "\n%s\n\n", markdown(strings.ReplaceAll(s.closing(s.requests()), "\n", " ")))
		return err
	})
}

// actionsFailed puts the error of a command on the job's page, if nobody has told it
// there: one that ended before it had something to say, or that says nothing else there.
func (a *app) actionsFailed(command string, failure error) error {
	if failure == nil || a.told {
		return nil
	}
	return appendTo(os.Getenv(actionsSummary), func(w io.Writer) error {
		writeHeading(w, command, failure)
		writeFailure(w, failure)
		_, err := fmt.Fprintln(w)
		return err
	})
}

func writeHeading(w io.Writer, title string, failure error) {
	if failure != nil {
		title += ": failed"
	}
	fmt.Fprintf(w, "### %s\n\n", markdown(title))
}

// writeFailure writes an error as standard error has it, a paragraph a line.
func writeFailure(w io.Writer, failure error) {
	var text strings.Builder
	report(&text, failure)
	for line := range strings.Lines(text.String()) {
		fmt.Fprintf(w, "\n%s\n", markdown(line))
	}
}

// appendTo writes to the end of a file. Without a name it does nothing.
func appendTo(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("tell GitHub Actions: %w", err)
	}
	err = write(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("tell GitHub Actions: %w", err)
	}
	return nil
}

// markdown escapes text for Markdown, in one line.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(text) {
		switch {
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		case strings.ContainsRune("\\`*_{}[]()#+-!|~@:", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteString(html.EscapeString(string(r)))
		}
	}
	return b.String()
}

// markdownLink is a link to a URL; without one, its text.
func markdownLink(text, url string) string {
	if url == "" {
		return markdown(text)
	}
	return "[" + markdown(text) + "](<" + url + ">)"
}

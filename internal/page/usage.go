package page

import (
	"fmt"
	"strings"

	"github.com/asof/asof/manifest"
)

// UnknownURL stands for the server on pages as long as nobody said where it is.
// Their script puts the one in its place that they are looked at from.
const UnknownURL = "https://YOUR-SERVER"

// PlainUsage is how any client uses a checkpoint of a repo, whatever its remote:
// it takes files by their URLs.
func PlainUsage(repo, base string, id manifest.ID) manifest.Usage {
	// wget's: the base path and the id are no folders of the copy.
	cut := strings.Count(base, "/") + 2
	return manifest.Usage{Snippets: []manifest.Snippet{
		{Title: "One file", Text: "curl -fLO {tree}PATH\n"},
		{Title: "All files", Text: fmt.Sprintf("wget -r -np -nH --cut-dirs=%d -R 'index.html*' {tree}\n", cut)},
		{
			Title: "All files, verified",
			Note:  "With access to the store: every byte is checked against the manifest of the checkpoint.",
			Text:  fmt.Sprintf("asof restore %s %s DIR\n", repo, id),
		},
	}}
}

// repoURL is where a repo's list is, on a server that is not known.
func repoURL(base string) string { return UnknownURL + "/" + EscapePath(base) + "/" }

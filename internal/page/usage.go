package page

import (
	"fmt"
	"strings"

	"github.com/asof/asof/manifest"
)

// UnknownURL is the server's URL on pages as long as it is unknown. Their script
// replaces it by the URL that the page was loaded from.
const UnknownURL = "https://YOUR-SERVER"

// PlainUsage returns how any client uses a checkpoint of a repo, whatever its remote:
// it fetches files by URL.
func PlainUsage(repo, base string, id manifest.ID) manifest.Usage {
	// For wget: its copy has no folders for the base path and the id.
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

// repoURL returns where a repo's list is, on an unknown server.
func repoURL(base string) string { return UnknownURL + "/" + EscapePath(base) + "/" }

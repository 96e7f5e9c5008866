package resolvertest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
)

// Static is the table for a plain web server over the store, which does not know what a
// checkpoint is. It answers for exact ids of the layout full: files, pages, lists, and
// errors in its own words. unfit names all other rows, each with the reason.
func (f Fixture) Static() (table Fixture, unfit map[string]string) {
	rows := slices.Clone(f.Rows)
	unfit = map[string]string{}
	for i, row := range rows {
		if reason := beyondStatic(row); reason != "" {
			unfit[row.Name] = reason
		}
		if strings.Contains(row.Path, "{{base}}") {
			rows[i].Layouts = []manifest.Layout{manifest.Full}
		}
		rows[i].Want = staticWant(row.Want)
	}
	f.Rows = rows
	return f, unfit
}

var (
	// The repo's address, and a full checkpoint's with what stands below it.
	ofRepo = regexp.MustCompile(`^/\{\{base\}\}(\?|$)`)
	ofID   = regexp.MustCompile(`^/\{\{base\}\}/(20250301T000000Z|20250310T120000Z|20250318T140338Z|20250320T101500Z)([/?]|$)`)
	// What a server takes for one slash.
	doubled = regexp.MustCompile(`//|/\./`)
)

// beyondStatic is why a plain server can't answer a row; empty: it can.
func beyondStatic(row Row) string {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { _, ok := row.Headers[name]; return ok })
	}
	thin := strings.HasPrefix(row.Path, "/checkpoints/moving/") || strings.HasPrefix(row.Path, "/checkpoints/sealed/20240201")
	status := row.Want.Status
	switch {
	case strings.HasPrefix(row.Path, "/-/") && status == http.StatusOK:
		return "only the index knows what a mirror list holds"
	case strings.Contains(row.Path, "?at="):
		return "the form's answer: it sends the page, whose script finds the checkpoint"
	case has("Accept-Datetime") && !ofID.MatchString(row.Path):
		return "Memento: it knows no time that a header asks for"
	case has("If-None-Match", "If-Match", "If-Modified-Since", "If-Range"):
		return "tags and times are those of its own files"
	case status/100 == 2 && has("Accept") && !strings.Contains(row.Path, ".html") && !strings.Contains(row.Path, ".json"):
		return "it does not choose between HTML and JSON"
	case status == http.StatusOK && slices.Contains([]string{"", "checkpoints"}, strings.Trim(row.Path, "/")):
		return "the pages above repos are written when a repo is registered, and this store is not made so"
	case strings.HasPrefix(row.Path, "/empty") && status == http.StatusOK:
		return "a repo that was never published to has no list"
	case strings.HasPrefix(row.Path, "/left/"):
		return "only the index knows what became of a repo"
	case status == http.StatusGone:
		return "only the index knows what was pruned"
	case status == http.StatusRequestURITooLong:
		return "its limit is its own"
	case status/100 == 3 && doubled.MatchString(row.Path):
		return "it takes doubled slashes and dots for one slash"
	case status/100 == 3 && !ofRepo.MatchString(row.Path) && !ofID.MatchString(row.Path):
		return "only the index knows what another time, latest or a channel stands for"
	case status == http.StatusOK && thin:
		return "files of thin checkpoints are in the pool"
	}
	return ""
}

// staticWant leaves out what only the index tells: digests, times, which errors last, and
// the words of errors.
func staticWant(want Want) Want {
	names := []string{"Content-Type", "Cache-Control", "Content-Length", "Content-Range", "Content-Encoding", "Accept-Ranges", "Location"}
	if want.Status >= 400 {
		names = []string{"Location", "Allow"}
		if want.Body != nil {
			want.Body = &Body{Lacks: want.Body.Lacks}
		}
	}
	headers := map[string]*string{}
	for _, name := range names {
		if value, ok := want.Headers[name]; ok {
			headers[name] = value
		}
	}
	want.Headers = headers
	return want
}

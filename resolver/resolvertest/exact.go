package resolvertest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
)

// Exact are the rows that a plain web server over the store answers, without
// knowing what a checkpoint is: files, pages and lists of the full layout, under
// their exact ids. Of what is wanted it keeps the body, and the headers that come
// from the store's attributes.
func (f Fixture) Exact() []Row {
	var rows []Row
	for _, row := range f.Rows {
		full := row.Layouts == nil || slices.Contains(row.Layouts, manifest.Full)
		status := row.Want.Status == http.StatusOK || row.Want.Status == http.StatusPartialContent
		wanted := row.Want.Body != nil && row.Want.Body.Contains == nil
		if !full || !status || !wanted || !strings.Contains(row.Path, "{{base}}/") || !plain(row) {
			continue
		}
		row.Layouts = []manifest.Layout{manifest.Full}
		headers := map[string]*string{}
		for _, name := range []string{"Content-Type", "Cache-Control", "Content-Length", "Content-Range", "Content-Encoding"} {
			if want, ok := row.Want.Headers[name]; ok {
				headers[name] = want
			}
		}
		row.Want.Headers = headers
		rows = append(rows, row)
	}
	return rows
}

// plain reports whether a request has no headers, or asks for one range that any
// server knows.
func plain(row Row) bool {
	ranged := row.Want.Status == http.StatusPartialContent && strings.HasPrefix(row.Headers["Range"], "bytes=") && len(row.Headers) == 1
	return len(row.Headers) == 0 || ranged
}

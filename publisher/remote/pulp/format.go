package pulp

import (
	"fmt"
	"strings"

	"github.com/asof/asof/publisher/remote"
)

// Format writes a manifest of files, in their order. A path stands in quotes only if
// it would be read as something else without them: Pulp 3 knows no quotes.
func Format(files []remote.File) []byte {
	var b strings.Builder
	for _, f := range files {
		path := f.Path
		if needsQuotes(path) {
			path = `"` + strings.ReplaceAll(path, `"`, `""`) + `"`
		}
		fmt.Fprintf(&b, "%s,%v,%d\n", path, f.SHA256, f.Size)
	}
	return []byte(b.String())
}

func needsQuotes(path string) bool {
	return strings.HasPrefix(path, `"`) || strings.HasPrefix(path, "#") || strings.HasPrefix(path, "\ufeff") ||
		strings.TrimSpace(path) != path
}

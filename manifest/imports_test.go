package manifest

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The package holds formats. It imports only the standard library, and only the
// packages in this list. None of them reads or writes files or networks; the
// context is only for callbacks.
func TestImports(t *testing.T) {
	allowed := map[string]bool{
		"bytes": true, "cmp": true, "context": true, "crypto/sha256": true, "encoding/binary": true, "encoding/hex": true, "encoding/json": true,
		"errors": true, "fmt": true, "hash": true, "io": true, "iter": true, "maps": true, "path": true, "slices": true, "sort": true,
		"strconv": true, "strings": true, "time": true, "unicode": true, "unicode/utf8": true,
	}
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err != nil || !allowed[path] {
				t.Errorf("%s imports %s, %v", name, spec.Path.Value, err)
			}
		}
	}
}

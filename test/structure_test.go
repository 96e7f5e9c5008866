package test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Arrows run one way: cmd → publisher, resolver → manifest. Drivers are chosen
// in cmd; the resolver can't write.
func TestArrowsRunOneWay(t *testing.T) {
	const module = "github.com/asof/asof/"
	allowed := map[string][]string{
		"manifest":                          {},
		"internal/objstore":                 {},
		"internal/page":                     {"manifest"},
		"internal/catalog":                  {"manifest", "internal/objstore"},
		"internal/deb":                      {},
		"internal/unpack":                   {},
		"internal/packages":                 {"manifest", "internal/objstore", "internal/catalog", "internal/deb", "internal/unpack"},
		"resolver":                          {"manifest", "internal/objstore", "internal/page"},
		"resolver/service":                  {"manifest", "internal/objstore", "internal/page", "resolver"},
		"publisher":                         {"manifest", "internal/objstore", "internal/page", "internal/catalog", "publisher/remote"},
		"publisher/cloudfront":              {"manifest", "internal/objstore", "internal/page", "internal/catalog", "publisher", "publisher/remote"},
		"publisher/remote":                  {"manifest"},
		"publisher/remote/fetch":            {"manifest", "publisher/remote"},
		"publisher/remote/file":             {"manifest", "publisher/remote", "publisher/remote/fetch"},
		"publisher/remote/history":          {"manifest", "publisher/remote", "publisher/remote/fetch"},
		"publisher/remote/dir":              {"manifest", "publisher/remote"},
		"publisher/remote/apt":              {"manifest", "publisher/remote", "publisher/remote/fetch", "internal/deb", "internal/unpack"},
		"internal/objstore/dirstore":        {"internal/objstore"},
		"internal/objstore/memstore":        {"internal/objstore"},
		"internal/objstore/s3store":         {"internal/objstore", "internal/objstore/internal/s3core"},
		"internal/objstore/miniostore":      {"internal/objstore", "internal/objstore/internal/s3core"},
		"internal/objstore/internal/s3core": {"internal/objstore"},
	}
	for pkg, want := range allowed {
		out, err := exec.Command("go", "list", "-deps", module+pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		for dep := range strings.Lines(string(out)) {
			dep, ours := strings.CutPrefix(strings.TrimSpace(dep), module)
			if ours && dep != pkg && !slices.Contains(want, dep) {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
	}
}

// The top level holds what the design names, and nothing else.
func TestTopLevel(t *testing.T) {
	known := []string{"LICENSE", "Makefile", "README.md", "bin", "cmd", "dist", "docs", "examples", "go.mod", "go.sum", "internal", "manifest", "publisher", "resolver", "terraform", "test"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(known, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

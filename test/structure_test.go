package test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Arrows run one way: cmd → publisher, resolver → manifest. This is the whole
// picture: every package with what it imports of ours. Drivers of stores and types of
// remotes are chosen in cmd; the resolver can't write, nor can readback.
func TestArrowsRunOneWay(t *testing.T) {
	const module = "github.com/asof/asof/"
	arrows := map[string][]string{
		"internal/catalog":                  {"internal/objstore", "manifest"},
		"internal/clock":                    {},
		"internal/deb":                      {},
		"internal/network":                  {},
		"internal/objstore":                 {"internal/network", "internal/retry"},
		"internal/objstore/dirstore":        {"internal/objstore"},
		"internal/objstore/internal/s3core": {"internal/clock", "internal/network", "internal/objstore", "internal/retry"},
		"internal/objstore/memstore":        {"internal/objstore"},
		"internal/objstore/miniostore":      {"internal/clock", "internal/network", "internal/objstore", "internal/objstore/internal/s3core"},
		"internal/objstore/s3store":         {"internal/clock", "internal/network", "internal/objstore", "internal/objstore/internal/s3core"},
		"internal/objstore/storeurl":        {"internal/objstore", "internal/objstore/dirstore", "internal/objstore/internal/s3core", "internal/objstore/memstore", "internal/objstore/miniostore", "internal/objstore/s3store", "internal/option"},
		"internal/option":                   {},
		"internal/packages":                 {"internal/catalog", "internal/deb", "internal/rpm", "internal/unpack", "manifest"},
		"internal/page":                     {"manifest"},
		"internal/parallel":                 {},
		"internal/python":                   {},
		"internal/retry":                    {},
		"internal/rpm":                      {},
		"internal/settings":                 {"internal/option"},
		"internal/unpack":                   {},
		"manifest":                          {},
		"publisher":                         {"internal/catalog", "internal/objstore", "internal/page", "internal/parallel", "internal/retry", "manifest", "publisher/dry", "publisher/job", "publisher/ledger", "publisher/reliance", "publisher/remote", "publisher/revision", "publisher/transfer"},
		"publisher/cloudfront":              {"internal/page", "manifest", "publisher/ledger"},
		"publisher/dry":                     {"internal/objstore", "manifest"},
		"publisher/job":                     {"internal/network", "internal/objstore", "internal/retry", "manifest", "publisher/remote"},
		"publisher/ledger":                  {"internal/catalog", "internal/objstore", "internal/page", "manifest", "publisher/job", "publisher/reliance"},
		"publisher/mend":                    {"internal/catalog", "internal/objstore", "internal/parallel", "manifest", "publisher/job"},
		"publisher/readback":                {"internal/catalog", "internal/objstore", "internal/page", "manifest", "publisher/job"},
		"publisher/rebuild":                 {"internal/catalog", "internal/objstore", "internal/parallel", "manifest", "publisher/job", "publisher/ledger"},
		"publisher/reliance":                {"internal/catalog", "internal/objstore", "internal/parallel", "manifest", "publisher/job"},
		"publisher/remote":                  {"manifest"},
		"publisher/remote/apt":              {"internal/deb", "internal/option", "internal/parallel", "internal/unpack", "manifest", "publisher/remote", "publisher/remote/fetch", "publisher/remote/mirror", "publisher/remote/signature"},
		"publisher/remote/dir":              {"internal/option", "manifest", "publisher/remote", "publisher/remote/pulp"},
		"publisher/remote/fetch":            {"internal/clock", "internal/network", "internal/option", "internal/retry", "manifest", "publisher/remote"},
		"publisher/remote/file":             {"internal/option", "manifest", "publisher/remote", "publisher/remote/fetch", "publisher/remote/mirror", "publisher/remote/pulp"},
		"publisher/remote/history":          {"internal/option", "manifest", "publisher/remote", "publisher/remote/fetch"},
		"publisher/remote/mirror":           {"internal/option", "internal/parallel", "manifest", "publisher/remote", "publisher/remote/fetch"},
		"publisher/remote/pulp":             {"manifest", "publisher/remote"},
		"publisher/remote/python/simple":    {"publisher/remote"},
		"publisher/remote/rpm":              {"internal/option", "internal/parallel", "internal/retry", "internal/rpm", "internal/unpack", "manifest", "publisher/remote", "publisher/remote/fetch", "publisher/remote/mirror", "publisher/remote/signature"},
		"publisher/remote/signature":        {"publisher/remote"},
		"publisher/retain":                  {"internal/catalog", "internal/objstore", "internal/parallel", "manifest", "publisher/job", "publisher/ledger", "publisher/reliance", "publisher/remote"},
		"publisher/revision":                {"internal/objstore", "manifest", "publisher/reliance", "publisher/remote"},
		"publisher/rollout":                 {"internal/catalog", "internal/objstore", "internal/parallel", "manifest", "publisher/dry", "publisher/job"},
		"publisher/transfer":                {"internal/catalog", "internal/objstore", "manifest", "publisher/job", "publisher/reliance", "publisher/remote", "publisher/revision"},
		"resolver":                          {"internal/catalog", "internal/objstore", "internal/page", "manifest"},
		"resolver/edge":                     {},
		"resolver/service":                  {"internal/objstore", "manifest", "resolver"},
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], module)
		if strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "test") || strings.HasSuffix(pkg, "test") {
			continue
		}
		var got []string
		for _, dep := range fields[1:] {
			if dep, ours := strings.CutPrefix(dep, module); ours {
				got = append(got, dep)
			}
		}
		want, known := arrows[pkg]
		if delete(arrows, pkg); !known || !slices.Equal(got, want) {
			t.Errorf("%s imports %q, want %q", pkg, got, want)
		}
	}
	for pkg := range arrows {
		t.Errorf("there is no package %s", pkg)
	}
}

// The top level holds only what the design names.
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

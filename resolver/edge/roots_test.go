package edge

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

// The Worker looks back for the same files as Go.
func TestRootDocuments(t *testing.T) {
	source, err := os.ReadFile("worker.js")
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Concat(manifest.RootDocuments(), manifest.RootSignatures())
	want := fmt.Sprintf("const BEGINNINGS = new Set(['%s']);", strings.Join(names, "', '"))
	if strings.Count(string(source), want) != 1 {
		t.Errorf("want %s, once", want)
	}
}

package test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// largeRepository serves an RPM repository. Each of its packages contains its own path, so
// none has to be kept.
func largeRepository(t testing.TB, packages int) string {
	t.Helper()
	var primary bytes.Buffer
	z, err := gzip.NewWriterLevel(&primary, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	write := func(format string, args ...any) {
		n, _ := fmt.Fprintf(z, format, args...)
		size += n
	}
	write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"%d\">\n", packages)
	for i := range packages {
		path := fmt.Sprintf("Packages/p/package-%d-1.%[1]d-2.fc42.x86_64.rpm", i)
		write("<package type=\"rpm\">\n  <name>package-%[1]d</name>\n  <arch>x86_64</arch>\n  <version epoch=\"0\" ver=\"1.%[1]d\" rel=\"2.fc42\"/>\n  <checksum type=\"sha256\" pkgid=\"YES\">%[2]x</checksum>\n"+
			"  <summary>What package %[1]d does, in one line</summary>\n  <description>%[3]s</description>\n  <packager>Somebody</packager>\n  <url>https://www.example.org/packages/%[1]d</url>\n"+
			"  <time file=\"1742220000\" build=\"1742220000\"/>\n  <size package=\"%[4]d\" installed=\"123456\" archive=\"123456\"/>\n  <location href=\"%[5]s\"/>\n  <format>\n    <rpm:license>MIT</rpm:license>\n    <rpm:sourcerpm>source-%[6]d-1.%[6]d-2.fc42.src.rpm</rpm:sourcerpm>\n    <rpm:header-range start=\"4504\" end=\"6157\"/>\n",
			i, sha256.Sum256([]byte(path)), strings.Repeat("A description is long. ", 20), len(path), path, i/2)
		write("    <rpm:provides>\n      <rpm:entry name=\"package-%[1]d\" flags=\"EQ\" epoch=\"0\" ver=\"1.%[1]d\" rel=\"2.fc42\"/>\n      <rpm:entry name=\"package-%[1]d(x86-64)\" flags=\"EQ\" epoch=\"0\" ver=\"1.%[1]d\" rel=\"2.fc42\"/>\n    </rpm:provides>\n    <rpm:requires>\n", i)
		for n := range 14 {
			write("      <rpm:entry name=\"libpackage-%d.so.1()(64bit)\"/>\n", (i+n)%packages)
		}
		write("      <rpm:entry name=\"package-%d\" flags=\"GE\" epoch=\"0\" ver=\"1\"/>\n    </rpm:requires>\n    <file>/usr/bin/package-%d</file>\n  </format>\n</package>\n", (i+1)%packages, i)
	}
	write("</metadata>\n")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("primary.xml: %d bytes, %d packed", size, primary.Len())
	repomd := fmt.Sprintf("<repomd><data type=\"primary\"><checksum type=\"sha256\">%x</checksum><location href=\"repodata/primary.xml.gz\"/></data></repomd>", sha256.Sum256(primary.Bytes()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := strings.TrimPrefix(r.URL.Path, "/"); {
		case path == "repodata/repomd.xml":
			_, _ = io.WriteString(w, repomd)
		case path == "repodata/primary.xml.gz":
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(primary.Bytes()))
		case strings.HasPrefix(path, "Packages/"):
			_, _ = io.WriteString(w, path)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A sync of the metadata of a repository as large as Fedora's takes less than 300 MB.
func TestRPMMemory(t *testing.T) {
	plain := withoutRace(t)
	url := largeRepository(t, 60_000)
	for name, filter := range map[string]string{
		"whole":    "",
		"filtered": ", packages: {include: [package-1], follow_dependencies: true}",
		"newest":   ", packages: {newest: 1}",
	} {
		t.Run(name, func(t *testing.T) {
			syncWithin(t, plain, fmt.Sprintf("{type: rpm, url: %s, verify: \"off\"%s}", url, filter), 300e6)
		})
	}
}

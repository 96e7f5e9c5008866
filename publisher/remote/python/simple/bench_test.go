package simple

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
)

// large is a project of so many files as the largest of the public index, each with all that
// the public index says of one.
func large() *Project {
	p := &Project{Name: "foo", Versions: []string{}}
	for i := range 40_000 {
		version := fmt.Sprintf("%d.%d.%d", i/1000, i/10%100, i%10)
		digest := hex.EncodeToString(fmt.Appendf(nil, "%032d", i))
		p.Versions = append(p.Versions, version)
		p.Files = append(p.Files, File{
			Name: "foo-" + version + fmt.Sprintf("-%d-cp312-cp312-manylinux_2_17_x86_64.whl", i), Hashes: Digests{{"sha256", digest}},
			RequiresPython: ">=3.8", Metadata: Metadata{Offered: true, Hashes: Digests{{"sha256", digest}}},
			Size: 1234567, UploadTime: "2024-01-02T03:04:05.678901Z",
		})
	}
	return p
}

func BenchmarkLargePage(b *testing.B) {
	var html, json bytes.Buffer
	p := large()
	if RenderHTML(&html, p, beside) != nil || RenderJSON(&json, p, beside) != nil {
		b.Fatal()
	}
	from := source(b)
	for _, c := range []struct {
		name  string
		bytes int
		run   func() (*Page, error)
	}{
		{"parse HTML", html.Len(), func() (*Page, error) { return ParseHTML(bytes.NewReader(html.Bytes()), TypeHTML, from) }},
		{"parse JSON", json.Len(), func() (*Page, error) { return ParseJSON(bytes.NewReader(json.Bytes()), from) }},
		{"render HTML", html.Len(), func() (*Page, error) { return nil, RenderHTML(io.Discard, p, beside) }},
		{"render JSON", json.Len(), func() (*Page, error) { return nil, RenderJSON(io.Discard, p, beside) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(c.bytes))
			for b.Loop() {
				before := inUse()
				page, err := c.run()
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if page != nil {
					b.ReportMetric(float64(inUse()-before)/1e6, "MB-kept")
				}
				runtime.KeepAlive(page)
				b.StartTimer()
			}
		})
	}
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The memory for a page does not grow with its bytes, only with its files.
func TestLargePageIsStreamed(t *testing.T) {
	for kind, body := range map[string]io.Reader{
		TypeHTML: repeated("", "<p class=x>"+string(bytes.Repeat([]byte("text "), 10_000))+"</p>", 400, `<a href="foo-1.0.zip">x</a>`),
		TypeJSON: repeated(`{"files":[`, `{"filename":"bar-1.0.zip","x":"`+string(bytes.Repeat([]byte("text "), 10_000))+`"},`, 400, `{"filename":"foo-1.0.zip","url":"foo-1.0.zip"}]}`),
	} {
		before := inUse()
		page, err := Parse(kind, body, source(t))
		if kept := inUse() - before; err != nil || len(page.Files) != 1 || kept > 1<<20 {
			t.Errorf("%s: %d bytes are kept of 20 MB, %v", kind, kept, err)
		}
	}
}

func BenchmarkLargeRoot(b *testing.B) {
	var html, json bytes.Buffer
	names := slices.Repeat([]string{"a-project-of-average-length"}, 700_000) // the public index
	if RenderRootHTML(&html, names) != nil || RenderRootJSON(&json, names) != nil {
		b.Fatal()
	}
	from := rootSource(b)
	for kind, text := range map[string][]byte{TypeHTML: html.Bytes(), TypeJSON: json.Bytes()} {
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := ParseRoot(kind, bytes.NewReader(text), from, func(Listed) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// release is a wheel of a package index that a test makes.
type release struct {
	name, version string
	requires      string // one requirement; empty: none
	uploaded      string // RFC 3339
}

func (r release) file() string { return r.name + "-" + r.version + "-py3-none-any.whl" }

func (r release) metadata() string {
	text := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", r.name, r.version)
	if r.requires != "" {
		text += "Requires-Dist: " + r.requires + "\n"
	}
	return text
}

// wheel is the file (PEP 427). It has no time in it.
func (r release) wheel(t testing.TB) []byte {
	t.Helper()
	info := r.name + "-" + r.version + ".dist-info/"
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{r.name + ".py", fmt.Sprintf("version = %q\n", r.version)},
		{info + "METADATA", r.metadata()},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", fmt.Sprintf("%s.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n", r.name, info, info, info)},
	} {
		w, err := z.Create(f[0])
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// writeIndex writes a package index below a folder: pages as HTML (PEP 503) and, if asked for,
// as JSON (PEP 691, 700), wheels, and their metadata (PEP 658). Only the JSON has times.
func writeIndex(w *workspace, folder string, withJSON bool, releases ...release) {
	w.Helper()
	pages, files := map[string]string{}, map[string][]map[string]any{}
	for _, r := range releases {
		data := r.wheel(w)
		sum, meta := fmt.Sprintf("%x", sha256.Sum256(data)), fmt.Sprintf("%x", sha256.Sum256([]byte(r.metadata())))
		path := folder + "/files/" + r.name + "/" + r.file()
		w.write(path, string(data))
		w.write(path+".metadata", r.metadata())
		link := "../../files/" + r.name + "/" + strings.ReplaceAll(url.PathEscape(r.file()), "+", "%2B")
		pages[r.name] += fmt.Sprintf(`<a href="%s#sha256=%s" data-core-metadata="sha256=%s">%s</a>`+"\n", link, sum, meta, r.file())
		files[r.name] = append(files[r.name], map[string]any{
			"filename": r.file(), "url": link, "hashes": map[string]string{"sha256": sum}, "size": len(data),
			"core-metadata": map[string]string{"sha256": meta}, "upload-time": r.uploaded, "yanked": false,
		})
	}
	for name, links := range pages {
		w.write(folder+"/simple/"+name+"/index.html", "<!doctype html>\n"+links)
		if !withJSON {
			continue
		}
		page, err := json.Marshal(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "name": name, "files": files[name]})
		if err != nil {
			w.Fatal(err)
		}
		w.write(folder+"/simple/"+name+"/index.v1_json", string(page))
	}
}

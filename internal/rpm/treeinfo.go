package rpm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of the small documents beside a repository.
const (
	MaxBeside  = 1 << 20 // bytes
	maxOutside = 10_000  // files that one of them lists
)

// Outside is a file that is in no metadata: the kernel of an installer, a licence.
type Outside struct {
	Location  Location
	Size      int64      // bytes; -1: not given
	Checksums []Checksum // none: not given
	Line      int        // where it stands; 0: not known
}

// ParseTreeinfo reads a .treeinfo or treeinfo and returns the files of the tree, each once,
// as
//
//	[checksums]
//	images/boot.iso = sha256:…
//	[images-x86_64]
//	kernel = images/pxeboot/vmlinuz
//	[stage2]
//	mainimage = images/install.img
//
// name them. Variants lead to other repositories and are not among them. A document
// without a section of a treeinfo is an error, such as a page of a server.
func ParseTreeinfo(data []byte) (files []Outside, err error) {
	known := []string{"general", "header", "release", "tree", "checksums", "stage2"}
	byPath := map[string]int{} // in files
	add := func(path string, line int) (*Outside, error) {
		i, ok := byPath[path]
		if !ok {
			if len(files) == maxOutside {
				return nil, &SyntaxError{line, fmt.Errorf("lists more than %d files", maxOutside)}
			}
			i = len(files)
			byPath[path] = i
			files = append(files, Outside{Location: Location{Href: path}, Size: -1, Line: line})
		}
		return &files[i], nil
	}
	section, is, n := "", false, 0
	for line := range bytes.Lines(data) {
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if text[0] == '[' && strings.HasSuffix(text, "]") {
			section = strings.TrimSpace(text[1 : len(text)-1])
			is = is || slices.Contains(known, section)
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || section == "" {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case value == "":
		case section == "checksums":
			typ, digest, _ := strings.Cut(value, ":")
			f, err := add(key, n)
			if err != nil {
				return nil, err
			}
			f.Checksums = append(f.Checksums, Checksum{strings.TrimSpace(typ), strings.TrimSpace(digest)})
		case strings.HasPrefix(section, "images-"), section == "stage2":
			if _, err := add(value, n); err != nil {
				return nil, err
			}
		}
	}
	if !is {
		return nil, errors.New("is no treeinfo")
	}
	return files, nil
}

// ParseExtraFiles reads an extra_files.json, which lists files such as licences and keys:
//
//	{"header": {…}, "data": [{"file": "EULA", "size": 1234, "checksums": {"sha256": "…"}}]}
func ParseExtraFiles(data []byte) (files []Outside, err error) {
	var doc struct {
		Header json.RawMessage `json:"header"`
		Data   []struct {
			File      string            `json:"file"`
			Size      *int64            `json:"size"`
			Checksums map[string]string `json:"checksums"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &doc); err != nil || doc.Data == nil {
		return nil, errors.New("is no list of extra files")
	}
	if len(doc.Data) > maxOutside {
		return nil, fmt.Errorf("lists more than %d files", maxOutside)
	}
	for _, one := range doc.Data {
		f := Outside{Location: Location{Href: one.File}, Size: -1}
		if one.Size != nil && *one.Size >= 0 {
			f.Size = *one.Size
		}
		for typ, digest := range one.Checksums {
			f.Checksums = append(f.Checksums, Checksum{typ, digest})
		}
		slices.SortFunc(f.Checksums, func(a, b Checksum) int { return strings.Compare(a.Type, b.Type) })
		files = append(files, f)
	}
	return files, nil
}

package simple

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
)

// RenderJSON writes a project's page in JSON: the keys sorted, files in their order and last,
// each on a line of its own. An error is one of out, or of a value of an unknown key that is
// no JSON.
func RenderJSON(out io.Writer, p *Project, link Link) error {
	meta := all(p.Meta)
	meta["api-version"] = p.version()
	if len(p.Tracks) > 0 {
		meta["tracks"] = p.Tracks
	}
	keys := all(p.Unknown)
	keys["meta"] = meta
	keys["name"] = p.Name
	if p.Versions != nil {
		keys["versions"] = p.Versions
	}
	if len(p.AlternateLocations) > 0 {
		keys["alternate-locations"] = p.AlternateLocations
	}
	if p.Status != "" || p.StatusReason != "" {
		keys["project-status"] = filled(map[string]string{"status": p.Status, "reason": p.StatusReason})
	}
	return writeList(out, keys, "files", func(yield func(any) bool) {
		for i := range p.Files {
			if !yield(p.Files[i].keys(link)) {
				return
			}
		}
	})
}

func (f *File) keys(link Link) map[string]any {
	keys := all(f.Unknown)
	keys["filename"] = f.Name
	keys["url"] = escapePath(link(f))
	keys["hashes"] = f.Hashes
	if f.RequiresPython != "" {
		keys["requires-python"] = f.RequiresPython
	}
	if f.Yanked {
		keys["yanked"] = true
	}
	if f.Yanked && f.YankedReason != "" {
		keys["yanked"] = f.YankedReason
	}
	if f.Metadata.Offered {
		keys["core-metadata"] = true
	}
	if f.Metadata.Offered && len(f.Metadata.Hashes) > 0 {
		keys["core-metadata"] = f.Metadata.Hashes
	}
	if f.Signed != Unsaid {
		keys["gpg-sig"] = f.Signed == Yes
	}
	if f.Size > 0 {
		keys["size"] = f.Size
	}
	if f.UploadTime != "" {
		keys["upload-time"] = f.UploadTime
	}
	if f.Provenance != "" {
		keys["provenance"] = f.Provenance
	}
	return keys
}

// MarshalJSON writes an object in the order of the digests, which matters to pip.
func (d Digests) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, digest := range d {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, `"`+digest.Algorithm+`":"`+digest.Hex+`"`...)
	}
	return append(text, '}'), nil
}

// all is a new map with the unknown keys.
func all(unknown map[string]json.RawMessage) map[string]any {
	keys := make(map[string]any, len(unknown)+8)
	for key, value := range unknown {
		keys[key] = value
	}
	return keys
}

func filled(keys map[string]string) map[string]string {
	maps.DeleteFunc(keys, func(_, value string) bool { return value == "" })
	return keys
}

// writeList writes an object whose last key holds a list.
func writeList(out io.Writer, keys map[string]any, list string, elements func(yield func(any) bool)) error {
	w := bufio.NewWriter(out)
	start, err := encode(keys)
	if err != nil {
		return err
	}
	w.Write(start[:len(start)-len("}")])
	w.WriteString(`,"` + list + `":[`)
	separator := "\n"
	for element := range elements {
		text, err := encode(element)
		if err != nil {
			return err
		}
		w.WriteString(separator)
		w.Write(text)
		separator = ",\n"
	}
	w.WriteString("\n]}\n")
	return w.Flush()
}

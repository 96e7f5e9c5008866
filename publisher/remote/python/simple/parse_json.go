package simple

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// ParseJSON reads a project's page in JSON.
func ParseJSON(body io.Reader, from Source) (*Page, error) {
	p := read(body, from)
	keys, err := p.object("files", p.jsonFile)
	if err == nil {
		err = p.keys(keys)
	}
	if err != nil {
		return nil, p.fail(err)
	}
	return p.finish()
}

// object reads an object of which one key holds a long list: its elements go to each, and the
// other keys are returned.
func (p *reading) object(list string, each func(n int, text json.RawMessage) error) (object, error) {
	in := bufio.NewReader(p.body)
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		in.Discard(3)
	}
	dec := json.NewDecoder(in)
	if t, err := dec.Token(); err != nil {
		return nil, noJSON(err)
	} else if t != json.Delim('{') {
		return nil, errors.New("is no object of JSON")
	}
	keys, found := make(object), false
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, noJSON(err)
		}
		if t != list {
			if err := keys.read(dec, t.(string)); err != nil {
				return nil, err
			}
			continue
		}
		if found {
			return nil, fmt.Errorf("has the key %q twice", list)
		}
		found = true
		if err := elements(dec, list, each); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, noJSON(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("has more behind its object")
	}
	if !found {
		return nil, fmt.Errorf("has no key %q", list)
	}
	return keys, nil
}

// elements reads a list. The text that each is given is overwritten by the next one.
func elements(dec *json.Decoder, list string, each func(n int, text json.RawMessage) error) error {
	if t, err := dec.Token(); err != nil {
		return noJSON(err)
	} else if t != json.Delim('[') {
		return fmt.Errorf("has a key %q that is no list", list)
	}
	var text json.RawMessage
	for n := 0; dec.More(); n++ {
		if err := dec.Decode(&text); err != nil {
			return noJSON(err)
		}
		if len(text) > maxValue {
			return fmt.Errorf("has an entry %s[%d] with more than %d bytes", list, n, maxValue)
		}
		if err := each(n, text); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return noJSON(err)
	}
	return nil
}

func noJSON(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("is no JSON: %v", err)
}

// keys takes the page's keys but for its files.
func (p *reading) keys(keys object) error {
	meta, err := p.meta(keys)
	if err != nil {
		return err
	}
	p.page.Meta = meta
	if name := ""; p.take(keys, "name", "", &name) && normalizeName(name) != p.page.Name {
		p.note("the page gives another name", name)
	}
	p.page.Versions = p.strings(keys, "versions")
	p.page.AlternateLocations = p.strings(keys, "alternate-locations")
	p.status(keys)
	p.page.Unknown, err = keys.rest()
	return err
}

// meta takes what the object meta says, and returns its unknown keys.
func (p *reading) meta(keys object) (map[string]json.RawMessage, error) {
	var meta object
	if _, err := keys.take("meta", &meta); err != nil {
		return nil, errors.New(`has a key "meta" that is no object`)
	}
	version := json.RawMessage(`"1.0"`)
	meta.take("api-version", &version)
	if err := checkVersion(strings.Trim(string(version), `"`)); err != nil {
		return nil, err
	}
	if serial := int64(0); p.take(meta, "_last-serial", "", &serial) {
		p.page.Serial = serial
	}
	p.page.Tracks = p.strings(meta, "tracks")
	return meta.rest()
}

// status takes an object (PEP 792), or a text as some send it.
func (p *reading) status(keys object) {
	var text json.RawMessage
	keys.take("project-status", &text)
	var status object
	switch {
	case text == nil, json.Unmarshal(text, &p.page.Status) == nil:
	case json.Unmarshal(text, &status) == nil:
		p.take(status, "status", "", &p.page.Status)
		p.take(status, "reason", "", &p.page.StatusReason)
	default:
		p.wrong("project-status", "")
	}
}

// jsonFile takes one entry of files.
func (p *reading) jsonFile(n int, text json.RawMessage) error {
	var keys object
	if err := json.Unmarshal(text, &keys); err != nil || keys == nil {
		p.refuse("files[%d] is no object", n)
		return nil
	}
	var f File
	if there, err := keys.take("filename", &f.Name); !there || err != nil {
		p.refuse("files[%d] has no filename", n)
		return nil
	}
	if err := checkFileName(f.Name); err != nil {
		p.refuse("%w", err)
		return nil
	}
	if err := checkFile(f.Name, p.page.Name); err != nil {
		p.note("left out: files that are none of the project's", f.Name)
		return nil
	}
	if !utf8.Valid(text) {
		p.refuse("file %q: its keys are no UTF-8", f.Name)
		return nil
	}
	if err := p.fileKeys(&f, keys); err != nil {
		p.refuse("file %q: %w", f.Name, err)
		return nil
	}
	return p.add(f)
}

// fileKeys takes the keys of a file. An error is for keys that decide what is installed; other
// values of a wrong type are left out.
func (p *reading) fileKeys(f *File, keys object) error {
	there, err := keys.take("url", &f.URL)
	if !there || err != nil {
		return errors.New("it has no url")
	}
	u, err := parseLink(f.URL)
	if err != nil {
		return fmt.Errorf("its url %.200q is none", f.URL)
	}
	if name := lastSegment(u); name != f.Name {
		return fmt.Errorf("its url ends in %.80q", name)
	}
	if _, err := keys.take("requires-python", &f.RequiresPython); err != nil {
		return errors.New("requires-python is no text")
	}
	if err := p.yanked(f, keys); err != nil {
		return err
	}
	for name, digits := range p.digests(f, keys, "hashes") {
		p.hash(f, name, digits)
	}
	p.hashes(f, u.Fragment)
	p.jsonMetadata(f, keys)
	if signed := false; p.take(keys, "gpg-sig", f.Name, &signed) {
		f.Signed = No
		if signed {
			f.Signed = Yes
		}
	}
	if p.take(keys, "size", f.Name, &f.Size) && f.Size < 0 {
		f.Size = 0
		p.wrong("size", f.Name)
	}
	if text := ""; p.take(keys, "upload-time", f.Name, &text) {
		p.uploaded(f, text)
	}
	p.take(keys, "provenance", f.Name, &f.Provenance)
	f.Unknown, err = keys.rest()
	return err
}

// yanked is false, true or a reason. An empty reason is false to PEP 691 and to pip.
func (p *reading) yanked(f *File, keys object) error {
	var text json.RawMessage
	keys.take("yanked", &text)
	switch {
	case text == nil, json.Unmarshal(text, &f.Yanked) == nil:
		return nil
	case json.Unmarshal(text, &f.YankedReason) != nil:
		return errors.New("yanked is neither true nor false nor a text")
	}
	if f.Yanked = f.YankedReason != ""; !f.Yanked {
		p.note("not yanked, as the reason is empty; uv takes that for yanked", f.Name)
	}
	return nil
}

// jsonMetadata takes core-metadata, or what it was called before (PEP 714).
func (p *reading) jsonMetadata(f *File, keys object) {
	var text json.RawMessage
	for _, key := range []string{"core-metadata", "dist-info-metadata", "data-dist-info-metadata"} {
		var older json.RawMessage
		if keys.take(key, &older); text == nil {
			text = older
		}
	}
	if text == nil || json.Unmarshal(text, &f.Metadata.Offered) == nil {
		return
	}
	var hashes object
	if json.Unmarshal(text, &hashes) != nil {
		p.wrong("core-metadata", f.Name)
		return
	}
	f.Metadata.Offered = true
	of := File{Name: f.Name + ".metadata"}
	for name, digits := range p.texts(hashes, of.Name) {
		p.hash(&of, name, digits)
	}
	f.Metadata.Hashes = of.Hashes
}

// uploaded takes a file's time.
func (p *reading) uploaded(f *File, text string) {
	var ok bool
	if f.UploadTime, ok = uploadTime(text); !ok {
		p.note("left out: upload times that installers can't read", f.Name)
	}
}

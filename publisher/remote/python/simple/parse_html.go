package simple

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// ParseHTML reads a project's page in HTML of any age. contentType matters for its charset only.
// Links that are no files of the project are passed over, as installers do.
func ParseHTML(body io.Reader, contentType string, from Source) (*Page, error) {
	p := read(body, from)
	err := p.tags(contentType, func(z *html.Tokenizer, name string, valid bool) error {
		switch name {
		case "base":
			return p.baseTag(attributes(z))
		case "meta":
			return p.metaTag(attributes(z), valid)
		case "a":
			return p.anchor(z, valid)
		}
		return nil
	})
	if err != nil || p.body.err != nil {
		return nil, p.fail(err)
	}
	return p.finish()
}

// tags calls each for all start tags. valid says that the tag is UTF-8.
func (p *reading) tags(contentType string, each func(z *html.Tokenizer, name string, valid bool) error) error {
	in := bufio.NewReader(p.body)
	if start, _ := in.Peek(head); len(start) > 0 {
		if text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n"); bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[")) {
			return errors.New("came as HTML, and is JSON")
		}
	}
	text, err := decode(in, contentType)
	if err != nil {
		return err
	}
	z := html.NewTokenizer(text)
	z.SetMaxBuf(maxToken)
	for {
		switch z.Next() {
		case html.ErrorToken:
			switch {
			case z.Err() == html.ErrBufferExceeded:
				return fmt.Errorf("has a tag, a comment or a text with more than %d bytes", maxToken)
			case z.Err() != io.EOF:
				return z.Err()
			case len(z.Raw()) > 0:
				return errors.New("ends within a tag")
			}
			return nil
		case html.StartTagToken, html.SelfClosingTagToken:
			valid := utf8.Valid(z.Raw())
			name, _ := z.TagName()
			if err := each(z, string(name), valid); err != nil {
				return err
			}
		}
	}
}

// baseTag takes the first <base href>, which is for all links, also for those before it.
func (p *reading) baseTag(tag map[string]string) error {
	href, there := tag["href"]
	if !there || p.base != p.from.URL {
		return nil
	}
	base, err := p.resolve(href)
	if err != nil {
		return fmt.Errorf("has a <base> that %w", err)
	}
	p.base = base
	return nil
}

func (p *reading) metaTag(tag map[string]string, valid bool) error {
	name, pypi := strings.CutPrefix(strings.ToLower(tag["name"]), "pypi:")
	content := tag["content"]
	if pypi && !valid {
		return fmt.Errorf("has a tag pypi:%.80s that is no UTF-8", name)
	}
	if !pypi {
		return nil
	}
	page := &p.page
	switch name {
	case "repository-version":
		return checkVersion(content)
	case "project-status":
		page.Status = content
	case "project-status-reason":
		page.StatusReason = content
	case "tracks":
		page.Tracks = append(page.Tracks, content)
	case "alternate-locations":
		page.AlternateLocations = append(page.AlternateLocations, content)
	}
	if most := cmp.Or(p.from.most, MaxFiles); len(page.Tracks)+len(page.AlternateLocations) > most {
		return fmt.Errorf("has more than %d tracks and alternate-locations", most)
	}
	return nil
}

// anchor takes a link, if it is a file of the project.
func (p *reading) anchor(z *html.Tokenizer, valid bool) error {
	tag := attributes(z)
	href := tag["href"]
	u, err := parseLink(href)
	if err != nil {
		p.noURL(href)
		return nil
	}
	f := File{Name: lastSegment(u), URL: href}
	// A name that leads elsewhere is refused if it is the project's, else it is any other link.
	last := f.Name[strings.LastIndexAny(f.Name, `/\`)+1:]
	switch err := checkFile(last, p.page.Name); {
	case errors.Is(err, errNoDistribution):
		return nil
	case err != nil:
		p.note("left out: files that are none of the project's", f.Name)
		return nil
	}
	if err := checkFileName(f.Name); err != nil {
		p.refuse("%w", err)
		return nil
	}
	if !valid {
		p.refuse("file %q: its link is no UTF-8, and the page declares no charset", f.Name)
		return nil
	}
	p.hashes(&f, u.Fragment)
	p.dataAttributes(&f, tag)
	return p.add(f)
}

// noURL refuses what would be the link of a file.
func (p *reading) noURL(href string) {
	name, _, _ := strings.Cut(href, "#")
	name, _, _ = strings.Cut(name, "?")
	if checkFile(name[strings.LastIndexByte(name, '/')+1:], p.page.Name) == nil {
		p.refuse("link %.200q is no URL", href)
	}
}

func (p *reading) dataAttributes(f *File, tag map[string]string) {
	f.RequiresPython = tag["data-requires-python"]
	f.YankedReason, f.Yanked = tag["data-yanked"]
	metadata, there := tag["data-core-metadata"]
	if !there {
		metadata, there = tag["data-dist-info-metadata"]
	}
	if there {
		p.htmlMetadata(f, metadata)
	}
	switch strings.ToLower(tag["data-gpg-sig"]) {
	case "true":
		f.Signed = Yes
	case "false":
		f.Signed = No
	}
	if text := tag["data-upload-time"]; text != "" {
		p.uploaded(f, text)
	}
	f.Provenance = tag["data-provenance"]
}

// htmlMetadata reads "true" or a digest. Of anything else installers make different things.
func (p *reading) htmlMetadata(f *File, text string) {
	name, digits, hash := strings.Cut(text, "=")
	switch {
	case hash:
		of := File{Name: f.Name + ".metadata"}
		p.hash(&of, name, digits)
		f.Metadata = Metadata{Offered: true, Hashes: of.Hashes}
	case strings.EqualFold(text, "true"):
		f.Metadata.Offered = true
	case text != "" && !strings.EqualFold(text, "false"):
		p.note("left out: values of a wrong type", "core-metadata of "+f.Name)
	}
}

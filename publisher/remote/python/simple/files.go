package simple

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// add takes one file, whose URL is still the page's link.
func (p *reading) add(f File) error {
	if most := cmp.Or(p.from.most, MaxFiles); len(p.page.Files) == most {
		return fmt.Errorf("has more than %d files", most)
	}
	p.page.Files = append(p.page.Files, f)
	return nil
}

// finish looks at what was read as a whole.
func (p *reading) finish() (*Page, error) {
	if strings.EqualFold(p.page.Status, Quarantined) {
		for i := range p.page.Files {
			p.note("left out: files of a quarantined project", p.page.Files[i].Name)
		}
		p.page.Files = nil
	}
	for i := range p.page.Files {
		f := &p.page.Files[i]
		link, err := p.link(f.URL)
		if err != nil {
			p.refuse("the link of file %.80q %w", f.Name, err)
			continue
		}
		f.URL = link
		if f.Provenance != "" {
			f.Provenance = p.other(f.Provenance, "provenance of "+f.Name)
		}
	}
	p.page.Tracks = p.others(p.page.Tracks, "tracks")
	p.page.AlternateLocations = p.others(p.page.AlternateLocations, "alternate-locations")
	if len(p.refused) == 0 {
		p.mergeSame()
	}
	if err := p.fail(nil); err != nil {
		return nil, err
	}
	return &p.page, nil
}

// resolve makes a link absolute, without its fragment.
func (p *reading) resolve(link string) (*url.URL, error) {
	u, err := parseLink(link)
	if err != nil {
		return nil, errors.New("is no URL")
	}
	u = p.base.ResolveReference(u)
	u.Fragment, u.RawFragment = "", ""
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("leads to %.80q, which is neither http nor https", u.Redacted())
	}
	// A host may be one without a scheme only, for others have stricter rules.
	if again, err := url.Parse(u.String()); err != nil || again.Host != u.Host {
		return nil, errors.New("is no URL")
	}
	return u, nil
}

// link resolves a file's.
func (p *reading) link(link string) (string, error) {
	u, err := p.resolve(link)
	if err != nil {
		return "", err
	}
	if u.Scheme == "http" && p.from.URL.Scheme == "https" && !p.from.AllowHTTP {
		return "", fmt.Errorf("leads from https to %.200q", u.Redacted())
	}
	return u.String(), nil
}

// other resolves a link that is no file's. It returns "" if it is none.
func (p *reading) other(link, what string) string {
	u, err := p.resolve(link)
	if err != nil || link == "" {
		p.note("left out: links that are none", what)
		return ""
	}
	return u.String()
}

func (p *reading) others(links []string, what string) (out []string) {
	for _, link := range links {
		if link = p.other(link, what); link != "" {
			out = append(out, link)
		}
	}
	return out
}

// mergeSame makes one file of several with one name, if they are the same.
func (p *reading) mergeSame() {
	first := make(map[string]int, len(p.page.Files))
	kept := p.page.Files[:0]
	for _, f := range p.page.Files {
		i, twice := first[f.Name]
		if !twice {
			first[f.Name] = len(kept)
			kept = append(kept, f)
			continue
		}
		a := &kept[i]
		one, two, differ := a.Hashes.contradiction(f.Hashes)
		switch {
		case differ:
			p.refuse("file %q is listed twice, with %v and %v", f.Name, one, two)
		case a.URL != f.URL && !a.Hashes.agree(f.Hashes):
			p.refuse("file %q is listed twice, and no digest says that it is the same", f.Name)
		default:
			p.note("left out: files that are listed again", f.Name)
			for _, d := range f.Hashes {
				a.Hashes = a.Hashes.With(d)
			}
		}
	}
	clear(p.page.Files[len(kept):])
	p.page.Files = kept
}

// parseLink drops blanks around a link, as browsers and installers do.
func parseLink(link string) (*url.URL, error) { return url.Parse(strings.TrimSpace(link)) }

// lastSegment is the name at the end of a link, decoded.
func lastSegment(u *url.URL) string {
	path := u.EscapedPath()
	name, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		return ""
	}
	return name
}

// hashes reads the digests behind a link: #sha256=…, which others may stand beside.
func (p *reading) hashes(f *File, fragment string) {
	for part := range strings.SplitSeq(fragment, "&") {
		name, digits, _ := strings.Cut(part, "=")
		if strings.EqualFold(name, "egg") || strings.EqualFold(name, "subdirectory") || part == "" {
			continue
		}
		p.hash(f, name, digits)
	}
}

// hash takes one digest.
func (p *reading) hash(f *File, name, digits string) {
	d, err := newDigest(name, digits)
	if err != nil {
		p.note("left out: digests that are none", f.Name)
		return
	}
	if have := f.Hashes.Of(d.Algorithm); have != "" && have != d.Hex {
		p.refuse("file %q has two digests, %v and %v", f.Name, Digest{d.Algorithm, have}, d)
	}
	f.Hashes = f.Hashes.With(d)
}

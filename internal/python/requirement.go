package python

import (
	"slices"
	"strings"
)

// Requirement is a project that is needed (PEP 508), of certain versions or from a URL:
//
//	requests[security,socks] (>=2.8.1), ==2.8.* ; python_version < "2.7"
//	pip @ https://example.org/pip-22.3.tar.gz
type Requirement struct {
	Name       string   // as written: NormalizeName tells which project it is
	Extras     []string // as written, each once, in order
	Specifiers Specifiers
	URL        string // empty: from an index
	Marker     Marker
}

// ParseRequirement reads a requirement. Its errors name the position, in bytes from 1.
func ParseRequirement(text string) (Requirement, error) { return parseRequirement(text, false) }

// ParseRequiresDist reads a requirement as old metadata holds it: it takes "(>=1.0.*)" for
// ">=1.0", see ParseRequiresPython.
func ParseRequiresDist(text string) (Requirement, error) { return parseRequirement(text, true) }

func parseRequirement(text string, lenient bool) (Requirement, error) {
	p := parser{what: "requirement", text: text, lenient: lenient}
	if err := p.check(); err != nil {
		return Requirement{}, err
	}
	r, err := p.requirement()
	if err != nil {
		return Requirement{}, err
	}
	return r, nil
}

func (p *parser) requirement() (r Requirement, err error) {
	p.blanks()
	if r.Name = p.identifier(); r.Name == "" {
		return r, p.errorf("the name of a project is expected")
	}
	p.blanks()
	if r.Extras, err = p.extras(); err != nil {
		return r, err
	}
	p.blanks()
	if p.take("@") {
		p.blanks()
		if r.URL = p.url(); r.URL == "" {
			return r, p.errorf("a URL is expected")
		}
		if !p.blanks() && p.at < len(p.text) {
			return r, p.errorf("a blank is expected after the URL")
		}
	} else {
		if r.Specifiers, err = p.specifiers(); err != nil {
			return r, err
		}
		p.blanks()
	}
	if !p.take(";") {
		return r, p.end("';' or the end")
	}
	if r.Marker, err = p.marker(0); err != nil {
		return r, err
	}
	return r, p.end("'and', 'or' or the end")
}

// identifier reads a name. It ends where a word does, so it may end with "_".
func (p *parser) identifier() string {
	rest := p.text[p.at:]
	if !beginsName(rest) {
		return ""
	}
	end := 1
	for end < len(rest) && (isLetter(rest[end]) || isDigit(rest[end]) || isSeparator(rest[end])) {
		end++
	}
	for end > 0 && beginsWord(rest[end-1:]) == beginsWord(rest[end:]) {
		end--
	}
	p.at += end
	return rest[:end]
}

func beginsName(text string) bool { return text != "" && (isLetter(text[0]) || isDigit(text[0])) }

// extras reads names in brackets, if there are any.
func (p *parser) extras() (list []string, err error) {
	if !p.take("[") {
		return nil, nil
	}
	p.blanks()
	for extra := p.identifier(); extra != ""; extra = p.identifier() {
		list = append(list, extra)
		p.blanks()
		if !p.take(",") {
			break
		}
		if p.blanks(); !beginsName(p.text[p.at:]) {
			return nil, p.errorf("the name of an extra is expected")
		}
	}
	if !p.take("]") {
		return nil, p.errorf("']' is expected after the names of extras")
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// url reads up to white space.
func (p *parser) url() string {
	rest := p.text[p.at:]
	if end := strings.IndexFunc(rest, isSpace); end >= 0 {
		rest = rest[:end]
	}
	p.at += len(rest)
	return rest
}

// specifiers reads conditions with commas between them, in parentheses or not. A comma may
// stand behind the last one.
func (p *parser) specifiers() (list Specifiers, err error) {
	parentheses := p.take("(")
	p.blanks()
	rest := p.text[p.at:]
	if end := strings.IndexAny(rest, ";)"); end >= 0 {
		rest = rest[:end]
	}
	parts := strings.Split(rest, ",")
	if strings.Trim(parts[len(parts)-1], " \t") == "" {
		parts = parts[:len(parts)-1]
	}
	end := p.at + len(rest)
	for _, part := range parts {
		s, err := parseSpecifier(strings.Trim(part, " \t"), p.lenient)
		if err != nil {
			return nil, p.errorf("%v", err)
		}
		list = append(list, s)
		p.at += len(part) + 1
	}
	p.at = end
	if parentheses && !p.take(")") {
		return nil, p.errorf("')' is expected")
	}
	return list, nil
}

// String returns the requirement with names as they were written, all else in a canonical
// form.
func (r Requirement) String() string {
	text := r.Name
	if len(r.Extras) > 0 {
		text += "[" + strings.Join(r.Extras, ",") + "]"
	}
	text += r.Specifiers.String()
	if r.URL != "" {
		text += " @ " + r.URL
	}
	if marker := r.Marker.String(); marker != "" {
		if r.URL != "" {
			text += " "
		}
		text += "; " + marker
	}
	return text
}

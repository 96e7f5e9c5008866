package python

import "strings"

// Marker says in which environments a requirement is one (PEP 508). It holds where any of its
// alternatives holds, an alternative where all its parts do. The zero Marker holds everywhere.
type Marker struct {
	alternatives [][]markerPart
}

// markerPart is a comparison, or a marker that stands in parentheses.
type markerPart struct {
	left  operand
	op    string // empty: it is the marker
	right operand

	marker Marker
}

// operand is a variable's name or a quoted text.
type operand struct {
	text     string
	variable bool
}

// ParseMarker reads a marker: `python_version < "3.9" and extra == "test"`.
func ParseMarker(text string) (Marker, error) {
	p := parser{what: "marker", text: text}
	if err := p.check(); err != nil {
		return Marker{}, err
	}
	m, err := p.marker(0)
	if err != nil {
		return Marker{}, err
	}
	return m, p.end("'and', 'or' or the end")
}

// String returns the marker with single blanks, double quotes where they can stand, the
// parentheses that it needs or makes clear, and extras normalised.
func (m Marker) String() string {
	var alternatives []string
	for _, all := range m.alternatives {
		var parts []string
		for _, part := range all {
			parts = append(parts, part.String())
		}
		alternatives = append(alternatives, strings.Join(parts, " and "))
	}
	return strings.Join(alternatives, " or ")
}

func (p markerPart) String() string {
	if p.op == "" {
		return "(" + p.marker.String() + ")"
	}
	return p.left.String() + " " + p.op + " " + p.right.String()
}

func (o operand) String() string {
	switch {
	case o.variable:
		return o.text
	case strings.Contains(o.text, `"`):
		return "'" + o.text + "'"
	}
	return `"` + o.text + `"`
}

// maxDepth is how deep parentheses of a marker may be nested.
const maxDepth = 200

// marker reads comparisons with "and" and "or" between them; "and" binds them closer.
func (p *parser) marker(depth int) (Marker, error) {
	all := []markerPart{}
	var m Marker
	for {
		part, err := p.markerPart(depth)
		if err != nil {
			return m, err
		}
		all = append(all, part)
		if p.word("and") {
			continue
		}
		m.alternatives = append(m.alternatives, all)
		all = nil
		if !p.word("or") {
			break
		}
	}
	if only := m.alternatives[0][0]; only.op == "" && len(m.alternatives) == 1 && len(m.alternatives[0]) == 1 {
		return only.marker, nil // parentheses around all of it
	}
	return m, nil
}

func (p *parser) markerPart(depth int) (part markerPart, err error) {
	p.blanks()
	defer p.blanks()
	if p.take("(") {
		if depth == maxDepth {
			return part, p.errorf("parentheses are nested too deep")
		}
		if part.marker, err = p.marker(depth + 1); err != nil {
			return part, err
		}
		if !p.take(")") {
			return part, p.errorf("'and', 'or' or ')' is expected")
		}
		if first := part.marker.alternatives[0]; len(part.marker.alternatives) == 1 && len(first) == 1 {
			return first[0], nil // a comparison needs no parentheses
		}
		return part, nil
	}
	if part.left, err = p.operand(); err != nil {
		return part, err
	}
	p.blanks()
	if part.op, err = p.operator(); err != nil {
		return part, err
	}
	p.blanks()
	if part.right, err = p.operand(); err != nil {
		return part, err
	}
	part.normalizeExtra()
	return part, nil
}

func (p *parser) operator() (string, error) {
	for _, op := range operators {
		if p.take(op) {
			return op, nil
		}
	}
	if p.word("in") {
		return "in", nil
	}
	if p.word("not") {
		if p.blanks() && p.word("in") {
			return "not in", nil
		}
		return "", p.errorf("'in' is expected after 'not'")
	}
	return "", p.errorf("an operator is expected, one of %s, in, not in", strings.Join(operators[:], ", "))
}

// variables are the names that may stand in a marker, in all their spellings.
var variables = [...]string{
	"python_version", "python_full_version", "os_name", "os.name", "sys_platform", "sys.platform",
	"platform_release", "platform_system", "platform_version", "platform.version",
	"platform_machine", "platform.machine", "platform_python_implementation",
	"platform.python_implementation", "python_implementation", "implementation_name",
	"implementation_version", "extra", "extras", "dependency_groups",
}

func (p *parser) operand() (operand, error) {
	for _, name := range variables {
		if p.word(name) {
			name = strings.ReplaceAll(name, ".", "_")
			if name == "python_implementation" {
				name = "platform_python_implementation"
			}
			return operand{name, true}, nil
		}
	}
	for _, quote := range []string{`"`, "'"} {
		rest, found := strings.CutPrefix(p.text[p.at:], quote)
		if !found {
			continue
		}
		text, _, closed := strings.Cut(rest, quote)
		switch {
		case !closed:
			return operand{}, p.errorf("the quote is not closed")
		case strings.ContainsAny(text, "\\\n\r\x00"): // PEP 508 has no escapes
			return operand{}, p.errorf("a quoted text can't hold backslashes, line ends or zero bytes")
		}
		p.at += len(text) + 2
		return operand{text, false}, nil
	}
	return operand{}, p.errorf("a variable or a quoted text is expected")
}

// normalizeExtra normalises the name that a variable of extras is compared with.
func (p *markerPart) normalizeExtra() {
	switch {
	case p.left == operand{"extra", true} && !p.right.variable:
		p.right.text = NormalizeName(p.right.text)
	case p.left.variable || !p.right.variable:
	case p.right.text == "extra" || p.right.text == "extras" || p.right.text == "dependency_groups":
		p.left.text = NormalizeName(p.left.text)
	}
}

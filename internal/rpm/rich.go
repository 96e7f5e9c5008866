package rpm

import (
	"errors"
	"strings"
)

// Rich is a rich dependency (rpm-dependencies(7)): "(a >= 1 if (b or c))".
type Rich struct {
	Op       string // and, or, if, unless, with, without; empty: it is Relation
	Relation Relation
	Parts    []Rich // two or more; of if and unless a third one is what follows else
}

// Rich returns what a relation names. One whose name is no rich dependency, or is none that
// can be read, names itself.
func (r Relation) Rich() Rich {
	if strings.HasPrefix(r.Name, "(") {
		if rich, err := parseRich(r.Name); err == nil {
			return rich
		}
	}
	return Rich{Relation: r}
}

// maxRich is how deep parentheses may be nested.
const maxRich = 64

var errRich = errors.New("is no rich dependency")

// parseRich reads a rich dependency. A name may hold parentheses that match: pylib(foo).
func parseRich(text string) (Rich, error) {
	p := richParser{text}
	r, err := p.group(0)
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = errRich
	}
	return r, err
}

type richParser struct{ rest string }

// group reads what stands in parentheses.
func (p *richParser) group(depth int) (r Rich, err error) {
	if !p.skip("(") || depth == maxRich {
		return r, errRich
	}
	for {
		part, err := p.part(depth)
		if err != nil {
			return r, err
		}
		r.Parts = append(r.Parts, part)
		if p.skip(")") {
			break
		}
		op := p.word()
		switch {
		case r.Op == "":
			r.Op = op
		case op == r.Op && (op == "and" || op == "or" || op == "with"):
		case op == "else" && len(r.Parts) == 2 && (r.Op == "if" || r.Op == "unless"):
		default:
			return r, errRich
		}
	}
	switch r.Op {
	case "and", "or", "if", "unless", "with", "without":
		return r, nil
	case "":
		return r.Parts[0], nil
	}
	return r, errRich
}

// part reads a group, or a name with or without a version.
func (p *richParser) part(depth int) (r Rich, err error) {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if strings.HasPrefix(p.rest, "(") {
		return p.group(depth + 1)
	}
	if r.Relation.Name = p.word(); r.Relation.Name == "" {
		return r, errRich
	}
	before := *p
	flags := comparison(p.word())
	if flags == "" {
		*p = before
		return r, nil
	}
	version := ParseEVR(p.word())
	r.Relation = Relation{r.Relation.Name, flags, version.Epoch, version.Version, version.Release}
	return r, nil
}

// comparison returns the flags of a relation for an operator; empty: it is none.
func comparison(operator string) string {
	switch operator {
	case "<":
		return "LT"
	case "<=", "=<":
		return "LE"
	case "=", "==":
		return "EQ"
	case ">=", "=>":
		return "GE"
	case ">":
		return "GT"
	}
	return ""
}

// word reads up to a blank or to a parenthesis that was not opened in it.
func (p *richParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " \t")
	open := 0
	end := strings.IndexFunc(p.rest, func(c rune) bool {
		switch c {
		case '(':
			open++
		case ')':
			open--
		}
		return c == ' ' || c == '\t' || open < 0
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func (p *richParser) skip(s string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " \t"), s)
	if ok {
		p.rest = rest
	}
	return ok
}

// Relations calls yield for every relation in it.
func (r Rich) Relations(yield func(Relation)) {
	if r.Op == "" {
		yield(r.Relation)
	}
	for _, part := range r.Parts {
		part.Relations(yield)
	}
}

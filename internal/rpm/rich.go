package rpm

import (
	"errors"
	"strings"
)

// Rich is a rich dependency (rpm-dependencies(7)): "(a >= 1 if (b or c))".
type Rich struct {
	Op       string   // and, or, if, unless, with, without; empty: it is Relation
	Relation Relation // with its whole version, without an epoch of its own
	Parts    []Rich   // two or more; of if and unless a third one is what follows else
}

// IsRich reports whether the name of a relation is a rich dependency.
func IsRich(name string) bool { return strings.HasPrefix(name, "(") }

// maxRich is how deep parentheses may be nested.
const maxRich = 64

var errRich = errors.New("is no rich dependency")

// ParseRich reads a rich dependency. A name may hold parentheses that match: pylib(foo).
func ParseRich(text string) (Rich, error) {
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
	flags := map[string]string{"<": "LT", "<=": "LE", "=<": "LE", "=": "EQ", "==": "EQ", ">=": "GE", "=>": "GE", ">": "GT"}
	before := *p
	if flag, compares := flags[p.word()]; compares {
		version := ParseEVR(p.word())
		r.Relation.Flags, r.Relation.Epoch, r.Relation.Version, r.Relation.Release = flag, version.Epoch, version.Version, version.Release
	} else {
		*p = before
	}
	return r, nil
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

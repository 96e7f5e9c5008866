package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pair is a key of a map with its value.
type pair struct {
	name  string
	line  int
	value *yaml.Node
}

// follow leads from a node to what it stands for: nil for an empty value and null.
func follow(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	return n
}

// pairs lists the keys of a map, those of merged maps (<<) behind its own.
func (d *decoder) pairs(n *yaml.Node, key string) (list []pair) {
	seen := map[string]int{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		for name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		switch first := seen[name.Value]; {
		case name.Kind != yaml.ScalarNode:
			d.mistake(key, name.Line, errors.New("a key has to be a plain word"))
			continue
		case name.Tag == "!!merge":
			merged = append(merged, value)
			continue
		case first > 0:
			twice := &Mistake{Key: join(key, printable(name.Value)), Err: fmt.Errorf("set twice; the first is in line %d", first), line: name.Line, Place: d.report.place(name.Line)}
			d.report.add(fmt.Sprintf("%s, line %d", twice.Key, name.Line), twice)
			continue
		}
		seen[name.Value] = name.Line
		list = append(list, pair{name.Value, name.Line, value})
	}
	for _, m := range merged {
		for _, p := range d.merged(m, key) {
			if seen[p.name] == 0 {
				seen[p.name] = p.line
				list = append(list, p)
			}
		}
	}
	return list
}

// merged lists the keys of a map behind <<, or of a list of maps.
func (d *decoder) merged(n *yaml.Node, key string) (list []pair) {
	at := n.Line
	n = follow(n)
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		return d.pairs(n, key)
	case n.Kind == yaml.SequenceNode:
		for _, m := range n.Content {
			list = append(list, d.merged(m, key)...)
		}
	default:
		d.mistake(key, at, errors.New("<< stands for keys, or a list of them"))
	}
	return list
}

// plain is a value as strings, lists and maps.
func (d *decoder) plain(n *yaml.Node, key string) any {
	n = follow(n)
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		for _, entry := range n.Content {
			list = append(list, d.plain(entry, key))
		}
		return list
	case n.Kind == yaml.MappingNode:
		fields := map[string]any{}
		for _, p := range d.pairs(n, key) {
			d.report.lines[join(key, p.name)] = p.line
			fields[p.name] = d.plain(p.value, join(key, p.name))
		}
		return fields
	}
	return n.Value
}

// scalar checks that a node is a single value.
func scalar(n *yaml.Node) error {
	switch {
	case n.Kind != yaml.ScalarNode:
		return fmt.Errorf("is %s, and has to be a single value", kind(n))
	case n.Style&yaml.TaggedStyle != 0 && n.Tag != "!!str":
		return errors.New("has a tag (!…), which means nothing here")
	}
	return nil
}

// flow is a plain value on one line.
func flow(value any) string {
	var parts []string
	switch value := value.(type) {
	case nil:
		return ""
	case []any:
		for _, v := range value {
			parts = append(parts, flow(v))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			parts = append(parts, name+": "+flow(value[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(value)
}

// kind is what a node is, in words.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map of keys"
	}
	return "a single value"
}

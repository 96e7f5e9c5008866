package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/asof/asof/internal/option"
)

// Variant is a struct with a setting, type, on which depends what other settings there
// are.
type Variant interface {
	// Types lists the types.
	Types() []string
	// Options is a pointer to the settings of a type, which become settings of the
	// struct; nil if there is no such type.
	Options(typ string) any
}

// Above is what stands above the file. It returns the text of a single value that a
// variable or flag sets, and that one's name.
type Above func(key string) (text, name string, ok bool)

// Decode reads a file into a struct, with what stands above it. A key that is wrong keeps
// its default. name is the file's in messages; nil data is a file that is not there.
func Decode(name string, data []byte, into any, above Above) *Report {
	d := &decoder{report: newReport(name), above: above}
	root, line, err := parse(data)
	if err != nil {
		d.mistake("", line, err)
	}
	v := reflect.ValueOf(into).Elem()
	single, other := Keys(v.Type())
	d.known = append(single, other...)
	d.structure(root, v, "", above != nil)
	return d.report
}

type decoder struct {
	report *Report
	above  Above
	known  []string // all keys that are in no list
}

// mistake adds a mistake in a line of the file.
func (d *decoder) mistake(key string, line int, err error) {
	m := &Mistake{Key: key, Err: err, line: line, Place: d.report.place(line)}
	d.report.add(key, m)
}

// structure reads a map into a struct. In lists nothing stands above.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, key string, above bool) {
	var pairs []pair
	if n = follow(n); n != nil && n.Kind == yaml.MappingNode {
		pairs = d.pairs(n, key)
	} else if n != nil {
		d.mistake(key, n.Line, fmt.Errorf("is %s, and has to be a map of keys (key: value)", kind(n)))
	}
	fields := option.Fields(v.Type())
	values := make([]reflect.Value, len(fields))
	for i, f := range fields {
		values[i] = v.FieldByIndex(f.Index)
	}
	complete := n == nil || n.Kind == yaml.MappingNode
	if variant, ok := v.Addr().Interface().(Variant); ok && complete {
		options := d.variant(variant, pairs, key)
		if complete = options != nil; complete {
			inner := reflect.ValueOf(options).Elem()
			for _, f := range option.Fields(inner.Type()) {
				fields, values = append(fields, f), append(values, inner.FieldByIndex(f.Index))
			}
		}
	}
	nodes := map[string]*yaml.Node{}
	for _, p := range pairs {
		d.report.lines[join(key, p.name)] = p.line
		nodes[p.name] = p.value
	}
	if complete {
		d.unknown(pairs, fields, key)
	}
	for i, f := range fields {
		d.field(nodes[f.Name], f, values[i], join(key, f.Name), above)
	}
}

// variant is the settings of the type that the pairs name; nil: it is missing or wrong.
func (d *decoder) variant(v Variant, pairs []pair, key string) any {
	known := v.Types()
	key = join(key, "type")
	for _, p := range pairs {
		if p.name != "type" {
			continue
		}
		n := follow(p.value)
		if n == nil || n.Kind != yaml.ScalarNode {
			break
		}
		options := v.Options(n.Value)
		if options == nil {
			f := option.Field{Allowed: option.Allowed(strings.Join(known, ", "))}
			d.mistake(key, p.line, f.Parse(n.Value, reflect.New(reflect.TypeFor[string]()).Elem()))
		}
		return options
	}
	d.report.Mistake(key, fmt.Errorf("missing; allowed: %s", strings.Join(known, ", ")), "")
	return nil
}

// unknown finds keys that are no settings.
func (d *decoder) unknown(pairs []pair, fields []option.Field, key string) {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	for _, p := range pairs {
		if slices.Contains(names, p.name) {
			continue
		}
		hint := "known are " + strings.Join(names, ", ")
		if near := option.Nearest(p.name, names); near != "" {
			hint = "did you mean " + near
			if !slices.ContainsFunc(pairs, func(p pair) bool { return p.name == near }) {
				d.report.wrong[join(key, near)] = true // it is not missing
			}
		} else if i := slices.IndexFunc(d.known, func(k string) bool { return strings.HasSuffix(k, "."+p.name) || k == p.name }); i >= 0 {
			hint = "this key belongs elsewhere, as " + d.known[i]
		}
		name := join(key, printable(p.name))
		d.report.add(name, &Mistake{Key: name, Err: errors.New("unknown key"), hint: hint, line: p.line, Place: d.report.place(p.line)})
	}
}

// field reads one setting.
func (d *decoder) field(n *yaml.Node, f option.Field, v reflect.Value, key string, above bool) {
	t := f.Type
	switch {
	case t.Kind() == reflect.Struct:
		d.structure(n, v, key, above)
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		if follow(n) != nil {
			v.Set(reflect.New(t.Elem()))
			d.structure(n, v.Elem(), key, false)
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		d.structures(n, v, key)
	case t.Kind() == reflect.Slice:
		d.list(n, f, v, key)
	case t.Kind() == reflect.Map:
		d.words(n, f, v, key)
	case t.Kind() == reflect.Interface:
		value := d.plain(n, key)
		if value != nil {
			v.Set(reflect.ValueOf(value))
		}
		d.note(key, flow(value))
	default:
		d.single(n, f, v, key, above)
	}
}

// single reads a single value. A pointer stays nil where nothing is set, so that whoever
// takes it can tell the default from what somebody wrote.
func (d *decoder) single(n *yaml.Node, f option.Field, v reflect.Value, key string, above bool) {
	text := f.Default
	if text != "" && v.Kind() != reflect.Pointer {
		_ = f.Parse(text, v) // a test checks all defaults
	} else if v.Kind() == reflect.Bool {
		text = "false"
	}
	if n = follow(n); n != nil {
		if err := scalar(n); err != nil {
			d.report.Mistake(key, err, "")
		} else if err := f.Parse(n.Value, v); err != nil {
			d.report.Mistake(key, err, "")
		}
		text = n.Value
	}
	if above {
		if over, name, ok := d.above(key); ok {
			d.report.above[key], text = name, over
			delete(d.report.wrong, key) // its value in the file is another place
			if err := f.Parse(over, v); err != nil {
				d.report.Mistake(key, err, "")
			}
		}
	}
	d.noteSecret(f, key, text)
}

// list reads a list of single values. A single value is a list of one.
func (d *decoder) list(n *yaml.Node, f option.Field, v reflect.Value, key string) {
	var entries []*yaml.Node
	if n = follow(n); n == nil {
	} else if n.Kind == yaml.SequenceNode {
		entries = n.Content
	} else {
		entries = []*yaml.Node{n}
	}
	var texts []string
	for i, entry := range entries {
		at := key
		if n.Kind == yaml.SequenceNode {
			at = fmt.Sprintf("%s[%d]", key, i)
			d.report.lines[at] = entry.Line
		}
		entry = follow(entry)
		value := reflect.New(f.Type.Elem()).Elem()
		if entry == nil {
			d.report.Mistake(at, errors.New("is empty"), "")
		} else if err := scalar(entry); err != nil {
			d.report.Mistake(at, err, "")
		} else if err := f.Parse(entry.Value, value); err != nil {
			d.report.Mistake(at, err, "")
		} else {
			v.Set(reflect.Append(v, value))
			texts = append(texts, option.Redact(entry.Value))
		}
	}
	d.noteSecret(f, key, strings.Join(texts, ", "))
}

// words reads a map of strings.
func (d *decoder) words(n *yaml.Node, f option.Field, v reflect.Value, key string) {
	if n = follow(n); n == nil {
		d.note(key, "")
		return
	} else if n.Kind != yaml.MappingNode {
		d.mistake(key, n.Line, fmt.Errorf("is %s, and has to be a map of keys (name: value)", kind(n)))
		return
	}
	all := map[string]string{}
	for _, p := range d.pairs(n, key) {
		at := join(key, printable(p.name))
		d.report.lines[at] = p.line
		value := follow(p.value)
		if value == nil {
			all[p.name] = ""
		} else if err := scalar(value); err != nil {
			d.report.Mistake(at, err, "")
		} else {
			all[p.name] = value.Value
		}
	}
	v.Set(reflect.ValueOf(all))
	d.noteSecret(f, key, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

// structures reads a list of maps.
func (d *decoder) structures(n *yaml.Node, v reflect.Value, key string) {
	if n = follow(n); n == nil {
		d.note(key, "")
		return
	} else if n.Kind != yaml.SequenceNode {
		d.mistake(key, n.Line, fmt.Errorf("is %s, and has to be a list (- …)", kind(n)))
		return
	}
	for i, entry := range n.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		d.report.lines[at] = entry.Line
		value := reflect.New(v.Type().Elem()).Elem()
		d.structure(entry, value, at, false)
		v.Set(reflect.Append(v, value))
	}
}

// note remembers a setting to show.
func (d *decoder) note(key, text string) {
	text = option.Redact(text)
	if strings.ContainsFunc(text, unicode.IsControl) {
		text = fmt.Sprintf("%q", text)
	}
	d.report.Settings = append(d.report.Settings, Setting{key, text, d.report.from(key)})
}

func (d *decoder) noteSecret(f option.Field, key, text string) {
	if f.Secret && text != "" {
		text = "(not shown)"
	}
	d.note(key, text)
}

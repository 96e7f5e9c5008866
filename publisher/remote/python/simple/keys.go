package simple

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"unicode/utf8"
)

// object is one of JSON, of which keys are taken until unknown ones are left. A name has to
// match to the letter, which a struct of encoding/json does not ask for.
type object map[string]json.RawMessage

// read reads a key's value.
func (o object) read(dec *json.Decoder, key string) error {
	limit := maxValue
	if key == "versions" {
		limit = 64 * MaxFiles
	}
	var text json.RawMessage
	if err := dec.Decode(&text); err != nil {
		return noJSON(err)
	}
	switch {
	case len(text) > limit:
		return fmt.Errorf("has a key %.80q with more than %d bytes", key, limit)
	case len(o) == maxKeys:
		return fmt.Errorf("has more than %d keys", maxKeys)
	case !utf8.Valid(text) || !utf8.ValidString(key):
		return fmt.Errorf("has a key %.80q that is no UTF-8", key)
	}
	o[key] = text
	return nil
}

// take reads a key's value and removes the key. null is like no key.
func (o object) take(key string, into any) (there bool, err error) {
	text, there := o[key]
	delete(o, key)
	if !there || string(text) == "null" {
		return false, nil
	}
	return true, json.Unmarshal(text, into)
}

// take is object.take for a key that can be left out. of names what has the key.
func (p *reading) take(o object, key, of string, into any) bool {
	there, err := o.take(key, into)
	if err != nil {
		p.wrong(key, of)
	}
	return there && err == nil
}

func (p *reading) wrong(key, of string) {
	if of != "" {
		key += " of " + of
	}
	p.note("left out: values of a wrong type", key)
}

// strings takes a list of texts.
func (p *reading) strings(o object, key string) []string {
	var list []string
	if !p.take(o, key, "", &list) {
		return nil
	}
	if slices.Contains(list, "") || len(list) > cmp.Or(p.from.most, MaxFiles) {
		p.wrong(key, "")
		return nil
	}
	return list
}

// digests takes an object of texts.
func (p *reading) digests(f *File, o object, key string) iter.Seq2[string, string] {
	var values object
	p.take(o, key, f.Name, &values)
	return p.texts(values, f.Name)
}

// texts are an object's values, in the order of their keys.
func (p *reading) texts(o object, of string) iter.Seq2[string, string] {
	return func(yield func(key, text string) bool) {
		for _, key := range slices.Sorted(maps.Keys(o)) {
			if text := ""; p.take(o, key, of, &text) && !yield(key, text) {
				return
			}
		}
	}
}

// rest are the keys that were not taken, each value in the one form for what it says. A key
// that only counts changes is left out.
func (o object) rest() (map[string]json.RawMessage, error) {
	delete(o, "_last-serial")
	if len(o) == 0 {
		return nil, nil
	}
	for key, text := range o {
		canonical, err := canonical(text)
		if err != nil {
			return nil, fmt.Errorf("key %.80q %w", key, err)
		}
		o[key] = canonical
	}
	return o, nil
}

// Bounds of what this package does not know. Python's JSON fails above.
const (
	maxDepth  = 64
	maxNumber = 100 // bytes
)

// canonical writes a value with sorted keys and without blanks. Numbers stay as they are.
func canonical(text json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	if err := checkValue(value, 0); err != nil {
		return nil, err
	}
	return encode(value)
}

func checkValue(value any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("is nested more than %d deep", maxDepth)
	}
	switch v := value.(type) {
	case json.Number:
		if len(v) > maxNumber {
			return fmt.Errorf("holds a number of more than %d digits", maxNumber)
		}
	case []any:
		for _, element := range v {
			if err := checkValue(element, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, element := range v {
			if err := checkValue(element, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// encode is json.Marshal, but leaves <, > and & as they are.
func encode(value any) (json.RawMessage, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

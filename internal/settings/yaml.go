package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxFile is the most bytes that a configuration file may have.
const MaxFile = 8 << 20

// parse reads the one document of a file; nil: it is empty. A mistake has its line, or 0.
func parse(data []byte) (root *yaml.Node, line int, err error) {
	if len(data) > MaxFile {
		return nil, 0, fmt.Errorf("has more than %d MiB", MaxFile>>20)
	}
	if i := invalid(data); i >= 0 {
		return nil, 1 + bytes.Count(data[:i], []byte("\n")), errors.New("is not text in UTF-8")
	}
	documents := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	switch err := documents.Decode(&first); {
	case errors.Is(err, io.EOF):
		return nil, 0, nil
	case err != nil:
		line, text := explain(data, err)
		return nil, line, errors.New(text)
	}
	switch err := documents.Decode(&second); {
	case err == nil:
		return nil, second.Line, errors.New("a second document begins here; a configuration is one")
	case !errors.Is(err, io.EOF):
		line, text := explain(data, err)
		return nil, line, errors.New(text)
	}
	if len(first.Content) == 0 {
		return nil, 0, nil
	}
	line, err = checkAnchors(first.Content[0])
	if err != nil {
		return nil, line, err
	}
	return first.Content[0], 0, nil
}

// maxValues is how many values a file may have, if each use of an anchor counts.
const maxValues = 1_000_000

// checkAnchors refuses anchors that hold themselves, or that make too much of a small file.
func checkAnchors(root *yaml.Node) (line int, err error) {
	sizes := map[*yaml.Node]int{} // -1 while it is being counted
	var count func(*yaml.Node) int
	count = func(n *yaml.Node) int {
		size, known := sizes[n]
		if known && size < 0 {
			line, err = n.Line, errors.New("an anchor (&) that holds itself (*)")
		}
		if known {
			return size
		}
		sizes[n] = -1
		size = 1
		if n.Kind == yaml.AliasNode {
			size += count(n.Alias)
		}
		for _, inner := range n.Content {
			size = min(size+count(inner), maxValues+1)
		}
		sizes[n] = size
		return size
	}
	if size := count(root); err == nil && size > maxValues {
		err = fmt.Errorf("has more than %d values, if each use of an anchor counts", maxValues)
	}
	return line, err
}

// invalid is where data stops to be UTF-8; -1: nowhere.
func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// explain says in plain words where and why a file is not YAML.
func explain(data []byte, err error) (line int, text string) {
	line, said := locate(data, err)
	lines := bytes.Split(data, []byte("\n"))
	if line >= 1 && line <= len(lines) {
		text := string(lines[line-1])
		if blanks := text[:len(text)-len(strings.TrimLeft(text, " \t"))]; strings.Contains(blanks, "\t") {
			return line, "a tab in the indentation; YAML takes blanks only"
		}
	}
	for _, known := range [][2]string{
		{"cannot start any token", "a value can't begin with @, `, % or a tab; put it in quotes"},
		{"mapping values are not allowed", "a colon where no key can be: check the indentation, or put the value in quotes"},
		{"did not find expected key", "no key where one has to be: check the indentation"},
		{"did not find expected '-' indicator", "no entry of the list, which begins with -: check the indentation"},
		{"did not find expected ',' or ']'", "a list in [ ] lacks a comma or its end"},
		{"did not find expected ',' or '}'", "keys in { } lack a comma or their end"},
		{"did not find expected node content", "a value is missing, or a list in [ ] or keys in { } have no end"},
		{"could not find expected ':'", "a key without a colon"},
		{"unexpected end of stream", "a quote that is not closed"},
		{"unexpected document indicator", "a quote that is not closed"},
		{"escape", "a backslash in double quotes that means nothing; use single quotes"},
		{"hexdecimal", "a backslash in double quotes that means nothing; use single quotes"},
		{"tab character", "a tab in the indentation; YAML takes blanks only"},
		{"block sequence entries", "a list can't begin here: write each - in a line of its own"},
		{"block mapping", "a key can't be here: check the indentation"},
		{"unknown anchor", "a * that refers to no & above it"},
		{"<document start>", "text that belongs to nothing: check the indentation"},
		{"control characters", "a control character"},
		{"YAML document", "a line that begins with %; leave it out"},
		{"directive", "a line that begins with %; leave it out"},
		{"max depth", "nested too deeply"},
	} {
		if strings.Contains(said, known[0]) {
			return line, known[1]
		}
	}
	return line, "this is not YAML"
}

// locate finds the first line with which the file has the mistake: the parser often names
// an earlier one, in which the list or map around it begins.
func locate(data []byte, err error) (line int, said string) {
	const most = 1000 // lines that are tried
	line, said = lineIn(err)
	if len(data) > 1<<18 {
		return line, said
	}
	end := 0
	for n := 1; end < len(data) && n < line+most; n++ {
		next := bytes.IndexByte(data[end:], '\n')
		if next < 0 {
			break
		}
		end += next + 1
		if n < line {
			continue
		}
		var ignored yaml.Node
		if err := yaml.Unmarshal(data[:end], &ignored); err == nil {
			continue
		} else if _, same := lineIn(err); same == said {
			return n, said
		}
	}
	return max(line, 1), said
}

// lineIn takes the message of the parser apart.
func lineIn(err error) (line int, said string) {
	m := regexp.MustCompile(`^yaml: (?:line (\d+): )?`).FindStringSubmatch(err.Error())
	if m == nil {
		return 0, err.Error()
	}
	line, _ = strconv.Atoi(m[1])
	return line, err.Error()[len(m[0]):]
}

package settings

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/option"
)

type box struct {
	Kind string `yaml:"type"`
	At   any    `yaml:"at"`

	options any
}

type boxed struct {
	URL     string            `yaml:"url"`
	Timeout time.Duration     `yaml:"timeout" default:"1s" allowed:"1ms to 1h"`
	Names   []string          `yaml:"names"`
	Headers map[string]string `yaml:"headers" secret:"true"`
	Flag    *bool             `yaml:"flag" default:"true"`
}

func (b *box) Types() []string { return []string{"a", "file"} }

func (b *box) Options(typ string) any {
	if typ == "file" {
		b.options = new(boxed)
	}
	return b.options
}

type sample struct {
	Store string `yaml:"store"`
	Count int    `yaml:"count" default:"3" allowed:"1 to 9"`
	Serve struct {
		Listen  string        `yaml:"listen" default:":80"`
		Refresh time.Duration `yaml:"refresh" default:"5s" allowed:"50ms to 1h"`
		Cache   option.Size   `yaml:"cache" default:"64MiB" allowed:"0, 1KiB to 1TiB"`
		Auth    []struct {
			User string `yaml:"user"`
			Hash string `yaml:"hash" secret:"true"`
		} `yaml:"auth"`
	} `yaml:"serve"`
	Repos []struct {
		Name string `yaml:"name"`
		Box  *box   `yaml:"box"`
	} `yaml:"repos"`
}

func said(r *Report) string {
	var b strings.Builder
	list, more := r.Mistakes()
	for _, m := range list {
		fmt.Fprintf(&b, "%v", m)
		if m.Hint() != "" {
			fmt.Fprintf(&b, " (%s)", m.Hint())
		}
		b.WriteString("\n")
	}
	if more > 0 {
		fmt.Fprintf(&b, "%d more\n", more)
	}
	return b.String()
}

// Each mistake in a file has its line, its key and what to do. All are found at once.
func TestMistakes(t *testing.T) {
	for file, want := range map[string]string{
		"":                           "",
		"# nothing\n":                "",
		"---\n":                      "",
		"null\n":                     "",
		"store:\ncount: ~\n":         "",
		"\ufeffstore: x\n":           "",
		"store: x\n...\n":            "",
		"%YAML 1.2\n---\nstore: x\n": "f:1: a line that begins with %; leave it out\n",

		"stor: x\n":                           "f:1: stor: unknown key (did you mean store)\n",
		"u: x\n":                              "f:1: u: unknown key (known are count, repos, serve, store)\n",
		"\n\nserve: {liste: x, refresh: 5}\n": "f:3: serve.liste: unknown key (did you mean listen)\nf:3: serve.refresh: is 5, without a unit; allowed: 50ms to 1h (for instance 5s)\n",
		"listen: x\n":                         "f:1: listen: unknown key (this key belongs elsewhere, as serve.listen)\n",
		"store: [a]\nstor: x\n":               "f:1: store: is a list, and has to be a single value\nf:2: stor: unknown key (did you mean store)\n",
		"store: {a: b}\n":                     "f:1: store: is a map of keys, and has to be a single value\n",
		"count: 10\nstore: x\ncount: 2\n":     "f:1: count: is 10; allowed: 1 to 9\nf:3: count: set twice; the first is in line 1\n",
		"serve: 7\n":                          "f:1: serve: is a single value, and has to be a map of keys (key: value)\n",
		"serve: [a]\n":                        "f:1: serve: is a list, and has to be a map of keys (key: value)\n",
		"repos: {name: a}\n":                  "f:1: repos: is a map of keys, and has to be a list (- …)\n",
		"repos: [a]\n":                        "f:1: repos[0]: is a single value, and has to be a map of keys (key: value)\n",
		"- a\n":                               "f:1: is a list, and has to be a map of keys (key: value)\n",
		"hello\n":                             "f:1: is a single value, and has to be a map of keys (key: value)\n",
		"[a]: b\n":                            "f:1: a key has to be a plain word\n",
		"store: !!binary aGVsbG8=\n":          "f:1: store: has a tag (!…), which means nothing here\n",
		"store: !x y\n":                       "f:1: store: has a tag (!…), which means nothing here\n",
		"\"a b\\n\": x\n":                     "f:1: \"a b\\n\": unknown key (known are count, repos, serve, store)\n",
		"https://me:hunter2@host: x\n":        "f:1: \"https://…@host\": unknown key (known are count, repos, serve, store)\n",

		"repos:\n- name: a\n  box: {}\n":              "f:3: repos[0].box.type: missing; allowed: a, file\n",
		"repos:\n- name: a\n  box: {type: flie}\n":    "f:3: repos[0].box.type: is \"flie\"; allowed: a, file (did you mean file)\n",
		"repos:\n- name: a\n  box: {type: b, x: y}\n": "f:3: repos[0].box.type: is \"b\"; allowed: a, file\n",
		"repos:\n- name: a\n  box:\n    type: file\n    urll: x\n    timeout: 0\n    names: {a: b}\n    flag: yes\n": "f:5: repos[0].box.urll: unknown key (did you mean url)\nf:6: repos[0].box.timeout: is 0; allowed: 1ms to 1h (for instance 1s)\n" +
			"f:7: repos[0].box.names: is a map of keys, and has to be a single value\nf:8: repos[0].box.flag: is \"yes\", neither true nor false (write true)\n",
		"repos:\n- box: {type: file, names: [a, [b], ~]}\n":   "f:2: repos[0].box.names[1]: is a list, and has to be a single value\nf:2: repos[0].box.names[2]: is empty\n",
		"repos:\n- box: {type: file, headers: [a]}\n":         "f:2: repos[0].box.headers: is a list, and has to be a map of keys (name: value)\n",
		"repos:\n- box: {type: file, headers: {a: {b: c}}}\n": "f:2: repos[0].box.headers.a: is a map of keys, and has to be a single value\n",
		"serve: {auth: [{user: a, password: hunter2}]}\n":     "f:1: serve.auth[0].password: unknown key (known are hash, user)\n",

		"a: &a {<<: *a}\n":                "f:1: an anchor (&) that holds itself (*)\n",
		"serve: &a {<<: *a, listen: x}\n": "f:1: an anchor (&) that holds itself (*)\n",
		"serve: {<<: 7}\n":                "f:1: serve: << stands for keys, or a list of them\n",
		bomb():                            "f: has more than 1000000 values, if each use of an anchor counts\n",

		"store: a\n\tcount: 2\n":                 "f:2: a tab in the indentation; YAML takes blanks only\n",
		"serve:\n\tlisten: x\n":                  "f:2: a tab in the indentation; YAML takes blanks only\n",
		"store: a\n  count: 2\n":                 "f:2: a colon where no key can be: check the indentation, or put the value in quotes\n",
		"serve:\n    listen: a\n  refresh: 5s\n": "f:3: no key where one has to be: check the indentation\n",
		"repos:\n- name: a\n name: b\n":          "f:3: no key where one has to be: check the indentation\n",
		"store: ./data\nrepos: [\n":              "f:2: a value is missing, or a list in [ ] or keys in { } have no end\n",
		"store: ./data\nrepos: [a\nb: c\n":       "f:2: a list in [ ] lacks a comma or its end\n",
		"store: \"a\ncount: 2\n":                 "f:3: a quote that is not closed\n",
		"store: @a\n":                            "f:1: a value can't begin with @, `, % or a tab; put it in quotes\n",
		"store: \"a\\q\"\n":                      "f:1: a backslash in double quotes that means nothing; use single quotes\n",
		"store: *a\n":                            "f:1: a * that refers to no & above it\n",
		"store: a\n---\nstore: b\n":              "f:2: a second document begins here; a configuration is one\n",
		"store: a\nb: \xff\n":                    "f:2: is not text in UTF-8\n",
		"store: a\x00\n":                         "f:1: a control character\n",
		"\xff\xfes\x00t\x00":                     "f:1: is not text in UTF-8\n",
		strings.Repeat("[", 20_000):              "f:1: nested too deeply\n",
		strings.Repeat("#", MaxFile+1):           "f: has more than 8 MiB\n",
	} {
		if got := said(Decode("f", []byte(file), new(sample), nil)); got != want {
			t.Errorf("%.200q:\ngot  %swant %s", file, got, want)
		}
	}
}

// bomb is a file of 10 lines that stands for ten thousand million values.
func bomb() string {
	text := "repos:\n- box:\n    type: file\n    at:\n    - &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		text += fmt.Sprintf("    - &a%d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	return text
}

// A thousand mistakes are counted, and a hundred of them shown.
func TestManyMistakes(t *testing.T) {
	var file strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&file, "key%d: x\n", i)
	}
	list, more := Decode("f", []byte(file.String()), new(sample), nil).Mistakes()
	if len(list) != 100 || more != 900 {
		t.Errorf("%d, and %d more", len(list), more)
	}
}

// Values come from the file, or from what stands above it; anchors and merges work. Where
// each is from is known, and no secret is shown.
func TestDecode(t *testing.T) {
	const file = `store: ./data
serve:
  listen: "127.0.0.1:1"
  cache: 1MiB
  auth: [{user: ci, hash: hunter2}]
repos:
- name: one
  box: &box
    type: file
    url: https://me:hunter2@host/x?sig=hunter2
    names: single
    headers: {X-Token: hunter2}
- name: two
  box:
    <<: *box
    url: https://other/
    timeout: 3s
    at: {from: 2025-03-01, list: [1, 0x2]}
`
	var got sample
	r := Decode("f", []byte(file), &got, func(key string) (string, string, bool) {
		value, ok := map[string]string{"serve.refresh": "9s", "count": "11"}[key]
		return value, "ASOF_" + strings.ToUpper(key), ok
	})
	if s := said(r); s != "ASOF_COUNT: is 11; allowed: 1 to 9\n" {
		t.Errorf("said %s", s)
	}
	one, two := got.Repos[0].Box.options.(*boxed), got.Repos[1].Box.options.(*boxed)
	if got.Store != "./data" || got.Count != 3 || got.Serve.Refresh != 9*time.Second || got.Serve.Cache != 1<<20 || got.Serve.Auth[0].Hash != "hunter2" ||
		one.URL != "https://me:hunter2@host/x?sig=hunter2" || !reflect.DeepEqual(one.Names, []string{"single"}) || one.Headers["X-Token"] != "hunter2" || one.Flag != nil || one.Timeout != time.Second ||
		two.URL != "https://other/" || two.Timeout != 3*time.Second || two.Headers["X-Token"] != "hunter2" ||
		!reflect.DeepEqual(got.Repos[1].Box.At, map[string]any{"from": "2025-03-01", "list": []any{"1", "0x2"}}) {
		t.Errorf("%+v, %+v, %+v", got, one, two)
	}
	var list strings.Builder
	for _, s := range r.Settings {
		fmt.Fprintf(&list, "%s|%s|%s\n", s.Key, s.Value, s.From)
	}
	want := `store|./data|f:1
count|11|ASOF_COUNT
serve.listen|127.0.0.1:1|f:3
serve.refresh|9s|ASOF_SERVE.REFRESH
serve.cache|1MiB|f:4
serve.auth[0].user|ci|f:5
serve.auth[0].hash|(not shown)|f:5
repos[0].name|one|f:7
repos[0].box.type|file|f:9
repos[0].box.at||default
repos[0].box.url|https://…@host/x?…|f:10
repos[0].box.timeout|1s|default
repos[0].box.names|single|f:11
repos[0].box.headers|(not shown)|f:12
repos[0].box.flag|true|default
repos[1].name|two|f:13
repos[1].box.type|file|f:9
repos[1].box.at|{from: 2025-03-01, list: [1, 0x2]}|f:18
repos[1].box.url|https://other/|f:16
repos[1].box.timeout|3s|f:17
repos[1].box.names|single|f:11
repos[1].box.headers|(not shown)|f:12
repos[1].box.flag|true|default
`
	if list.String() != want {
		t.Errorf("got\n%s", list.String())
	}
}

// A mistake that is found later has the line of its key, or of what stands around it.
func TestReport(t *testing.T) {
	r := Decode("f", []byte("serve:\n  listen: x\nrepos:\n- name: a\n"), new(sample), func(key string) (string, string, bool) { return "x", "--store", key == "store" })
	r.Mistake("repos[0].box.url", option.Errorf("a", "b"), "")
	r.Mistake("serve.listen", fmt.Errorf("c"), "hint")
	r.Mistake("serve.listen", fmt.Errorf("one mistake is enough"), "")
	r.Mistake("store", fmt.Errorf("d"), "")
	r.Options("repos[0]", option.Wrap("names[1]", fmt.Errorf("e")))
	r.Mistake("repos[0]", fmt.Errorf("holds one that is wrong"), "")
	r.Outside("ASOF_X", fmt.Errorf("f"), "")
	want := "f:2: serve.listen: c (hint)\nf:4: repos[0].box.url: a: b\nf:4: repos[0].names[1]: e\n--store: d\nASOF_X: f\n"
	if got := said(r); got != want {
		t.Errorf("got %s", got)
	}
	single, other := Keys(reflect.TypeFor[sample]())
	if fmt.Sprint(single, other) != "[store count serve.listen serve.refresh serve.cache] [serve serve.auth repos]" {
		t.Error(single, other)
	}
}

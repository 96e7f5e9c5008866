package manifest

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func validators() Validators {
	return Validators{
		{Path: "dists/a/InRelease", SHA256: Sum([]byte("a")), URL: Sum([]byte("https://h/a")), ETag: `"<x>"`},
		{Path: "dists/b/InRelease", SHA256: Sum([]byte("b")), URL: Sum([]byte("https://h/b")), Modified: 63877903418},
	}
}

func TestValidators(t *testing.T) {
	const none = "{\"format\":\"asof.validators/1\",\n\"documents\":[]}\n"
	want := validators()
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for _, tt := range []struct{ name, in, err string }{
		{"good", good, ""},
		{"none", none, ""},
		{"nothing", "", `it does not begin with {"format":"asof.validators/1"`},
		{"next format", strings.Replace(good, "/1", "/2", 1), `a later version of asof wrote it: format is "asof.validators/2", this version reads asof.validators/1`},
		{"head", strings.Replace(none, `/1"`, `/1","x":1`, 1), `line 1: json: unknown field "x"`},
		{"unknown", strings.Replace(good, `"url"`, `"x":1,"url"`, 1), `line 3: json: unknown field "x"`},
		{"space", strings.Replace(good, `"url":`, `"url": `, 1), "line 3: not in canonical form"},
		{"order", strings.Replace(good, "dists/a/", "dists/c/", 1), `path "dists/b/InRelease" is out of order`},
		{"twice", strings.Replace(good, "dists/a/", "dists/b/", 1), `path "dists/b/InRelease" is out of order`},
		{"path", strings.Replace(good, "dists/a/", "../", 1), `path "../InRelease" holds the segment ".."`},
		{"both", strings.Replace(good, `"modified"`, `"etag":"\"x\"","modified"`, 1), `path "dists/b/InRelease": needs either an ETag or a time`},
		{"neither", strings.Replace(good, `,"modified":"20250318T140338Z"`, "", 1), `path "dists/b/InRelease": needs either an ETag or a time`},
		{"weak", strings.Replace(good, `"\"`, `"W/\"`, 1), `path "dists/a/InRelease": "W/\"<x>\"" is not a strong ETag`},
		{"no end", strings.TrimSuffix(good, "]}\n"), "line 4: the document is cut off"},
		{"trailing", good + "x", "line 5: data behind the document's end"},
		{"huge", good + strings.Repeat(" ", MaxValidators), "larger than 16777216 bytes"},
	} {
		if tt.err != "" {
			tt.err = "validators: " + tt.err
		}
		got, err := ParseValidators([]byte(tt.in))
		checkError(t, tt.name, err, tt.err)
		if tt.name == "good" && !reflect.DeepEqual(got, want) || err != nil && got != nil {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	if _, err := (Validators{{Path: "a", Modified: MaxID + 1}}).Encode(); err == nil {
		t.Error("a time without a text form passes")
	}
}

func TestCheckETag(t *testing.T) {
	for etag, want := range map[string]string{
		`""`:                           "",
		`"x"`:                          "",
		"":                             `"" is not a strong ETag`,
		`"`:                            `"\"" is not a strong ETag`,
		`x`:                            `"x" is not a strong ETag`,
		`*`:                            `"*" is not a strong ETag`,
		`W/"x"`:                        `"W/\"x\"" is not a strong ETag`,
		`"a", "b"`:                     `"\"a\", \"b\"" is not a strong ETag`,
		"\"\x80\"":                     `"\"\x80\"" is not a strong ETag`,
		"\"\r\n\"":                     `"\"\r\n\"" is not a strong ETag`,
		strings.Repeat(`"`, MaxETag+1): "an ETag of more than 256 bytes",
	} {
		checkError(t, etag, CheckETag(etag), want)
	}
}

func FuzzParseValidators(f *testing.F) {
	b, err := validators().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("{\"format\":\"asof.validators/1\",\n\"documents\":[\n{},\n{}]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseValidators(data)
		if err != nil {
			return
		}
		if again, err := v.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and printed as %q, %v", data, again, err)
		}
	})
}

package manifest

import (
	"math"
	"testing"
)

func TestAppendHeadFails(t *testing.T) {
	if _, err := appendHead(nil, math.NaN()); err == nil {
		t.Error("a head that JSON lacks passes")
	}
}

func TestReadList(t *testing.T) {
	type pair struct {
		A int    `json:"a"`
		B string `json:"b"`
	}
	tests := []struct {
		in  string
		n   int
		err string
	}{
		{"\"l\":[]}\n", 0, ""},
		{"\"l\":[\n{\"a\":1,\"b\":\"\"}]}\n", 1, ""},
		{"\"l\":[\n{\"a\":1,\"b\":\"]}\"},\n{\"a\":2,\"b\":\",\"}]}\n", 2, ""}, // a string that contains what looks like an end
		{"\"l\":[\n]}\n", 0, "line 2: unexpected end of JSON input"},
		{"\"l\":[\n{\"a\":1,\"b\":\"\"},\n]}\n", 0, "line 3: unexpected end of JSON input"},
		{"\"l\":[\n{\"a\":1,\"b\":\"\"}{}]}\n", 0, "line 2: invalid character '{' after top-level value"},
		{"\"l\":[\n{\"a\":1\n", 0, "line 2: not in canonical form: neither a comma nor the list's end at its end"},
		{"\"l\":[\n{\"a\":1,\n", 0, "line 2: unexpected end of JSON input"},
		{"\"m\":[]}\n", 0, `line 1: not in canonical form: want "l":[`},
		{"", 0, "line 1: the document is cut off"},
	}
	never := func([]byte) (pair, bool) { return pair{A: 1}, false }
	for _, tt := range tests {
		list, err := readList(&document{rest: []byte(tt.in)}, "l", "}", never)
		checkError(t, tt.in, err, tt.err)
		if len(list) != tt.n {
			t.Errorf("%q: %+v", tt.in, list)
		}
	}
}

package manifest

import (
	"encoding/json"
	"strings"
	"testing"
)

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParseDigest(t *testing.T) {
	tests := []struct{ in, err string }{
		{emptySum, ""},
		{strings.Repeat("0", 64), ""},
		{"", `"" is not a SHA-256 digest (64 hexadecimal digits)`},
		{emptySum[1:], `"` + emptySum[1:] + `" is not a SHA-256 digest (64 hexadecimal digits)`},
		{emptySum + "0", `"` + emptySum + `0" is not a SHA-256 digest (64 hexadecimal digits)`},
		{strings.Repeat("x", 1000), `"` + strings.Repeat("x", 80) + `" is not a SHA-256 digest (64 hexadecimal digits)`},
		{strings.ToUpper(emptySum), `"` + strings.ToUpper(emptySum) + `" is not a SHA-256 digest (64 lower-case hexadecimal digits)`},
		{"g" + emptySum[1:], `"g` + emptySum[1:] + `" is not a SHA-256 digest (64 lower-case hexadecimal digits)`},
		{" " + emptySum[1:], `" ` + emptySum[1:] + `" is not a SHA-256 digest (64 lower-case hexadecimal digits)`},
	}
	for _, tt := range tests {
		d, err := ParseDigest(tt.in)
		checkError(t, tt.in, err, tt.err)
		if err == nil && d.String() != tt.in {
			t.Errorf("%q prints as %q", tt.in, d)
		}
		if err != nil && d != (Digest{}) {
			t.Errorf("%q: a digest beside an error", tt.in)
		}
	}
}

func TestSum(t *testing.T) {
	if got := Sum(nil).String(); got != emptySum {
		t.Errorf("Sum(nil) = %s", got)
	}
}

func TestDigestJSON(t *testing.T) {
	d := Sum([]byte("x"))
	b, err := json.Marshal(d)
	if err != nil || string(b) != `"`+d.String()+`"` {
		t.Fatalf("%s, %v", b, err)
	}
	var again Digest
	if err := json.Unmarshal(b, &again); err != nil || again != d {
		t.Fatalf("%s, %v", again, err)
	}
	if err := json.Unmarshal([]byte(`"ab"`), &again); err == nil {
		t.Error("a short digest passes")
	}
}

// checkError compares an error with its exact text; "" is no error.
func checkError(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%.100q:\n got: %s\nwant: %s", what, got, want)
	}
}

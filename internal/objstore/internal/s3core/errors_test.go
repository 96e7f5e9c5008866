package s3core

import (
	"strings"
	"testing"
)

// What a server says is told in one short line. Pages for browsers are not.
func TestFaultText(t *testing.T) {
	for _, tt := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Code: "NoSuchKey", Message: "so it is"}, "NoSuchKey: so it is"},
		{Fault{Code: "Same", Message: "Same"}, "Same"},
		{Fault{Status: 501}, "status 501 Not Implemented"},
		{Fault{Code: "501 Unsupported method ('PUT')", Message: " <!DOCTYPE HTML>\n<html>"}, "501 Unsupported method ('PUT')"},
		{Fault{Status: 404, Code: "<html>"}, "status 404 Not Found"},
		{Fault{Code: "Odd", Message: "one\r\n  two\x1b[31m\u202ethree"}, "Odd: one two [31m three"},
		{Fault{Code: "Long", Message: strings.Repeat("é", 1000)}, "Long: " + strings.Repeat("é", 200) + "…"},
	} {
		if got := tt.fault.text(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.fault, got, tt.want)
		}
	}
}

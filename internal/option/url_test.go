package option_test

import (
	"strings"
	"testing"

	"github.com/asof/asof/internal/option"
)

// Only what browsers follow, and where a path can be added, is an address for clients.
func TestPublicURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"https://example.org":         "https://example.org",
		"http://example.org:8080/a//": "http://example.org:8080/a",
		"HTTPS://example.org/a b":     "https://example.org/a%20b",
	} {
		if got, err := option.PublicURL(text); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"ftp://q/x":                "it is no http or https URL",
		"example.org":              "it is no http or https URL",
		"//example.org":            "it is no http or https URL",
		"https:///a":               "it is no http or https URL",
		"javascript:alert(1)":      "it is no http or https URL",
		"https://me:s3cr3t@x":      "it holds more than a host and a path",
		"https://x/?":              "it holds more than a host and a path",
		"https://x/?sig=s3cr3t":    "it holds more than a host and a path",
		"https://x/#s3cr3t":        "it holds more than a host and a path",
		"https://me:s3cr3t@exa mp": "it is no URL",
	} {
		got, err := option.PublicURL(text)
		if err == nil || err.Error() != want || got != "" || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %q, %v, want %s", text, got, err, want)
		}
	}
}

// A place on the web may also be a path, but nothing that browsers take for a host.
func TestWebPlace(t *testing.T) {
	for text, want := range map[string]string{"/": "/", "/pool/": "/pool/", "https://x/": "https://x", "": ""} {
		if got, err := option.WebPlace(text); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"//evil.example", "/\\evil.example", "/pool?x", "/pool#x", "ftp://q/x", "pool"} {
		if got, err := option.WebPlace(text); err == nil {
			t.Errorf("%q passes, as %q", text, got)
		}
	}
}

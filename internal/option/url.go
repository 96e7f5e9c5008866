package option

import (
	"errors"
	"net/url"
	"strings"
)

// PublicURL checks the URL of a host, and maybe a path on it, and cuts slashes off its end.
// It may be empty.
func PublicURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil: // its text may repeat a password
		return "", errors.New("it is no URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", errors.New("it is no http or https URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it holds more than a host and a path")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// WebPlace checks a PublicURL that may lack its host: a path on the one that was asked.
func WebPlace(text string) (string, error) {
	if strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		if strings.ContainsAny(text, "?#\\") {
			return "", errors.New("it holds more than a path")
		}
		return text, nil
	}
	return PublicURL(text)
}

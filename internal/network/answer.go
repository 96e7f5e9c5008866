package network

import (
	"bytes"
	"io"
	"net/http"
)

// Answered looks at an answer that may not be the server's: that of a proxy that wants
// credentials, or of a port that wants TLS. The answer can still be read. The error is nil
// for all others.
func Answered(res *http.Response) error {
	switch {
	case res.StatusCode == http.StatusProxyAuthRequired:
		return refused("", res.StatusCode)
	case res.StatusCode != http.StatusBadRequest || res.Request == nil || res.Request.URL.Scheme != "http":
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	rest := io.MultiReader(bytes.NewReader(head), res.Body)
	if err != nil {
		rest = bytes.NewReader(head)
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{rest, res.Body}
	for _, words := range []string{
		"Client sent an HTTP request to an HTTPS server", // Go, MinIO
		"The plain HTTP request was sent to HTTPS port",  // nginx
		"speaking plain HTTP to an SSL-enabled server",   // Apache
	} {
		if bytes.Contains(head, []byte(words)) {
			return ErrSpeaksTLS
		}
	}
	return nil
}

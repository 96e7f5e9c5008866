package remotetest

import (
	"net/http"
	"strconv"
)

// Fault answers one request in place of the upstream. Content is what stands
// at the path; Last-Modified is set already.
type Fault func(w http.ResponseWriter, r *http.Request, content string)

// OK answers as if there were no fault: a pause in a sequence of faults.
func OK() Fault {
	return func(w http.ResponseWriter, _ *http.Request, content string) { serve(w, content) }
}

// Status answers with a status and no body.
func Status(code int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(code) }
}

// Busy answers with a status and Retry-After: seconds or an HTTP date.
func Busy(code int, retryAfter string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(code)
	}
}

// Redirect answers with a status and a location: a path here, or a URL.
func Redirect(code int, location string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) {
		w.Header().Set("Location", location)
		w.WriteHeader(code)
	}
}

// HangUp closes the connection without an answer.
func HangUp() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	}
}

// Truncate announces the whole length, sends the first n bytes and closes the
// connection.
func Truncate(n int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, content string) {
		begin(w, content, n)
	}
}

// Stall announces the whole length, sends the first n bytes and then nothing,
// for as long as the client waits.
func Stall(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, content string) {
		begin(w, content, n)
		<-r.Context().Done()
	}
}

func begin(w http.ResponseWriter, content string, n int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write([]byte(content[:n]))
	_ = http.NewResponseController(w).Flush()
}

// Bytes sends other content, with its own length announced.
func Bytes(content string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) { serve(w, content) }
}

// Unannounced sends other content without its length.
func Unannounced(content string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) {
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write([]byte(content))
	}
}

// Endless sends the content and then zeros, for as long as the client reads.
func Endless() Fault {
	return func(w http.ResponseWriter, r *http.Request, content string) {
		_, err := w.Write([]byte(content))
		for zeros := make([]byte, 32<<10); err == nil && r.Context().Err() == nil; {
			_, err = w.Write(zeros)
		}
	}
}

package test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// carelessS3 is an S3 server without conditional writes: it stores everything,
// over whatever is there.
type carelessS3 struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (s *carelessS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodPut:
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.objects[r.URL.Path] = body
		w.Header().Set("ETag", etag(body))
	case http.MethodGet, http.MethodHead:
		if r.URL.Query().Has("list-type") { // no listing matters
			fmt.Fprint(w, `<?xml version="1.0"?><ListBucketResult/>`)
			return
		}
		body, ok := s.objects[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			if r.Method == http.MethodGet {
				fmt.Fprint(w, `<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`)
			}
			return
		}
		w.Header().Set("ETag", etag(body))
		w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
		}
	case http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	}
}

func etag(body []byte) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(body))[:32]) }

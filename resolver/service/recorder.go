package service

import (
	"io"
	"net/http"
	"time"
)

const (
	// writeTimeout is how long a client may take for stallBytes of an answer.
	// One that reads slower, below 4 KiB a second, is cut off.
	writeTimeout = time.Minute
	stallBytes   = 256 << 10
)

// recorder notes what an answer was, and gives a long one more time as long as
// the client reads it.
type recorder struct {
	http.ResponseWriter
	start  time.Time
	status int
	bytes  int64
	due    int64 // bytes at which the client gets more time
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.extend()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets a file go through sendfile, piece by piece.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	part, ok := src.(*io.LimitedReader)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	var total int64
	for part.N > 0 {
		w.extend()
		// One LimitedReader around the file, or net/http would not know it.
		piece := io.LimitedReader{R: part.R, N: min(part.N, stallBytes)}
		n, err := io.Copy(w.ResponseWriter, &piece)
		w.bytes, total, part.N = w.bytes+n, total+n, part.N-n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// extend gives the client more time once it has taken enough.
func (w *recorder) extend() {
	if w.bytes < w.due {
		return
	}
	w.due = w.bytes + stallBytes
	if w.bytes == 0 && time.Since(w.start) < writeTimeout/4 {
		return // the server's own deadline holds for the beginning
	}
	// Not all writers can: tests' can't.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

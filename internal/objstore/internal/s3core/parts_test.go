package s3core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"sync"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

func TestPartSize(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct{ total, size, want int64 }{
		{1, 16 * mib, 16 * mib},
		{100 * mib, 16 * mib, 16 * mib},
		{maxParts * 16 * mib, 16 * mib, 16 * mib},
		{maxParts*16*mib + 1, 16 * mib, 32 * mib},
		{5 << 40, 16 * mib, 528 * mib},
		{5 << 40, 1 << 30, 1 << 30},
	} {
		got := partSize(tt.total, tt.size)
		if got != tt.want {
			t.Errorf("partSize(%d, %d) is %d, want %d", tt.total, tt.size, got, tt.want)
		}
		if parts := (tt.total + got - 1) / got; parts > maxParts {
			t.Errorf("%d bytes in parts of %d are %d parts", tt.total, got, parts)
		}
	}
}

// partsAPI takes an upload and notes the signed hashes of its parts.
type partsAPI struct {
	API
	mu     sync.Mutex
	signed map[int]string
	data   map[int]string
	done   bool
}

func (a *partsAPI) Head(context.Context, string) (HeadOutput, error) {
	return HeadOutput{}, &faultError{Fault{Status: 404}}
}

func (a *partsAPI) HeadBucket(context.Context) error { return nil }

func (a *partsAPI) StartUpload(context.Context, string, Attributes) (string, error) {
	return "id", nil
}

func (a *partsAPI) PutPart(_ context.Context, _ Upload, in PartInput) (Part, error) {
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return Part{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	hash := in.Hash
	if sum := sha256.Sum256(data); hash == hex.EncodeToString(sum[:]) {
		hash = "right"
	}
	a.signed[in.Number] = hash
	a.data[in.Number] = string(data)
	return Part{Number: in.Number}, nil
}

func (a *partsAPI) FinishUpload(context.Context, Upload, []Part) error {
	a.done = true
	return nil
}

func (a *partsAPI) AbortUpload(context.Context, Upload) error { return nil }

func (a *partsAPI) Fault(err error) (Fault, bool) {
	f, ok := errors.AsType[*faultError](err)
	if !ok {
		return Fault{}, false
	}
	return f.fault, true
}

type faultError struct{ fault Fault }

func (e *faultError) Error() string { return "fault" }

// TestPartHash: parts go without a hash of their own only if nobody can change
// them on their way. The body as a whole is always checked against its digest:
// the last part of a wrong body is never sent.
func TestPartHash(t *testing.T) {
	for address, private := range map[string]bool{
		"https://store.example.org": true, "http://localhost:9000": true, "http://127.0.0.1:9000": true, "http://[::1]:9000": true,
		"http://store.example.org": false, "http://10.0.0.1:9000": false, "http://127.0.0.1.example.org": false,
	} {
		endpoint, err := url.Parse(address)
		if err != nil || Private(endpoint) != private {
			t.Errorf("%s is private: %v, %v", address, Private(endpoint), err)
		}
	}
	data := bytes.Repeat([]byte("0123456789"), 10)
	fromStart := objstore.Body{Size: 100, SHA256: sha256.Sum256(data), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
	for private, want := range map[bool]string{true: Unsigned, false: "right"} {
		opts, err := Options{Bucket: "b", PutLimit: 1, PartSize: 40}.Complete("test")
		if err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]objstore.Body{"from its start": fromStart, "from anywhere": objstore.Bytes(data)} {
			api := &partsAPI{signed: map[int]string{}, data: map[int]string{}}
			s := New(api, opts, Server{Private: private})
			if err := s.Create(t.Context(), "k", body, objstore.Attributes{}); err != nil || !api.done {
				t.Fatal(err)
			}
			if len(api.signed) != 3 || api.signed[1] != want || api.signed[2] != want || api.signed[3] != want {
				t.Errorf("private %v, read %s: parts were signed for %v", private, name, api.signed)
			}
			if got := api.data[1] + api.data[2] + api.data[3]; got != string(data) || len(api.data[1]) != 40 || len(api.data[2]) != 40 {
				t.Errorf("private %v, read %s: parts are %v", private, name, api.data)
			}
		}
		api := &partsAPI{signed: map[int]string{}, data: map[int]string{}}
		wrong := fromStart
		wrong.SHA256[0]++
		err = New(api, opts, Server{Private: private}).Create(t.Context(), "k", wrong, objstore.Attributes{})
		if !errors.Is(err, objstore.ErrMismatch) || api.done || api.signed[3] != "" {
			t.Errorf("private %v: wrong bytes give %v, finished %v, parts %v", private, err, api.done, api.signed)
		}
	}
}

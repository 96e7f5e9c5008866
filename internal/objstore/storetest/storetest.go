// Package storetest is the conformance suite of the object store contract. Every
// driver passes all of it, against the real server if there is one.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

// AttributeReader is a store under test that can tell an object's attributes. The
// suite checks the attributes only of such stores.
type AttributeReader interface {
	Attributes(ctx context.Context, key string) (objstore.Attributes, error)
}

// Run runs the suite. open returns a fresh, empty store; it is called once for
// every test, and the store is not used after the test.
func Run(t *testing.T, open func(t *testing.T) objstore.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, objstore.Store)
	}{
		{"create", testCreate},
		{"create/attributes", testAttributes},
		{"create/racers", testCreateRacers},
		{"put", testPut},
		{"body/faults", testBodyFaults},
		{"body/sizes", testBodySizes},
		{"body/reopened", testBodyUntouched},
		{"copy", testCopy},
		{"mend", testMend},
		{"open/ranges", testRanges},
		{"register", testRegister},
		{"register/racers", testSwapRacers},
		{"register/counter", testCounter},
		{"register/too large", testMaxRegister},
		{"register/update", testUpdate},
		{"list/order", testListOrder},
		{"list/pages", testListPages},
		{"list/stop", testListStop},
		{"keys", testKeys},
		{"keys/bad", testBadKeys},
		{"keys/slash", testSlashKeys},
		{"missing", testMissing},
		{"delete", testDelete},
		{"cancelled", testCancelled},
		{"cancelled/body", testCancelledBody},
		{"cancelled/list", testCancelledList},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// RunMissing checks that every method reports a missing bucket.
func RunMissing(t *testing.T, s objstore.Store) {
	for _, m := range methods("a/b", "a/c") {
		t.Run(m.name, func(t *testing.T) {
			if err := m.call(t.Context(), s); !errors.Is(err, objstore.ErrNoStore) {
				t.Errorf("error %v, want ErrNoStore", err)
			}
		})
	}
}

// method is a call of one store method that returns only its error.
type method struct {
	name string
	call func(ctx context.Context, s objstore.Store) error
}

// methods returns every method that takes a context, called with key. other is
// the second key of a copy.
func methods(key, other string) []method {
	return []method{
		{"Open", func(ctx context.Context, s objstore.Store) error {
			r, err := s.Open(ctx, key, 0, objstore.Whole)
			if err == nil {
				r.Close()
			}
			return err
		}},
		{"Stat", func(ctx context.Context, s objstore.Store) error {
			_, err := s.Stat(ctx, key)
			return err
		}},
		{"Create", func(ctx context.Context, s objstore.Store) error {
			return s.Create(ctx, key, objstore.Bytes([]byte("x")), objstore.Attributes{})
		}},
		{"CopyFrom", func(ctx context.Context, s objstore.Store) error {
			return s.Copy(ctx, key, other, objstore.Attributes{}, false)
		}},
		{"CopyTo", func(ctx context.Context, s objstore.Store) error {
			return s.Copy(ctx, other, key, objstore.Attributes{}, false)
		}},
		{"List", func(ctx context.Context, s objstore.Store) error {
			for _, err := range s.List(ctx, key, "") {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"Delete", func(ctx context.Context, s objstore.Store) error { return s.Delete(ctx, key) }},
		{"Load", func(ctx context.Context, s objstore.Store) error {
			_, _, err := s.Load(ctx, key, "")
			return err
		}},
		{"SwapAbsent", func(ctx context.Context, s objstore.Store) error {
			_, err := s.Swap(ctx, key, "", []byte("x"), objstore.Attributes{})
			return err
		}},
		{"SwapFrom", func(ctx context.Context, s objstore.Store) error {
			_, err := s.Swap(ctx, key, "d41d8cd98f00b204e9800998ecf8427e", []byte("x"), objstore.Attributes{})
			return err
		}},
	}
}

// create stores content, and fails the test if it can't.
func create(t *testing.T, s objstore.Store, key, content string) {
	t.Helper()
	if err := s.Create(t.Context(), key, objstore.Bytes([]byte(content)), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
}

// read returns the whole object, and fails the test if there is none.
func read(t *testing.T, s objstore.Store, key string) string {
	t.Helper()
	return readRange(t, s, key, 0, objstore.Whole)
}

func readRange(t *testing.T, s objstore.Store, key string, offset, length int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), key, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// absent checks that there is no object under the key.
func absent(t *testing.T, s objstore.Store, key string) {
	t.Helper()
	if _, err := s.Stat(t.Context(), key); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("stat of %q gives %v, want ErrNotFound", key, err)
	}
}

// keys lists keys only.
func keys(t *testing.T, s objstore.Store, prefix, after string) []string {
	t.Helper()
	var list []string
	for info, err := range s.List(t.Context(), prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, info.Key)
	}
	return list
}

// failing returns a body whose source returns data and then err, or its end if
// err is nil.
func failing(size int64, data []byte, err error) objstore.Body {
	return objstore.Body{Size: size, SHA256: sha256.Sum256(data), Open: func(context.Context) (io.ReadCloser, error) {
		r := io.Reader(bytes.NewReader(data))
		if err != nil {
			r = io.MultiReader(r, errReader{err})
		}
		return io.NopCloser(r), nil
	}}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

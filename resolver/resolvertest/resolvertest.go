// Package resolvertest is the conformance suite of everything that answers
// asof's URLs: the Go handler over any store, the built binary, a function at
// the edge. Store and table are data, in resolver/testdata, whose README.md
// specifies both; this package is their runner for Go.
//
//	f := resolvertest.Load(t)
//	err := f.Fill(ctx, store)       // any objstore.Store
//	f.Run(t, url, resolvertest.Options{}) // whatever serves that store
//
// The rows need no particular clock: what depends on the time is written
// relative to now.
package resolvertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Fixture is a store's content and what is to be answered from it.
type Fixture struct {
	Objects []Object // in ascending order of their keys
	Rows    []Row
}

// Object is one object of the store.
type Object struct {
	Key          string `json:"key"`
	Register     bool   `json:"register,omitempty"` // mutable
	ContentType  string `json:"contentType"`
	CacheControl string `json:"cacheControl"`
	Text         string `json:"text,omitempty"`   // the content, if it is UTF-8
	Base64       []byte `json:"base64,omitempty"` // the content, if it is not
}

// Bytes is the object's content.
func (o Object) Bytes() []byte {
	if o.Base64 != nil {
		return o.Base64
	}
	return []byte(o.Text)
}

// Row is one request and its answer.
type Row struct {
	Name    string            `json:"name"`
	Layouts []manifest.Layout `json:"layouts"` // nil: both
	Method  string            `json:"method"`  // empty: GET
	Path    string            `json:"path"`    // the request target, sent as it stands
	Headers map[string]string `json:"headers"`
	Want    Want              `json:"want"`
}

// Want is an answer.
type Want struct {
	Status  int                `json:"status"`
	Headers map[string]*string `json:"headers"` // nil: absent
	Body    *Body              `json:"body"`    // nil: any
}

// Body is what a body must be: each member that is set holds.
type Body struct {
	Text     *string  `json:"text"`
	Object   string   `json:"object"` // the key of an object with the same content
	SHA256   string   `json:"sha256"`
	Contains []string `json:"contains"`
	Lacks    []string `json:"lacks"`
}

const (
	storeFormat = "asof.fixture/1"
	tableFormat = "asof.table/1"
)

// Load reads the fixture from the module that the test runs in.
func Load(t testing.TB) Fixture {
	t.Helper()
	dir, err := testdata()
	if err != nil {
		t.Fatal(err)
	}
	var store struct {
		Format  string   `json:"format"`
		Objects []Object `json:"objects"`
	}
	var table struct {
		Format string `json:"format"`
		Rows   []Row  `json:"rows"`
	}
	err = errors.Join(
		readJSON(filepath.Join(dir, "store.json"), &store),
		readJSON(filepath.Join(dir, "table.json"), &table),
	)
	if err != nil {
		t.Fatal(err)
	}
	if store.Format != storeFormat || table.Format != tableFormat {
		t.Fatalf("formats %q and %q, want %s and %s", store.Format, table.Format, storeFormat, tableFormat)
	}
	return Fixture{store.Objects, table.Rows}
}

// Fill writes the fixture into a store. What already stands there identically
// is fine.
func (f Fixture) Fill(ctx context.Context, store objstore.Store) error {
	for _, o := range f.Objects {
		attr := objstore.Attributes{ContentType: o.ContentType, CacheControl: o.CacheControl}
		var err error
		if o.Register {
			_, err = objstore.Update(ctx, store, o.Key, "", o.Bytes(), attr)
		} else {
			_, err = objstore.Put(ctx, store, o.Key, objstore.Bytes(o.Bytes()), attr)
		}
		if err != nil {
			return fmt.Errorf("fill %s: %w", o.Key, err)
		}
	}
	return nil
}

// Object is the content of an object.
func (f Fixture) Object(key string) ([]byte, bool) {
	for _, o := range f.Objects {
		if o.Key == key {
			return o.Bytes(), true
		}
	}
	return nil, false
}

// testdata finds resolver/testdata above the working directory, which is the
// tested package's.
func testdata() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "resolver", "testdata"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

func readJSON(name string, into any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

package objstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
)

// signing is a store whose signed URLs name the key.
type signing struct{ objstore.Store }

func (signing) SignedURL(_ context.Context, key string, ttl time.Duration) (string, error) {
	return "https://s3.example/" + key + "?for=" + ttl.String(), nil
}

// priced is a store whose requests cost something.
type priced struct{ objstore.Store }

func (priced) CreateCost(int64, bool) objstore.Requests { return objstore.Requests{Writes: 7} }
func (priced) CopyCost(bool, bool) objstore.Requests    { return objstore.Requests{} }

// transparent passes abilities on.
type transparent struct{ objstore.Store }

func (w transparent) Unwrap() objstore.Reader { return w.Store }

// opaque does not.
type opaque struct{ objstore.Store }

func prefixed(t *testing.T, s objstore.Store, prefix string) objstore.Store {
	t.Helper()
	s, err := objstore.WithPrefix(s, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// As finds an ability in the store itself and through wrappers that pass it on. A
// prefix is added to the key of a signed URL.
func TestAs(t *testing.T) {
	memory := memstore.New(memstore.Options{})
	for _, tt := range []struct {
		name  string
		store objstore.Store
		url   string // empty: the store does not sign
	}{
		{"itself", signing{memory}, "https://s3.example/k/ü?for=1m0s"},
		{"two wrappers", transparent{transparent{signing{memory}}}, "https://s3.example/k/ü?for=1m0s"},
		{"two prefixes", prefixed(t, prefixed(t, signing{memory}, "a/b"), "c"), "https://s3.example/a/b/c/k/ü?for=1m0s"},
		{"wrapped prefix", transparent{prefixed(t, transparent{signing{memory}}, "a")}, "https://s3.example/a/k/ü?for=1m0s"},
		{"outermost first", signing{prefixed(t, signing{memory}, "a")}, "https://s3.example/k/ü?for=1m0s"},
		{"lacking", memory, ""},
		{"another ability", priced{memory}, ""},
		{"wrapped lacking", transparent{transparent{memory}}, ""},
		{"prefixed lacking", prefixed(t, prefixed(t, memory, "a"), "b"), ""},
		{"not passed on", prefixed(t, opaque{signing{memory}}, "a"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			signer, ok := objstore.As[objstore.Signer](tt.store)
			if ok != (tt.url != "") {
				t.Fatalf("found %v", ok)
			}
			if !ok {
				if signer != nil {
					t.Errorf("not found, and yet %v", signer)
				}
				return
			}
			if url, err := signer.SignedURL(t.Context(), "k/ü", time.Minute); url != tt.url || err != nil {
				t.Errorf("signed %q, %v, want %q", url, err, tt.url)
			}
		})
	}
}

// A prefix signs only keys below it.
func TestPrefixedSignerChecksKeys(t *testing.T) {
	signer, ok := objstore.As[objstore.Signer](prefixed(t, signing{memstore.New(memstore.Options{})}, "a"))
	if !ok {
		t.Fatal("the store does not sign")
	}
	for _, key := range []string{"", "../x", "/x"} {
		if url, err := signer.SignedURL(t.Context(), key, time.Minute); !errors.Is(err, objstore.ErrBadKey) {
			t.Errorf("%q is signed as %q, %v", key, url, err)
		}
	}
}

// Costs do not depend on keys: a prefix does not change them.
func TestPrefixedPrice(t *testing.T) {
	p, ok := objstore.As[objstore.Priced](prefixed(t, transparent{priced{memstore.New(memstore.Options{})}}, "a"))
	if !ok || p.CreateCost(1, false).Writes != 7 {
		t.Errorf("%v, %v", p, ok)
	}
}

package storetest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

// testMend: a store that can replace an object's headers leaves its bytes alone.
func testMend(t *testing.T, s objstore.Store) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	mender, ok := objstore.As[objstore.Mender](s)
	if !ok {
		t.Log("the store has no headers")
		return
	}
	want := objstore.Attributes{ContentType: "text/plain; charset=utf-8", CacheControl: "public, max-age=31536000, immutable"}
	for _, data := range [][]byte{nil, []byte("some bytes")} {
		key := "dir/ü +%25&" + string(data)
		must(s.Create(ctx, key, objstore.Bytes(data), objstore.Attributes{ContentType: "x/y", CacheControl: "no-store"}))
		before, info, err := mender.Headers(ctx, key)
		must(err)
		if before.ContentType != "x/y" || before.CacheControl != "no-store" || before.Version == "" || info.Key != key || info.Size != int64(len(data)) {
			t.Errorf("%s: headers %+v, %+v", key, before, info)
		}
		if err := mender.Mend(ctx, key, "d41d8cd98f00b204e9800998ecf84270", want); !errors.Is(err, objstore.ErrChanged) {
			t.Errorf("mend another version: %v, want ErrChanged", err)
		}
		for range 2 { // the second time there is nothing to do, and no harm
			must(mender.Mend(ctx, key, before.Version, want))
			body, err := s.Open(ctx, key, 0, objstore.Whole)
			must(err)
			got, err := io.ReadAll(body)
			must(err)
			must(body.Close())
			if !bytes.Equal(got, data) {
				t.Errorf("%s: the bytes are now %q", key, got)
			}
			after, _, err := mender.Headers(ctx, key)
			must(err)
			came, ok := objstore.HeadersOf(body)
			if after.Attributes != want || len(data) > 0 && (!ok || came != after) {
				t.Errorf("%s: headers %+v, those with the object %+v", key, after, came)
			}
			if after.Version != before.Version {
				t.Errorf("%s: version %s, before %s", key, after.Version, before.Version)
			}
		}
	}
	if _, _, err := mender.Headers(ctx, "none"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("headers of nothing: %v", err)
	}
	if err := mender.Mend(ctx, "none", "x", want); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("mend nothing: %v", err)
	}
	if err := mender.Mend(ctx, "../x", "x", want); !errors.Is(err, objstore.ErrBadKey) {
		t.Errorf("mend a bad key: %v", err)
	}
}

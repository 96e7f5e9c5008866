package s3test

import (
	"errors"
	"strings"
	"testing"

	"github.com/asof/asof/internal/objstore"
)

// testMendRetained: an object whose headers are replaced stays under its retention, also
// where the store that mends would keep new ones for a shorter time or not at all.
func testMendRetained(t *testing.T, open fresh) {
	s, c, until := keeping(t, open, objstore.Governance, Config{})
	ctx := t.Context()
	if err := s.Create(ctx, "k", bytesBody(10), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for _, retention := range []objstore.Retention{{Mode: objstore.Governance, For: days}, {}, {Mode: objstore.Governance, For: 60 * days}} {
		again := c
		again.Retention = retention
		s, _ := open(t, again)
		mender, ok := objstore.As[objstore.Mender](s)
		if !ok {
			t.Fatal("the store has no headers")
		}
		h, _, err := mender.Headers(ctx, "k")
		if err != nil {
			t.Fatal(err)
		}
		if err := mender.Mend(ctx, "k", h.Version, objstore.Attributes{ContentType: "text/plain"}); err != nil {
			t.Fatal(err)
		}
		want := until
		if retention.For == 60*days {
			want = until.Add(30 * days)
		}
		mode, to, err := c.Server.Client().GetObjectRetention(ctx, c.Bucket, "k", "")
		if err != nil || mode == nil || to == nil || !strings.EqualFold(mode.String(), objstore.Governance) || !to.Equal(want) {
			t.Errorf("%+v: retention %v until %v, %v; want until %s", retention, mode, to, err, want)
		}
		if err := s.Delete(ctx, "k"); !errors.Is(err, objstore.ErrRetained) {
			t.Errorf("%+v: delete: %v", retention, err)
		}
	}
}

// testMendWire: a HEAD, and a copy of the object onto itself on condition that it is
// still the same.
func testMendWire(t *testing.T, open fresh) {
	wire := &Recorder{}
	s, _ := open(t, Config{Wrap: wire.Wrap, CopyLimit: 100})
	ctx := t.Context()
	for key, size := range map[string]int{"k": 10, "large": 101} {
		if err := s.Create(ctx, key, bytesBody(size), objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	mender, _ := objstore.As[objstore.Mender](s)
	h, _, err := mender.Headers(ctx, "k")
	if err != nil {
		t.Fatal(err)
	}
	wire.Take()
	if err := mender.Mend(ctx, "k", h.Version, objstore.Attributes{ContentType: "text/plain"}); err != nil {
		t.Fatal(err)
	}
	requests := wire.Take()
	if len(requests) != 2 || requests[0].Line != "HEAD k" || requests[1].Line != "PUT k" {
		t.Fatalf("%+v", requests)
	}
	put := requests[1].Header
	if put.Get("X-Amz-Copy-Source-If-Match") != `"`+string(h.Version)+`"` || put.Get("X-Amz-Metadata-Directive") != "REPLACE" || !strings.HasSuffix(put.Get("X-Amz-Copy-Source"), "/k") {
		t.Errorf("%+v", put)
	}
	large, _, err := mender.Headers(ctx, "large")
	if err != nil {
		t.Fatal(err)
	}
	err = mender.Mend(ctx, "large", large.Version, objstore.Attributes{})
	if !errors.Is(err, objstore.ErrUnsupported) || !strings.Contains(err.Error(), "more than 100 bytes") {
		t.Errorf("got %v", err)
	}
}

package s3test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/asof/asof/internal/objstore"
)

const days = 24 * time.Hour

// keeping opens a store in a locked bucket. It retains new objects, by a clock
// that does not move.
func keeping(t *testing.T, open fresh, mode string, c Config) (s objstore.Store, _ Config, until time.Time) {
	t.Helper()
	now := time.Now().Truncate(time.Second).UTC()
	c.Locked, c.Retention, c.Now = true, objstore.Retention{Mode: mode, For: 30 * days}, func() time.Time { return now }
	s, c = open(t, c)
	return s, c, now.Add(30 * days)
}

// testRetained: the store itself retains every new object, whichever request made
// it. Not even the credentials that made it can delete it. Registers change.
func testRetained(t *testing.T, open fresh) {
	for _, mode := range []string{objstore.Governance, objstore.Compliance} {
		t.Run(mode, func(t *testing.T) {
			s, c, until := keeping(t, open, mode, Config{PutLimit: mib, PartSize: 5 * mib})
			ctx := t.Context()
			bodies := map[string]objstore.Body{
				"empty": objstore.Bytes(nil), "small": bytesBody(10), "large": bytesBody(300 << 10), "parts": bytesBody(6 * mib), "copy": bytesBody(10),
			}
			for key, body := range bodies {
				if key == "copy" {
					continue
				}
				if err := s.Create(ctx, key, body, objstore.Attributes{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Copy(ctx, "small", "copy", objstore.Attributes{}, false); err != nil {
				t.Fatal(err)
			}
			for key, body := range bodies {
				got, to, err := c.Server.Client().GetObjectRetention(ctx, c.Bucket, key, "")
				if err != nil || got == nil || to == nil || !strings.EqualFold(got.String(), mode) || !to.Equal(until) {
					t.Errorf("%s: retention %v until %v, %v; want %s until %s", key, got, to, err, mode, until)
				}
				err = s.Delete(ctx, key)
				if !errors.Is(err, objstore.ErrRetained) || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), until.Format(time.RFC3339)) {
					t.Errorf("delete %s: %v, want ErrRetained with the date", key, err)
				}
				if ok, err := objstore.Holds(ctx, s, key, body); !ok || err != nil {
					t.Errorf("after the refusal %s is there: %v, %v", key, ok, err)
				}
			}
			if n := len(versionsOf(t, c, "")); n != len(bodies) {
				t.Errorf("%d versions of %d objects: deleting left markers", n, len(bodies))
			}

			v, err := s.Swap(ctx, "register", "", []byte("one"), objstore.Attributes{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = s.Swap(ctx, "register", v, []byte("two"), objstore.Attributes{}); err != nil {
				t.Error(err)
			}
			if mode, _, err := c.Server.Client().GetObjectRetention(ctx, c.Bucket, "register", ""); err == nil {
				t.Errorf("the register is retained: %v", mode)
			}
			if err := s.Delete(ctx, "register"); err != nil {
				t.Error(err)
			}
		})
	}
}

// testWireLock checks the headers of requests that create objects, and that no
// others have them. Amazon wants a digest in a header with every body that is to
// be retained.
func testWireLock(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _, until := keeping(t, open, objstore.Governance, Config{PutLimit: mib, PartSize: 5 * mib, Wrap: rec.Wrap})
	ctx := t.Context()
	small := bytesBody(10)
	for _, err := range []error{
		s.Create(ctx, "small", small, objstore.Attributes{}),
		s.Create(ctx, "empty", objstore.Bytes(nil), objstore.Attributes{}),
		s.Create(ctx, "parts", bytesBody(6*mib), objstore.Attributes{}),
		s.Copy(ctx, "small", "copy", objstore.Attributes{}, false),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Swap(ctx, "register", "", []byte("one"), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, "small"); !errors.Is(err, objstore.ErrRetained) {
		t.Error(err)
	}
	creating := map[string]bool{"PUT small": true, "PUT empty": true, "POST parts?uploads": true, "PUT copy": true}
	for _, r := range rec.Take() {
		mode, date := r.Header.Get("X-Amz-Object-Lock-Mode"), r.Header.Get("X-Amz-Object-Lock-Retain-Until-Date")
		if creating[r.Line] {
			to, err := time.Parse(time.RFC3339, date)
			if mode != "GOVERNANCE" || err != nil || !to.Equal(until) {
				t.Errorf("%s: mode %q until %q", r.Line, mode, date)
			}
			delete(creating, r.Line)
		} else if mode != "" || date != "" {
			t.Errorf("%s: mode %q until %q, want none", r.Line, mode, date)
		}
		if got, want := r.Header.Get("X-Amz-Checksum-Sha256"), base64.StdEncoding.EncodeToString(small.SHA256[:]); r.Line == "PUT small" && got != want {
			t.Errorf("%s: checksum %q, want %q", r.Line, got, want)
		}
		if strings.Contains(r.Line, "partNumber") && r.Header.Get("Content-Md5") == "" {
			t.Errorf("%s: no digest in a header", r.Line)
		}
		if r.Header.Get("X-Amz-Bypass-Governance-Retention") != "" {
			t.Errorf("%s: asks to bypass the retention", r.Line)
		}
	}
	if len(creating) > 0 {
		t.Errorf("did not see %v", creating)
	}
}

// testDeleteVersions: in a bucket with versions, a deleted object is gone, and
// does not come back as an older version.
func testDeleteVersions(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, c := open(t, Config{Locked: true, Wrap: rec.Wrap})
	ctx := t.Context()
	if err := s.Create(ctx, "k", bytesBody(10), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	var v objstore.Version
	for _, data := range []string{"one", "two", "three"} {
		var err error
		if v, err = s.Swap(ctx, "register", v, []byte(data), objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ key, want string }{
		{"k", "HEAD k, DELETE k, HEAD k"},
		{"k", "HEAD k"},
		{"register", "HEAD register, DELETE register, HEAD register, DELETE register, HEAD register, DELETE register, HEAD register"},
	} {
		rec.Take()
		if err := s.Delete(ctx, tt.key); err != nil {
			t.Error(err)
		}
		if got := lines(rec.Take()); got != tt.want {
			t.Errorf("delete %s made %s, want %s", tt.key, got, tt.want)
		}
	}
	if left := versionsOf(t, c, ""); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}

	// A fresh store learns it from the first object.
	for _, locked := range []bool{true, false} {
		c := Config{Locked: locked, Wrap: rec.Wrap}
		s, c := open(t, c)
		for _, key := range []string{"1", "2"} {
			if _, err := c.Server.Client().PutObject(ctx, c.Bucket, key, strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		rec.Take()
		for _, key := range []string{"1", "2"} {
			if err := s.Delete(ctx, key); err != nil {
				t.Error(err)
			}
		}
		want := "HEAD 1, DELETE 1, DELETE 2"
		if locked {
			want = "HEAD 1, DELETE 1, HEAD 1, HEAD 2, DELETE 2, HEAD 2"
		}
		if got := lines(rec.Take()); got != want {
			t.Errorf("versions %v: made %s, want %s", locked, got, want)
		}
		if left := versionsOf(t, c, ""); len(left) > 0 {
			t.Errorf("versions %v: left behind: %q", locked, left)
		}
	}
}

// testDeleteRace: an object that someone creates again during a delete stays.
func testDeleteRace(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, c := open(t, Config{Locked: true, Wrap: rec.Wrap})
	if err := s.Create(t.Context(), "k", bytesBody(10), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	heads := 0
	rec.After = func(req *http.Request, res *http.Response) (*http.Response, error) {
		switch req.Method {
		case http.MethodHead:
			if heads++; heads == 1 { // it is old
				res.Header.Set("Last-Modified", "Tue, 18 Mar 2025 14:03:38 GMT")
			}
		case http.MethodDelete:
			if _, err := c.Server.Client().PutObject(req.Context(), c.Bucket, "k", strings.NewReader("new"), 3, minio.PutObjectOptions{}); err != nil {
				t.Error(err)
			}
		}
		return res, nil
	}
	if err := s.Delete(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	rec.After = nil
	if ok, err := objstore.Holds(t.Context(), s, "k", objstore.Bytes([]byte("new"))); !ok || err != nil {
		t.Errorf("the new object is there: %v, %v", ok, err)
	}
	if left := versionsOf(t, c, ""); len(left) != 1 {
		t.Errorf("versions: %q", left)
	}
}

// testNoLock: a bucket without Object Lock refuses objects that are to be
// retained, and takes others.
func testNoLock(t *testing.T, open fresh) {
	s, c := open(t, Config{PutLimit: mib, PartSize: 5 * mib, Retention: objstore.Retention{Mode: objstore.Governance, For: days}})
	if _, err := c.Server.Client().PutObject(t.Context(), c.Bucket, "src", strings.NewReader("x"), 1, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"create": s.Create(t.Context(), "k", bytesBody(10), objstore.Attributes{}),
		"parts":  s.Create(t.Context(), "k", bytesBody(6*mib), objstore.Attributes{}),
		"copy":   s.Copy(t.Context(), "src", "k", objstore.Attributes{}, false),
	} {
		if !errors.Is(err, objstore.ErrNoLock) || !strings.HasSuffix(err.Error(), ": retention: the bucket has no object lock") {
			t.Errorf("%s: %v, want ErrNoLock", what, err)
		}
	}
	if _, err := s.Swap(t.Context(), "register", "", []byte("one"), objstore.Attributes{}); err != nil {
		t.Error(err)
	}
	noUploads(t, c)
}

// testLockRefusals: Amazon's answers for the same cases.
func testLockRefusals(t *testing.T, open fresh) {
	rec := &Recorder{}
	s, _ := open(t, Config{Locked: true, Wrap: rec.Wrap, MaxAttempts: 1})
	if err := s.Create(t.Context(), "k", bytesBody(10), objstore.Attributes{}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		status        int
		code, message string
		want          error
	}{
		{403, "AccessDenied", "Access Denied because object protected by object lock.", objstore.ErrRetained},
		{400, "InvalidRequest", "Object is WORM protected and cannot be overwritten", objstore.ErrRetained},
		{400, "InvalidRequest", "Bucket is missing Object Lock Configuration", objstore.ErrNoLock},
		{403, "AccessDenied", "User is not authorized to perform: s3:DeleteObjectVersion", objstore.ErrDenied},
	} {
		rec.Before = func(req *http.Request) (*http.Response, error) {
			if req.Method != http.MethodDelete {
				return nil, nil
			}
			return answerText(req, tt.status, tt.code, tt.message), nil
		}
		if err := s.Delete(t.Context(), "k"); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.message, err, tt.want)
		}
	}
}

// versionsOf lists every version and every marker below a prefix.
func versionsOf(t *testing.T, c Config, prefix string) []string {
	t.Helper()
	var found []string
	for o := range c.Server.Client().ListObjects(t.Context(), c.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		found = append(found, o.Key+" "+o.VersionID)
	}
	return found
}

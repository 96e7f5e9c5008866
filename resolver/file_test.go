package resolver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

const bigSize = 20000

func bigKey(s *service, layout string) string {
	if layout == "full" {
		return "checkpoints/full/" + exact + "/big.bin"
	}
	data, err := s.store.Store.Open(s.t.Context(), "checkpoints/full/"+exact+"/big.bin", 0, -1)
	if err != nil {
		s.t.Fatal(err)
	}
	defer data.Close()
	content, err := io.ReadAll(data)
	if err != nil {
		s.t.Fatal(err)
	}
	return manifest.BlobKey(manifest.Sum(content))
}

// TestRequests pins what each kind of answer costs at the store.
func TestRequests(t *testing.T) {
	for _, layout := range []string{"full", "thin"} {
		t.Run(layout, func(t *testing.T) {
			s := serve(t, Options{HotBytes: -1})
			base := "/checkpoints/" + layout + "/"
			key := bigKey(s, layout)
			for _, target := range []string{"/", base, base + "latest/", base + "20250319", base + "20250319/docs/", base + pruned + "/x", base + "20240101/x", base + "20990101/x", base + "checkpoints.json"} {
				s.get(target)
				s.wantCalls()
			}
			s.want(base+exact+"/big.bin", http.StatusOK, "")
			s.wantCalls("manifest", "manifest", "open "+key+" 0 -1")
			s.want(base+exact+"/big.bin", http.StatusOK, "")
			s.wantCalls("open " + key + " 0 -1")
			s.want(base+"20250319/big.bin", http.StatusMovedPermanently, base+exact+"/big.bin")
			s.wantCalls()
			s.want(base+exact+"/empty.txt", http.StatusOK, "")
			s.wantCalls()
			s.want(base+exact+"/docs/deep", http.StatusMovedPermanently, base+exact+"/docs/deep/")
			s.wantCalls("manifest", "manifest") // of the pages
			s.want(base+exact+"/none", http.StatusNotFound, "")
			s.wantCalls()

			res := s.get(base+exact+"/big.bin", "Range", "bytes=8-15")
			if res.Code != http.StatusPartialContent || res.Body.String() != "0000001\n" {
				t.Errorf("range: %d %q", res.Code, res.Body)
			}
			s.wantCalls("open " + key + " 8 8")
			s.get(base+exact+"/big.bin", "Range", "bytes=-8")
			s.wantCalls("open " + key + " 19992 8")
			s.get(base+exact+"/big.bin", "Range", "bytes=30000-")
			s.wantCalls()
			s.get(base+exact+"/big.bin", "If-None-Match", "*")
			s.wantCalls()
			req := httptest.NewRequest(http.MethodHead, base+exact+"/big.bin", nil)
			s.ServeHTTP(httptest.NewRecorder(), req)
			s.wantCalls()
		})
	}
}

func TestMultipleRanges(t *testing.T) {
	s := serve(t, Options{HotBytes: -1})
	target := "/checkpoints/full/" + exact + "/big.bin"
	s.get(target)
	s.store.taken()
	res := s.get(target, "Range", "bytes=8-15,160-167,-8")
	mediaType, params, err := mime.ParseMediaType(res.Header().Get("Content-Type"))
	if err != nil || res.Code != http.StatusPartialContent || mediaType != "multipart/byteranges" {
		t.Fatalf("%d %v %v", res.Code, res.Header(), err)
	}
	parts := multipart.NewReader(res.Body, params["boundary"])
	for _, want := range []string{"0000001\n", "0000020\n", "0002499\n"} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(part); err != nil || string(got) != want {
			t.Errorf("part %q, %v, want %q", got, err, want)
		}
	}
	// Near parts come from one read.
	s.wantCalls("open checkpoints/full/" + exact + "/big.bin 8 19992")

	many := "bytes=0-0" + strings.Repeat(",0-0", maxRanges)
	if res := s.get(target, "Range", many); res.Code != http.StatusOK || res.Body.Len() != bigSize {
		t.Errorf("%d ranges: %d with %d bytes", maxRanges+1, res.Code, res.Body.Len())
	}
}

// shortReader gives n bytes and then err.
type shortReader struct {
	io.ReadCloser
	n   int
	err error
}

func (r *shortReader) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, r.err
	}
	n, err := r.ReadCloser.Read(p[:min(len(p), r.n)])
	r.n -= n
	return n, err
}

// TestTruncated holds that a store that fails before the first byte gives 503,
// and later a broken connection: never a short answer that passes for whole.
func TestTruncated(t *testing.T) {
	for name, failure := range map[string]error{"error": errors.New("reset"), "short object": io.EOF} {
		for _, after := range []int{0, 1, 15000} {
			for _, ranged := range []string{"", "bytes=0-15999", "bytes=100-16099,18000-18001"} {
				t.Run(name, func(t *testing.T) {
					s := serve(t, Options{HotBytes: -1})
					server := httptest.NewServer(s)
					defer server.Close()
					s.store.set(nil, func(key string, r io.ReadCloser) io.ReadCloser {
						if strings.HasPrefix(key, manifest.ManifestPrefix) {
							return r
						}
						return &shortReader{r, after, failure}
					})
					req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/checkpoints/full/"+exact+"/big.bin", nil)
					if err != nil {
						t.Fatal(err)
					}
					if ranged != "" {
						req.Header.Set("Range", ranged)
					}
					res, err := http.DefaultClient.Do(req)
					if err != nil {
						return // cut before the header reached us
					}
					defer res.Body.Close()
					body, err := io.ReadAll(res.Body)
					if after == 0 && !strings.Contains(ranged, ",") {
						if res.StatusCode != http.StatusServiceUnavailable || err != nil || res.Header.Get("Content-Range") != "" {
							t.Errorf("%d, %v, %v", res.StatusCode, err, res.Header)
						}
						return
					}
					if err == nil {
						t.Errorf("after %d: %d with %d bytes and no error", after, res.StatusCode, len(body))
					}
				})
			}
		}
	}
}

// TestLongObject holds that nothing behind the promised size gets out.
func TestLongObject(t *testing.T) {
	s := serve(t, Options{})
	s.store.set(nil, func(key string, r io.ReadCloser) io.ReadCloser {
		if strings.HasPrefix(key, manifest.ManifestPrefix) {
			return r
		}
		return io.NopCloser(io.MultiReader(r, strings.NewReader("more")))
	})
	if res := s.want("/checkpoints/full/"+exact+"/big.bin", http.StatusOK, ""); res.Body.Len() != bigSize {
		t.Errorf("%d bytes", res.Body.Len())
	}
}

func TestCorruptManifest(t *testing.T) {
	s := serve(t, Options{})
	s.store.set(nil, func(key string, r io.ReadCloser) io.ReadCloser {
		if !strings.HasPrefix(key, manifest.ManifestPrefix) {
			return r
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Error(err)
		}
		data[len(data)-2] ^= 1
		return io.NopCloser(bytes.NewReader(data))
	})
	s.want("/checkpoints/full/"+exact+"/1.iso", http.StatusServiceUnavailable, "")
	if !strings.Contains(s.log.String(), errCorrupt.Error()) {
		t.Errorf("log: %s", s.log)
	}
	s.store.set(nil, nil)
	s.want("/checkpoints/full/"+exact+"/1.iso", http.StatusOK, "")
}

func TestPoolURL(t *testing.T) {
	for _, pool := range []string{"https://cdn.example/store", "/pool/"} {
		s := serve(t, Options{PoolURL: pool})
		key := bigKey(s, "thin")
		s.store.taken()
		res := s.want("/checkpoints/thin/"+exact+"/big.bin", http.StatusTemporaryRedirect, strings.TrimSuffix(pool, "/")+"/"+key)
		if res.Header().Get("Cache-Control") != cacheFinal {
			t.Errorf("headers %v", res.Header())
		}
		s.wantCalls("manifest", "manifest")
		// Relative links of HTML would lead into the pool.
		s.want("/checkpoints/thin/"+exact+"/docs/", http.StatusOK, "")
		s.want("/checkpoints/thin/"+exact+"/docs/deep/", http.StatusOK, "")
		// Nor is a page in its second form: a blob would have another type, and be immutable.
		for _, base := range []string{"/checkpoints/thin/", "/checkpoints/full/"} {
			for _, target := range []string{base + exact + "/simple/x/", base + exact + "/simple/x/index.v1_json"} {
				if res := s.get(target, "Accept", manifest.VariantType); res.Code != http.StatusOK || res.Header().Get("Content-Type") != manifest.VariantType || res.Header().Get("Cache-Control") != manifest.CachePage {
					t.Errorf("%s: %d %v", target, res.Code, res.Header())
				}
			}
		}
		s.want("/checkpoints/full/"+exact+"/odd/c++%20dir/libc++_1~2.deb", http.StatusTemporaryRedirect,
			strings.TrimSuffix(pool, "/")+"/checkpoints/full/"+exact+"/odd/c%2B%2B%20dir/libc%2B%2B_1~2.deb")
		s.want("/checkpoints/full/"+exact+"/docs/", http.StatusOK, "")
		s.want("/"+key, http.StatusNotFound, "")
	}
	s := serve(t, Options{})
	s.want("/"+bigKey(s, "thin"), http.StatusNotFound, "")
}

// TestDelivery holds that each repo is delivered as it is configured.
func TestDelivery(t *testing.T) {
	s := serve(t, Options{
		PoolURL: "https://cdn.example",
		SignURL: func(_ context.Context, key string) (string, error) {
			return "https://signed.example/" + key + "?secret", nil
		},
		Delivery: func(base string) Delivery {
			return map[string]Delivery{"checkpoints/full": Presign, "checkpoints/thin": Redirect}[base]
		},
	})
	res := s.want("/checkpoints/full/"+exact+"/1.iso", http.StatusTemporaryRedirect, "https://signed.example/checkpoints/full/"+exact+"/1.iso?secret")
	if got := res.Header().Get("Cache-Control"); got != manifest.CacheNever {
		t.Errorf("a signed URL may be kept: %q", got)
	}
	if res.Header().Get("Memento-Datetime") != "" {
		t.Error("a redirect passes for a memento")
	}
	s.want("/checkpoints/full/"+exact+"/docs/", http.StatusOK, "")
	s.want("/checkpoints/thin/"+exact+"/1.iso", http.StatusTemporaryRedirect, "https://cdn.example/"+manifest.BlobKey(mustDigest(t, someDigest)))
	s.want("/checkpoints/sealed/20240201T000000Z/1.iso", http.StatusOK, "")
}

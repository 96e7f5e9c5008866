package resolver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestMaxBody holds that no body above the limit is sent or read, and that the
// client is told where it is.
func TestMaxBody(t *testing.T) {
	sign := func(_ context.Context, key string) (string, error) {
		return "https://bucket.example/" + key + "?signed", nil
	}
	const file = "/checkpoints/full/" + exact + "/big.bin"
	t.Run("signed", func(t *testing.T) {
		s := serve(t, Options{MaxBody: bigSize - 1, SignURL: sign})
		res := s.want(file, http.StatusTemporaryRedirect, "https://bucket.example"+file+"?signed")
		for name, want := range map[string]string{"Cache-Control": "no-store", "ETag": "", "Content-Type": "", "Content-Length": "0", "Accept-Ranges": ""} {
			if got := res.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		s.wantCalls("manifest", "manifest")
		// A part that fits is sent, and what needs no body is answered.
		if res := s.get(file, "Range", "bytes=0-7"); res.Code != http.StatusPartialContent || res.Body.String() != "0000000\n" {
			t.Errorf("range: %d %q", res.Code, res.Body)
		}
		s.store.taken()
		if res := s.get(file, "If-None-Match", "*"); res.Code != http.StatusNotModified {
			t.Errorf("conditional: %d", res.Code)
		}
		if res := s.get(file, "Range", "bytes=30000-"); res.Code != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("range outside: %d", res.Code)
		}
		s.wantCalls()
	})
	t.Run("public", func(t *testing.T) {
		s := serve(t, Options{MaxBody: 4, PoolURL: "https://cdn.example/", SignURL: sign})
		s.want(file, http.StatusTemporaryRedirect, "https://cdn.example"+file)
		s.want("/checkpoints/full/"+exact+"/odd/c++%20dir/libc++_1~2.deb", http.StatusTemporaryRedirect,
			"https://cdn.example/checkpoints/full/"+exact+"/odd/c%2B%2B%20dir/libc%2B%2B_1~2.deb")
		// Pages and lists have no other place.
		for _, page := range []string{"/", "/checkpoints/full/", "/checkpoints/full/" + exact + "/", "/checkpoints/full/" + exact + "/simple/x/index.v1_json"} {
			if res := s.want(page, http.StatusInternalServerError, ""); !strings.Contains(res.Body.String(), "larger than this service can send") {
				t.Errorf("%s: %q", page, res.Body)
			}
		}
	})
	t.Run("nowhere", func(t *testing.T) {
		s := serve(t, Options{MaxBody: 4})
		s.want(file, http.StatusInternalServerError, "")
		s.want("/checkpoints/full/"+exact+"/docs/style.css", http.StatusOK, "")
	})
	t.Run("unsigned", func(t *testing.T) {
		s := serve(t, Options{MaxBody: 4, SignURL: func(context.Context, string) (string, error) { return "", errors.New("no credentials") }})
		s.want(file, http.StatusServiceUnavailable, "")
	})
}

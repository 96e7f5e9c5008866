package mirror

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// The digests of "test".
const (
	testSHA512 = "ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db27ac185f8a0e1d5f84f88bc887fd67b143732c304cc5fa9ad8e6f57f50028a8ff"
	testSHA384 = "768412320f7b0aa5812fce428dc4706b3cae50e02a64caa16a782249bfe8efc4b7ef1ccb126255d196047dfedf17a0a9"
	testSHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	testSHA224 = "90a3ed9e32b2aaf4c61c410eb925426119e1a9dc53d4286ade99a809"
	testSHA1   = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"
	testMD5    = "098f6bcd4621d373cade4e832627b4f6"
)

func zeros(digest string) string { return strings.Repeat("0", len(digest)) }

func TestSums(t *testing.T) {
	var s Sums
	for a, digest := range (Sums{testSHA512, testSHA384, testSHA256, testSHA224, testSHA1, testMD5}) {
		a := Algorithm(a)
		for _, bad := range []string{"", digest[1:], digest + "0", strings.ToUpper(digest), "g" + digest[1:]} {
			if err := s.Set(a, bad); fmt.Sprint(err) != fmt.Sprintf("%q is not a digest of %s", bad, a) {
				t.Errorf("%v", err)
			}
		}
		for range 2 {
			if err := s.Set(a, digest); err != nil {
				t.Error(err)
			}
		}
		if err := s.Set(a, zeros(digest)); fmt.Sprint(err) != fmt.Sprintf("has two digests of %s, %s and %s", a, digest, zeros(digest)) {
			t.Error(err)
		}
	}
	if a, ok := s.Contradiction(&Sums{SHA1: testSHA1, MD5: zeros(testMD5)}); !ok || a != MD5 {
		t.Errorf("%v, %v", a, ok)
	}
	if _, ok := s.Contradiction(&Sums{SHA1: testSHA1}); ok {
		t.Error("what is the same contradicts")
	}
	const weak, none = "only its MD5 or SHA-1 is known, which prove nothing", "has no digest"
	for _, tt := range []struct {
		sums      Sums
		allowWeak bool
		want      string
	}{
		{Sums{}, false, none},
		{Sums{}, true, none},
		{Sums{MD5: testMD5, SHA1: testSHA1}, false, weak},
		{Sums{MD5: testMD5}, true, "<nil>"},
		{Sums{MD5: testMD5, SHA256: testSHA256}, false, "<nil>"},
		{Sums{SHA512: testSHA512}, false, "<nil>"},
		{Sums{SHA384: testSHA384}, false, "<nil>"},
		{Sums{SHA224: testSHA224}, false, "<nil>"},
	} {
		if err := tt.sums.Check(tt.allowWeak); fmt.Sprint(err) != tt.want {
			t.Errorf("%q, %v: %v", tt.sums, tt.allowWeak, err)
		}
	}
}

func TestVerifier(t *testing.T) {
	for _, tt := range []struct {
		want Listed
		err  string
	}{
		{Listed{Size: -1}, ""},
		{Listed{4, Sums{testSHA512, testSHA384, testSHA256, testSHA224, testSHA1, testMD5}}, ""},
		{Listed{4, Sums{SHA256: testSHA256, MD5: zeros(testMD5)}}, ""}, // weak beside strong ones counts for nothing
		{Listed{4, Sums{SHA1: testSHA1, MD5: zeros(testMD5)}}, ""},
		{Listed{-1, Sums{MD5: testMD5}}, ""},
		{Listed{5, Sums{}}, "has 4 bytes, expected 5"},
		{Listed{3, Sums{}}, "has more than 3 bytes, expected 3"},
		{Listed{4, Sums{SHA512: testSHA512, SHA256: zeros(testSHA256)}}, "its SHA256 is " + testSHA256 + ", expected " + zeros(testSHA256)},
		{Listed{4, Sums{SHA512: zeros(testSHA512), SHA256: testSHA256}}, "its SHA512 is " + testSHA512 + ", expected " + zeros(testSHA512)},
		{Listed{4, Sums{SHA384: zeros(testSHA384)}}, "its SHA384 is " + testSHA384 + ", expected " + zeros(testSHA384)},
		{Listed{4, Sums{SHA224: zeros(testSHA224)}}, "its SHA224 is " + testSHA224 + ", expected " + zeros(testSHA224)},
		{Listed{4, Sums{MD5: zeros(testMD5)}}, "its MD5 is " + testMD5 + ", expected " + zeros(testMD5)},
	} {
		v := NewVerifier(tt.want)
		for _, part := range []string{"t", "", "est"} {
			_, _ = v.Write([]byte(part))
		}
		got, err := v.Done()
		switch {
		case tt.err == "" && (err != nil || got != manifest.Sum([]byte("test"))):
			t.Errorf("%+v: %v, %v", tt.want, got, err)
		case tt.err != "" && (fmt.Sprint(err) != tt.err || !errors.Is(err, remote.ErrMoved) || !errors.Is(err, remote.ErrUnverified)):
			t.Errorf("%+v: %v, want %s", tt.want, err, tt.err)
		}
	}
}

package rpm

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// raw signs a text, without armour.
func raw(t *testing.T, text string, config *packet.Config, textmode bool, by ...*openpgp.Entity) string {
	t.Helper()
	if config == nil {
		config = &packet.Config{}
	}
	config.Time = signing
	var b bytes.Buffer
	for _, key := range by {
		sign := openpgp.DetachSign
		if textmode {
			sign = openpgp.DetachSignText
		}
		must(t, sign(&b, key, strings.NewReader(text), config))
	}
	return b.String()
}

func armoured(t *testing.T, data string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.SignatureType, nil)
	must(t, err)
	_, err = w.Write([]byte(data))
	must(t, err)
	must(t, w.Close())
	return b.String() + "\n"
}

// The forms of repomd.xml.asc that clients take, and those that they refuse.
func TestSignatures(t *testing.T) {
	mine, stranger := newKey(t), newKey(t)
	expired := remotetest.Key(t, now().AddDate(-1, 0, 0), 365*24*time.Hour-time.Hour) // an hour ago
	rsa, err := openpgp.NewEntity("test", "", "test@example.org", &packet.Config{RSABits: 2048, Time: func() time.Time { return now().AddDate(-1, 0, 0) }})
	must(t, err)
	const page = "<!DOCTYPE html>\n<html><body>not found</body></html>\n"
	for _, tt := range []struct {
		name string
		asc  func(t *testing.T, text string) string // nil: none
		opts Options
		want string // empty: it is good
	}{
		{name: "armoured", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, false, mine)) }},
		{name: "binary", asc: func(t *testing.T, text string) string { return raw(t, text, nil, false, mine) }},
		{name: "of a text", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, true, mine)) }},
		{name: "two in one block", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, false, mine, stranger)) }},
		{name: "two in one block, a stranger's first", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, false, stranger, mine)) }},
		{name: "two blocks, a stranger's first", asc: func(t *testing.T, text string) string {
			return armoured(t, raw(t, text, nil, false, stranger)) + armoured(t, raw(t, text, nil, false, mine))
		}},
		{name: "by RSA", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, false, rsa)) }},
		{name: "by an expired key, which is allowed", opts: Options{AllowExpiredKeys: true}, asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, false, expired)) }},

		{name: "by an expired key", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, false, expired)) }, want: "has expired"},
		{name: "a stranger's", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text, nil, false, stranger)) }, want: "no good signature: the key"},
		{name: "of another text", asc: func(t *testing.T, text string) string { return armoured(t, raw(t, text+" ", nil, false, mine)) }, want: "is bad"},
		{name: "clear-signed", asc: func(t *testing.T, text string) string { return remotetest.Clearsign(t, text, signing(), mine) }, want: "its signatures are malformed"},
		{name: "a page", asc: func(t *testing.T, text string) string { return page }, want: "its signatures are malformed"},
		{name: "empty", asc: func(t *testing.T, text string) string { return "" }, want: "it has no signature"},
		{name: "a key", asc: func(t *testing.T, text string) string { return keyText(t, mine) }, want: "its signatures are malformed"},
		{name: "none", want: "repomd.xml.asc: verification failed: it is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			s.publish("", some(s, ""))
			if tt.asc != nil {
				s.Set(signatureName, tt.asc(t, s.Content(repomdName)))
			}
			tt.opts.SignedBy = []string{remotetest.KeyFile(t, true, mine, expired), remotetest.KeyFile(t, false, rsa)}
			r := s.open(tt.opts)
			if tt.want == "" {
				c, err := r.Capture(t.Context(), nil)
				must(t, err)
				p := remotetest.Publish(t, c)
				must(t, c.Close())
				if p.Data[signatureName] != s.Content(signatureName) {
					t.Error("the signature is not in the tree")
				}
				return
			}
			_, err := s.fail(r, nil)
			if !errors.Is(err, remote.ErrMoved) {
				t.Errorf("%v: it may be right a moment later", err)
			}
			text, err := s.fail(r, nil)
			if !strings.Contains(text, tt.want) || !errors.Is(err, remote.ErrUnverified) || errors.Is(err, remote.ErrMoved) {
				t.Errorf("got %s\nwant …%s…", text, tt.want)
			}
			if tt.asc != nil && !strings.HasPrefix(text, "HOST/repodata/repomd.xml.asc of 2025-03-18T13:03:40Z, for repomd.xml of 2025-03-18T13:03:40Z: verification failed: ") {
				t.Error(text)
			}
		})
	}
}

// A signature that lags behind is asked for again, along with repomd.xml.
func TestLaggingSignature(t *testing.T) {
	s := newSite(t)
	key := newKey(t)
	f := some(s, "")
	f.by = key
	s.publish("", f)
	r := s.open(Options{SignedBy: []string{remotetest.KeyFile(t, true, key)}})
	prev := remotetest.Publish(t, s.capture(r, nil))
	old := s.Content(signatureName)
	f.packages += s.add("", pkg{name: "new", version: "1"})
	s.publish("", f)
	s.Age()
	good := s.Content(signatureName)
	s.Set(signatureName, old)
	if text, err := s.fail(r, prev); !errors.Is(err, remote.ErrMoved) || !errors.Is(err, remote.ErrUnverified) {
		t.Error(text)
	}
	s.Set(signatureName, good)
	if next := remotetest.Publish(t, s.capture(r, prev)); next.Data["Packages/new-1-1.noarch.rpm"] == "" {
		t.Error("the new state was not captured")
	}
}

// Without keys a signature and a key are kept if they are one, and belong to the
// repomd.xml; a key is never trusted.
func TestWithoutKeys(t *testing.T) {
	s := newSite(t)
	key := newKey(t)
	f := some(s, "")
	f.by = key
	s.publish("", f)
	s.Set(keyName, "<html>not found</html>")
	r := s.open(Options{Verify: "off"})
	p := remotetest.Publish(t, s.capture(r, nil))
	if p.Data[signatureName] != s.Content(signatureName) || p.Data[keyName] != "" {
		t.Errorf("%q", remotetest.Paths(s.capture(r, nil)))
	}
	s.Set(keyName, keyText(t, key))
	s.Set(signatureName, "<html>not found</html>")
	p = remotetest.Publish(t, s.capture(r, nil))
	if p.Data[keyName] != s.Content(keyName) || p.Data[signatureName] != "" {
		t.Error("a page is taken for a signature")
	}
	// Keys are configured later: the signature that is there by now is asked for.
	f.by = key
	s.publish("", f)
	signed := s.open(Options{SignedBy: []string{remotetest.KeyFile(t, true, key)}})
	s.Take()
	next := remotetest.Publish(t, s.capture(signed, p))
	if next.Data[signatureName] != s.Content(signatureName) {
		t.Error("the signature is missing")
	}
	if got := s.Take(); len(got) < 2 || got[0] == "GET repodata/repomd.xml" {
		t.Errorf("%q", got)
	}
	// repomd.xml is replaced before the signature that nothing verifies is read.
	changed := false
	s.OnRequest(func(path string) {
		if path == signatureName && !changed {
			changed = true
			f.packages += s.add("", pkg{name: "new", version: "1"})
			s.publish("", f)
			s.Age()
		}
	})
	if text, err := s.fail(s.open(Options{Verify: "off"}), nil); !errors.Is(err, remote.ErrMoved) || !changed {
		t.Error(text)
	}
}

func TestVerifyOption(t *testing.T) {
	for verify, want := range map[string]bool{"": true, "off": false} {
		s := newSite(t)
		s.publish("", some(s, ""))
		var log bytes.Buffer
		env := s.env()
		env.Log = slog.New(slog.NewTextHandler(&log, nil))
		r, err := New(Options{URL: s.Server.URL, Verify: verify}, env)
		must(t, err)
		for range 2 {
			c, err := r.Capture(t.Context(), nil)
			must(t, err)
			c.Close()
		}
		if got := strings.Count(log.String(), "signatures are not checked: no keyring is configured (signed_by)"); (got == 1) != want || got > 1 {
			t.Errorf("verify %q: %d warnings: %s", verify, got, log.String())
		}
	}
}

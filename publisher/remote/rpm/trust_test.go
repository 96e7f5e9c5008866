package rpm

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
	for verify, want := range map[string]bool{"": true, "warn": true, "off": false} {
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

// A signature that a server refuses is not told as one that is missing.
func TestRefusedSignature(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/"+signatureName {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(up.Close)
	r := s.open(Options{URL: up.URL, SignedBy: []string{remotetest.KeyFile(t, true, newKey(t))}})
	text, err := s.failLasting(r, nil)
	if text = strings.ReplaceAll(text, up.URL, "HOST"); text != "HOST/repodata/repomd.xml.asc: verification failed: it is refused: 403 Forbidden" || !errors.Is(err, remote.ErrUnverified) || errors.Is(err, remote.ErrMoved) {
		t.Error(text)
	}
	if hint(err) != "credentials are given by username_env and password_env, by headers, or by client_cert; some servers answer so for what is not there" {
		t.Error(hint(err))
	}
}

// With verify: warn a signature that is not good is a warning, once it lasts, and clients
// are not told that anything was verified.
func TestWarn(t *testing.T) {
	const notVerified = "This checkpoint was not verified with them: a signature of its metadata is missing or not good."
	mine, stranger := newKey(t), newKey(t)
	for _, tt := range []struct {
		name     string
		asc      func(text string) string // nil: none
		want     string                   // what the warning says; empty: there is none
		kept     bool                     // the signature is in the tree
		packages bool                     // they are verified
		note     string
	}{
		{name: "good", asc: func(text string) string { return remotetest.Detach(t, text, signing(), mine) }, kept: true, note: "This checkpoint was verified with them."},
		{name: "a stranger's", asc: func(text string) string { return remotetest.Detach(t, text, signing(), stranger) }, want: "no good signature: the key", kept: true, note: notVerified},
		{name: "of another text", asc: func(text string) string { return remotetest.Detach(t, text+" ", signing(), mine) }, want: "is bad", kept: true, note: notVerified},
		{name: "a page", asc: func(string) string { return "<html>not found</html>" }, want: "its signatures are malformed", note: notVerified},
		{name: "none", want: "repomd.xml.asc: verification failed: it is missing", note: notVerified},
		{name: "none, with packages", want: "it is missing", packages: true, note: "Packages are verified with them when asof captures them for the first time, but not all of this checkpoint's metadata: a signature is missing or not good."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			f := some(s, "")
			s.publish("", f)
			asc := func() {
				if tt.asc != nil {
					s.Set(signatureName, tt.asc(s.Content(repomdName)))
				}
			}
			asc()
			var log bytes.Buffer
			open := func() *upstream {
				log.Reset()
				env := s.env()
				env.Log = slog.New(slog.NewTextHandler(&log, nil))
				r, err := newUpstream(Options{URL: s.Server.URL, SignedBy: []string{remotetest.KeyFile(t, true, mine)}, Verify: "warn", VerifyPackages: tt.packages}, env)
				must(t, err)
				return r
			}
			warned := func() bool {
				const say = `level=WARN msg="captured unverified (verify: warn): `
				return strings.Count(log.String(), say) == 1 && strings.Contains(log.String(), tt.want)
			}
			r := open()
			if tt.want != "" {
				if text, err := s.fail(r, nil); !errors.Is(err, remote.ErrMoved) {
					t.Errorf("%s: it may be right a moment later", text)
				}
			}
			c, err := r.Capture(t.Context(), nil)
			must(t, err)
			defer c.Close()
			p := remotetest.Publish(t, c)
			if _, kept := p.Data[signatureName]; kept != tt.kept || warned() != (tt.want != "") {
				t.Errorf("kept: %v\n%s", kept, log.String())
			}
			g, err := r.Guide(t.Context(), p)
			must(t, err)
			if note := g.Usage.Snippets[0].Note; !strings.HasPrefix(note, tt.note) {
				t.Error(note)
			}
			for _, snippet := range g.Usage.Snippets {
				if strings.Contains(snippet.Text, "[{name}]") && strings.Contains(snippet.Text, "repo_gpgcheck=1") != (tt.want == "") {
					t.Error(snippet.Text)
				}
			}
			if off := strings.Contains(g.Usage.Snippets[1].Note, "repo_gpgcheck is off where the signature of the metadata is missing or not good; zypper looks at one"); off != (tt.want != "") {
				t.Error(g.Usage.Snippets[1].Note)
			}
			// What the newest checkpoint has is known to last, in another process, too.
			r = open()
			c2, err := r.Capture(t.Context(), p)
			must(t, err)
			c2.Close()
			if warned() != (tt.want != "") {
				t.Error(log.String())
			}
			// Another state begins anew.
			f.packages += s.add("", pkg{name: "new", version: "1"})
			s.publish("", f)
			asc()
			s.Age()
			if tt.want != "" {
				if text, err := s.fail(open(), p); !errors.Is(err, remote.ErrMoved) {
					t.Error(text)
				}
			}
		})
	}
}

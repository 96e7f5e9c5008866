package rpm

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// What no digest binds to repomd.xml is of its moment: if that is another one once all is
// read, the capture begins again, though the old metadata are still there.
func TestNamedMoves(t *testing.T) {
	for _, moment := range []string{".treeinfo", ".discinfo", "media.1/products", "images/old.img", keyName} {
		s := newSite(t)
		s.publish("", some(s, ""))
		s.tree("")
		s.Set(keyName, packageFrom(t, "rsa.asc"))
		later := newSite(t)
		later.publish("", files{packages: later.add("", pkg{name: "later", version: "2"})})
		s.OnRequest(func(path string) {
			if path == moment {
				s.OnRequest(nil)
				s.Age()
				s.Set(repomdName, later.Content(repomdName)) // the old metadata stay
			}
		})
		if text, err := s.fail(s.open(Options{Verify: "off"}), nil); !errors.Is(err, remote.ErrMoved) {
			t.Errorf("%s: %s", moment, text)
		}
	}
}

// A repository that has nothing of that kind is not asked again.
func TestNamedCosts(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	s.capture(s.open(Options{Verify: "off"}), nil)
	if n := slices.Index(s.Take(), "GET "+repomdName+" since"); n >= 0 {
		t.Error("repomd.xml is read twice")
	}
}

// Only bytes that have a digest come from another mirror: nothing shows at which state that is.
func TestNamedElsewhere(t *testing.T) {
	s, other := newSite(t), newSite(t)
	s.publish("", some(s, ""))
	s.tree("")
	s.Remove("images/old.img", "images/boot.iso")
	other.Set("images/old.img", "of another release")
	other.Set("images/boot.iso", "the image")
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(s.Server.URL + "/\n" + other.Server.URL + "/\n"))
	}))
	defer list.Close()
	r, err := newUpstream(Options{Mirrorlist: list.URL + "/list", Verify: "off", Missing: "skip"}, s.env())
	must(t, err)
	s.fail(r, nil)
	c := s.capture(r, nil)
	paths := remotetest.Paths(c)
	if slices.Contains(paths, "images/old.img") || !slices.Contains(paths, "images/boot.iso") {
		t.Errorf("%q", paths)
	}
}

// A document that an option had left out is asked for once the option has gone.
func TestNamedAfterOption(t *testing.T) {
	s := newSite(t)
	s.publish("", some(s, ""))
	s.tree("")
	off := false
	prev := listedCheckpoint{remotetest.Publish(t, s.capture(s.open(Options{Verify: "off", Treeinfo: &off}), nil)), false}
	c := s.capture(s.open(Options{Verify: "off"}), prev)
	if !slices.Contains(remotetest.Paths(c), ".treeinfo") {
		t.Errorf("%q", remotetest.Paths(c))
	}
}

// A refusal is no absence where the newest checkpoint has the document.
func TestNamedRefused(t *testing.T) {
	refuse := false
	s := newSite(t)
	s.publish("", some(s, ""))
	s.tree("")
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse && strings.HasSuffix(r.URL.Path, ".treeinfo") {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		s.ServeHTTP(w, r)
	}))
	defer front.Close()
	r := s.open(Options{URL: front.URL, Verify: "off"})
	prev := remotetest.Publish(t, s.capture(r, nil))
	refuse = true
	s.Age()
	s.publish("", files{packages: s.add("", pkg{name: "later", version: "2"})})
	text, err := s.fail(r, prev)
	if status, ok := errors.AsType[*fetch.StatusError](err); !ok || status.Code != http.StatusForbidden {
		t.Error(text)
	}
	// Where there never was one, it is absent.
	if c := s.capture(s.open(Options{URL: front.URL, Verify: "off"}), nil); slices.Contains(remotetest.Paths(c), ".treeinfo") {
		t.Errorf("%q", remotetest.Paths(c))
	}
}

// What upstream refuses is told apart from what it does not have.
func TestRefused(t *testing.T) {
	refused := ""
	s := newSite(t)
	s.publish("", some(s, ""))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refused != "" && strings.Contains(r.URL.Path, refused) {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		s.ServeHTTP(w, r)
	}))
	defer front.Close()
	refused = "-primary.xml.gz"
	text, err := s.failLasting(s.open(Options{URL: front.URL, Verify: "off"}), nil)
	if !errors.Is(err, remote.ErrMissing) || !strings.HasSuffix(text, "-primary.xml.gz: upstream lists it and refuses it: 403 Forbidden") ||
		!strings.HasPrefix(hint(err), "check the credentials and the client certificate") {
		t.Errorf("%s, %s", text, hint(err))
	}
}

// A server that answers in whatever way for what clients do without does not end a capture.
func TestOptionalRefused(t *testing.T) {
	for _, code := range []int{400, 401, 403, 404, 405, 410, 451} {
		s := newSite(t)
		s.publish("", some(s, ""))
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.Content(strings.TrimPrefix(r.URL.Path, "/")) == "" {
				http.Error(w, "no", code)
				return
			}
			s.ServeHTTP(w, r)
		}))
		s.capture(s.open(Options{URL: front.URL, Verify: "off"}), nil)
		text, err := s.failLasting(s.open(Options{URL: front.URL + "/nowhere", Verify: "off"}), nil)
		if hinted := code != 400 && code != 405 && code != 451; !strings.Contains(text, http.StatusText(code)) || hinted != (hint(err) != "") {
			t.Errorf("%d: %s, %s", code, text, hint(err))
		}
		front.Close()
	}
}

package apt

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/asof/asof/internal/unpack"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/remotetest"
	"github.com/asof/asof/publisher/remote/signature"
)

func TestSignatures(t *testing.T) {
	year := now().AddDate(-1, 0, 0)
	mine, other := remotetest.Key(t, year, 0), remotetest.Key(t, year, 0)
	expired := remotetest.Key(t, year, 365*24*time.Hour-time.Hour)  // an hour ago
	long := remotetest.Key(t, year.AddDate(-1, 0, 0), 24*time.Hour) // before it signed
	tests := []struct {
		name   string
		by     []*openpgp.Entity
		change func(a *archive)
		opts   Options
		want   string // a part of the error; empty: it is good
	}{
		{name: "a good one", by: []*openpgp.Entity{mine}},
		{name: "a good one beside an unknown one", by: []*openpgp.Entity{other, mine}},
		{name: "a good one beside one by an expired key", by: []*openpgp.Entity{expired, mine}},
		{name: "only an unknown one", by: []*openpgp.Entity{other}, want: "InRelease: verification failed: no good signature: the key"},
		{name: "an expired key", by: []*openpgp.Entity{expired}, want: "has expired"},
		{name: "an expired key, allowed", by: []*openpgp.Entity{expired}, opts: Options{AllowExpiredKeys: true}},
		{name: "a key that had expired when it signed", by: []*openpgp.Entity{long}, opts: Options{AllowExpiredKeys: true}, want: "has expired"},
		{name: "none", want: "Release: verification failed: it has neither Release.gpg nor InRelease"},
		{name: "another text", by: []*openpgp.Entity{mine}, want: "InRelease: verification failed: the signature by", change: func(a *archive) {
			a.Set("dists/stable/InRelease", strings.Replace(a.Content("dists/stable/InRelease"), "Origin: test", "Origin: tost", 1))
		}},
		{name: "text behind it", by: []*openpgp.Entity{mine}, want: "InRelease: verification failed: goes on behind its signature", change: func(a *archive) {
			a.Set("dists/stable/InRelease", a.Content("dists/stable/InRelease")+"SHA256:\n")
		}},
		{name: "text ahead of it", by: []*openpgp.Entity{mine}, want: "InRelease: verification failed: is not clear-signed", change: func(a *archive) {
			a.Set("dists/stable/InRelease", "SHA256:\n"+a.Content("dists/stable/InRelease"))
		}},
		{name: "cut", by: []*openpgp.Entity{mine}, want: "InRelease: verification failed: its clear signature is malformed", change: func(a *archive) {
			text := a.Content("dists/stable/InRelease")
			a.Set("dists/stable/InRelease", text[:len(text)-60])
		}},
		{name: "no armour", by: []*openpgp.Entity{mine}, want: "InRelease: verification failed: is not clear-signed", change: func(a *archive) {
			a.Set("dists/stable/InRelease", "Origin: test\n")
		}},
	}
	for _, tt := range tests {
		for _, armoured := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				a := newArchive(t)
				a.publish("dists/stable/", stable(a, tt.by...))
				if tt.change != nil {
					tt.change(a)
				}
				tt.opts.SignedBy = []string{remotetest.KeyFile(t, armoured, expired, long), remotetest.KeyFile(t, armoured, mine)}
				r := a.open(tt.opts)
				if tt.want == "" {
					a.capture(r, nil)
					return
				}
				text, err := a.fail(r, nil)
				if !strings.Contains(text, tt.want) || !errors.Is(err, remote.ErrUnverified) {
					t.Errorf("got %s\nwant …%s…", text, tt.want)
				}
			})
		}
	}
}

// Release with Release.gpg is as good; beside a good InRelease, a wrong one is
// left out.
func TestReleaseWithSignature(t *testing.T) {
	key := remotetest.Key(t, now().AddDate(-1, 0, 0), 0)
	opts := Options{SignedBy: []string{remotetest.KeyFile(t, true, key)}}
	a := newArchive(t)
	s := stable(a, key)
	s.plain = true
	a.publish("dists/stable/", s)
	list := a.capture(a.open(opts), nil).Files()
	if f := list[0]; f.Path != "dists/stable/Release" || f.Phase != remote.Root {
		t.Errorf("%+v", f)
	}
	if f := list[1]; f.Path != "dists/stable/Release.gpg" || f.Phase != remote.Signature {
		t.Errorf("%+v", f)
	}
	release := a.Content("dists/stable/Release")
	binary := new(bytes.Buffer)
	must(t, openpgp.DetachSign(binary, key, strings.NewReader(release), &packet.Config{Time: signing}))
	a.Set("dists/stable/Release.gpg", binary.String())
	a.capture(a.open(opts), nil)
	a.Set("dists/stable/Release.gpg", remotetest.Detach(t, release+" ", signing(), key))
	if text, _ := a.fail(a.open(opts), nil); !strings.Contains(text, "HOST/dists/stable/Release.gpg: verification failed: the signature by") {
		t.Error(text)
	}

	a.Set("dists/stable/InRelease", remotetest.Clearsign(t, release, signing(), key))
	has := func(path string) bool {
		return strings.Contains(strings.Join(remotetest.Paths(a.capture(a.open(opts), nil)), "\n")+"\n", path+"\n")
	}
	if has("Release.gpg") || has("stable/Release") || !has("InRelease") {
		t.Error("a bad Release.gpg stands beside a good InRelease")
	}
	a.Set("dists/stable/Release.gpg", remotetest.Detach(t, release, signing(), key))
	if !has("Release.gpg") || !has("stable/Release") || !has("InRelease") {
		t.Error("a good Release.gpg is missing")
	}
	a.Set("dists/stable/Release", release+"Suite: another\n")
	if has("Release.gpg") || has("stable/Release") || !has("InRelease") {
		t.Error("a Release of another generation stands beside InRelease")
	}
}

// Without keys it is said once; verify decides otherwise.
func TestVerifyOption(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", stable(a))
	for verify, want := range map[string]int{"": 1, "off": 0} {
		var log bytes.Buffer
		r, err := New(Options{URL: a.Server.URL, Suites: []string{"stable"}, Verify: verify}, fetch.Env{Log: slog.New(slog.NewTextHandler(&log, nil))})
		must(t, err)
		r.(*upstream).now = now
		for range 2 {
			c, err := r.Capture(t.Context(), nil)
			must(t, err)
			c.Close()
		}
		if got := strings.Count(log.String(), "signatures are not checked: no keyring is configured (signed_by)"); got != want {
			t.Errorf("verify %q: it is said %d times", verify, got)
		}
	}
}

func TestTimeOfRelease(t *testing.T) {
	a := newArchive(t)
	off := false
	s := stable(a)
	s.date = now()
	a.publish("dists/stable/", s)
	newer := remotetest.Publish(t, a.capture(a.open(Options{Verify: "off"}), nil))
	for _, tt := range []struct {
		name   string
		date   time.Time
		fields string
		opts   Options
		want   string
	}{
		{name: "as old", date: now()},
		{name: "older", date: now().Add(-time.Second),
			want: "HOST/dists/stable/Release: verification failed: it is of 2025-03-18T14:03:39Z, older than the newest checkpoint's of 2025-03-18T14:03:40Z"},
		{name: "older, allowed", date: now().Add(-time.Second), opts: Options{AllowRollback: true}},
		{name: "in the future", date: now().AddDate(0, 0, 2), want: "HOST/dists/stable/Release: verification failed: it is dated 2025-03-20T14:03:40Z, in the future"},
		{name: "expired", date: now(), fields: "Valid-Until: Tue, 18 Mar 2025 14:03:39 UTC\n", want: "HOST/dists/stable/Release: verification failed: it was valid until 2025-03-18T14:03:39Z"},
		{name: "expired, allowed", date: now(), fields: "Valid-Until: Tue, 18 Mar 2025 14:03:39 UTC\n", opts: Options{CheckValidUntil: &off}},
		{name: "valid", date: now(), fields: "Valid-Until: Tue, 18 Mar 2025 14:03:41 +0000\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.T = t
			s := stable(a)
			s.date, s.fields = tt.date, s.fields+tt.fields+"Label: "+tt.name+"\n"
			a.Age()
			a.publish("dists/stable/", s)
			tt.opts.Verify = "off"
			if tt.want == "" {
				a.capture(a.open(tt.opts), newer)
				return
			}
			if text, err := a.fail(a.open(tt.opts), newer); text != tt.want || !errors.Is(err, remote.ErrUnverified) {
				t.Errorf("\n got %s\nwant %s", text, tt.want)
			}
		})
	}
}

// The machine's own archive: what apt has read and believed, read and believed here.
func TestRealLists(t *testing.T) {
	const lists = "/var/lib/apt/lists"
	names, err := filepath.Glob(lists + "/*debian*_InRelease")
	must(t, err)
	if len(names) == 0 {
		if _, err := os.Stat("/etc/debian_version"); err != nil && os.Getenv("CI") == "" {
			t.Skip("not a Debian system")
		}
		t.Fatalf("%s holds no InRelease file: run apt-get update", lists)
	}
	keys, err := signature.Read([]string{"/usr/share/keyrings/debian-archive-keyring.gpg"}, false)
	must(t, err)
	for _, name := range names {
		data, err := os.ReadFile(name)
		must(t, err)
		signed, err := signature.Open(data)
		must(t, err)
		_, err = keys.VerifyClear(signed, time.Now())
		must(t, err)
		rel, err := parseRelease(releaseText{text: signed.Text, where: name}, func(place, problem string) { t.Errorf("%s: %s", place, problem) })
		must(t, err)
		altered, err := signature.Open(bytes.Replace(data, []byte("Origin: "), []byte("Origin: x"), 1))
		must(t, err)
		if _, err := keys.VerifyClear(altered, time.Now()); err == nil {
			t.Errorf("%s: another text verifies", name)
		}
		prefix := strings.TrimSuffix(name, "InRelease")
		indexes, err := filepath.Glob(prefix + "*_Packages*")
		must(t, err)
		for _, index := range indexes {
			ix := strings.ReplaceAll(strings.TrimPrefix(index, prefix), "_", "/")
			stem := strings.TrimSuffix(ix, filepath.Ext(ix))
			if filepath.Ext(ix) == "" {
				stem = ix
			}
			f, err := os.Open(index)
			must(t, err)
			defer f.Close()
			listings := rel.files[stem]
			if len(listings) != 1 {
				t.Errorf("%s: is %d times in Release", stem, len(listings))
				continue
			}
			want := listings[0].Listed
			c := &capture{upstream: &upstream{}}
			var out parsed
			r, err := unpack.Reader(f, filepath.Ext(ix), want.Size, true)
			must(t, err)
			v := mirror.NewVerifier(want)
			must(t, c.parsePackages(&obtained{suite: &suite{}, indexName: parseIndexName(stem)}, tee{r, v}, &out))
			if _, err := v.Done(); err != nil {
				t.Errorf("%s: %v", index, err)
			}
			t.Logf("%s: %d packages", filepath.Base(index), len(out.files))
		}
	}
}

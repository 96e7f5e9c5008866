package apt

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// logged is a remote of the archive and what it logs at warn, a line each, with the
// server's address as HOST.
func (a *archive) logged(opts Options) (*upstream, func() string) {
	a.Helper()
	opts.URL, opts.Suites = a.Server.URL, cmpOrList(opts.Suites, "stable")
	if len(opts.SignedBy) == 0 {
		opts.Verify = "off"
	}
	var log bytes.Buffer
	level := &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}
	r, err := newUpstream(opts, fetch.Env{
		Log:       slog.New(slog.NewTextHandler(&log, level)),
		LookupEnv: func(string) (string, bool) { return "", false },
		Gates:     new(remotetest.Clock).Gates(nil),
	})
	must(a, err)
	r.now = now
	return r, func() string {
		text := strings.ReplaceAll(log.String(), a.Server.URL, "HOST")
		log.Reset()
		return text
	}
}

func cmpOrList(list []string, other string) []string {
	if len(list) == 0 {
		return []string{other}
	}
	return list
}

// one is a suite with one index.
func (a *archive) one(packages string) suiteFiles {
	return suiteFiles{fields: "Architectures: amd64\nComponents: main\n", indexes: map[string]string{"main/binary-amd64/Packages": packages}}
}

// edit publishes a suite whose Release file is then changed.
func (a *archive) edit(s suiteFiles, change func(string) string) {
	a.publish("dists/stable/", s)
	a.Set("dists/stable/Release", change(a.Content("dists/stable/Release")))
}

// What a Release file says that nobody needs, or that nobody can read, is warned about.
func TestReleaseInTheWild(t *testing.T) {
	date := "Date: Tue, 18 Mar 2025 13:03:40 UTC"
	replace := func(old, new string) func(string) string {
		return func(text string) string {
			if !strings.Contains(text, old) {
				t.Errorf("no %q in\n%s", old, text)
			}
			return strings.Replace(text, old, new, 1)
		}
	}
	for name, tt := range map[string]struct {
		change func(string) string
		warns  string // a part; empty: it does not
	}{
		"no date":               {replace(date+"\n", ""), "there is no date; nothing tells whether the archive went back in time"},
		"an unreadable date":    {replace(date, "Date: 三, 25 12月 2019 13:34:43 UTC"), "is no date that can be read"},
		"a zone by name":        {replace(date, "Date: Tue, 18 Mar 2025 13:03:40 CET"), "is no date that can be read"},
		"two dates":             {replace(date, "Date: never\n"+date), ""},
		"an ISO date":           {replace(date, "Date: 2025-03-18 13:03:40 UTC"), ""},
		"a stray line":          {replace("Components", "arm64\nComponents"), `msg="the line is no field and is passed over" at=HOST/dists/stable/Release:4`},
		"a list without colon":  {replace("SHA256:", "SHA1\n da39a3ee5e6b4b0d3255bfef95601890afd80709 4 main/binary-amd64/Packages.gz\nSHA256:"), "Release:5"},
		"comments":              {replace("SHA256:", "# by hand\nSHA256:\n# sums"), ""},
		"another stanza":        {func(text string) string { return text + "\nDate: x\n" }, "a second stanza is not read"},
		"empty lines ahead":     {func(text string) string { return "\n\n" + text }, ""},
		"a byte order mark":     {func(text string) string { return "\ufeff" + text }, ""},
		"CR LF":                 {func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }, ""},
		"a line of two words":   {func(text string) string { return text + " 00 12\n" }, `the line is passed over`},
		"a line of four words":  {func(text string) string { return text + " 00 12 a b\n" }, `the line is passed over`},
		"a digest of no length": {func(text string) string { return text + " abcd 12 main/other\n" }, `is not a digest of SHA256`},
		"names with ./":         {func(text string) string { return strings.ReplaceAll(text, " main/", " ./main/") }, ""},
		"names with /":          {func(text string) string { return strings.ReplaceAll(text, " main/", " /main//./") }, ""},
		"a name that leads out": {func(text string) string { return text + " " + strings.Repeat("00", 32) + " 12 ../../x\n" }, `holds the segment`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			a.edit(a.one(a.deb("hello", "1", "")), tt.change)
			r, log := a.logged(Options{})
			c := a.capture(r, nil)
			if got := log(); tt.warns == "" && got != "" || !strings.Contains(got, tt.warns) {
				t.Errorf("it warns:\n%s\nwant %s", got, tt.warns)
			}
			if list := strings.Join(remotetest.Paths(c), " "); !strings.Contains(list, "hello_1") || !strings.Contains(list, "dists/stable/main/binary-amd64/Packages.gz") {
				t.Error(list)
			}
			remotetest.Publish(t, c)
		})
	}
}

// A list without an entry lists no files, as for apt. It does not replace a checkpoint.
func TestReleaseWithoutEntries(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", a.one(a.deb("hello", "1", "")))
	prev := remotetest.Publish(t, a.capture(a.open(Options{Verify: "off"}), nil))
	a.Age()
	for _, lists := range []string{"", "SHA256:\n", "SHA256: inline\n", "SHA512:\nSHA256:\n\nMD5Sum:\n", "SHA256:\n 00 12 short\n"} {
		a.Set("dists/stable/Release", "Date: Tue, 18 Mar 2025 13:03:40 UTC\nComponents: main\nArchitectures: amd64\n"+lists)
		text, err := a.fail(a.open(Options{Verify: "off", Missing: "skip"}), prev)
		if _, ok := errors.AsType[*remote.InputError](err); !ok || !strings.HasPrefix(text, "HOST/dists/stable/Release: lists no files: it has no entry in any of the fields SHA512") {
			t.Errorf("%q: %s", lists, text)
		}
	}
}

func TestParseDate(t *testing.T) {
	for text, want := range map[string]string{
		"Tue, 03 Nov 2026 08:18:06 UTC":   "2026-11-03T08:18:06Z",
		"Tue,  3 Nov 2026 8:18:06 GMT":    "2026-11-03T08:18:06Z",
		"Tue, 03 Nov 2026 14:18:06 -0800": "2026-11-03T22:18:06Z",
		"Tue, 3 Nov 26 08:18:06 +0000":    "2026-11-03T08:18:06Z",
		"03 Nov 2026 08:18:06 Z":          "2026-11-03T08:18:06Z",
		"Tuesday, 03-Nov-26 08:18:06 GMT": "2026-11-03T08:18:06Z",
		"Tue Nov  3 08:18:06 2026":        "2026-11-03T08:18:06Z",
		"Tue Nov  3 08:18:06 UTC 2026":    "2026-11-03T08:18:06Z",
		"Tue, Nov 03 2026 08:18:06 +0000": "2026-11-03T08:18:06Z",
		"2026-11-03 08:18:06 UTC":         "2026-11-03T08:18:06Z",
		"2026-11-03T08:18:06+01:00":       "2026-11-03T07:18:06Z",
		"2026-11-03T08:18:06Z":            "2026-11-03T08:18:06Z",
		"Di, 03 Nov 2026 08:18:06 UTC":    "",
		"Tue, 03 Nov 2026 08:18:06 PST":   "",
		"1793693886":                      "",
		"":                                "",
	} {
		got, err := parseDate(text)
		if (err == nil) != (want != "") || err == nil && got.Format("2006-01-02T15:04:05Z07:00") != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
}

// Without a date nothing tells what is older; a Valid-Until that can't be read is refused,
// as apt does, unless it does not count.
func TestUnreadableTimes(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", a.one(a.deb("hello", "1", "")))
	r, _ := a.logged(Options{})
	prev := remotetest.Publish(t, a.capture(r, nil))
	a.edit(a.one(a.deb("hello", "2", "")), func(text string) string {
		return strings.Replace(text, "Date: Tue, 18 Mar 2025 13:03:40 UTC", "Date: yesterday", 1)
	})
	a.Age()
	a.capture(r, prev)

	s := a.one(a.deb("hello", "3", ""))
	s.fields += "Valid-Until: soon\n"
	a.publish("dists/stable/", s)
	off := false
	if text, err := a.fail(a.open(Options{Verify: "off"}), nil); !strings.Contains(text, `field Valid-Until: "soon" is no date`) || !errors.Is(err, remote.ErrUnverified) {
		t.Error(text)
	}
	a.capture(a.open(Options{Verify: "off", CheckValidUntil: &off}), nil)
}

// A stanza is judged when it is wanted, by what is needed of it.
func TestPackagesInTheWild(t *testing.T) {
	a := newArchive(t)
	good := a.deb("hello", "1", "")
	digest := func(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }
	size := len("the package odd 1")
	a.Set("pool/odd.deb", "the package odd 1")
	odd := func(fields string) string { return "Package: odd\n" + fields + "\n" }
	sha := "SHA256: " + digest("the package odd 1") + "\n"
	for name, tt := range map[string]struct {
		stanza string
		out    bool   // it is not captured
		warns  string // a part; empty: it does not
	}{
		"as it should be":        {odd(fmt.Sprintf("Filename: pool/odd.deb\nSize: %d\n", size) + sha), false, ""},
		"slashes":                {odd(fmt.Sprintf("Filename: /pool//./odd.deb\nSize: %d\n", size) + sha), false, ""},
		"a folded name":          {odd(fmt.Sprintf("Filename:\n pool/odd.deb\nSize: %d\n", size) + sha), false, ""},
		"a field twice":          {odd(fmt.Sprintf("Filename: ../x\nFilename: pool/odd.deb\nSize: 1\nSize: %d\n", size) + sha), false, ""},
		"a stray line":           {odd(fmt.Sprintf("stray\n x\nFilename: pool/odd.deb\nSize: %d\n", size) + sha), false, "Packages.gz:9"},
		"no size":                {odd("Filename: pool/odd.deb\n" + sha), false, "is no size in bytes; its digest counts"},
		"a weak digest of trash": {odd(fmt.Sprintf("Filename: pool/odd.deb\nSize: %d\nMD5sum: -\n", size) + sha), false, "the digest does not count"},
		"no name of a file":      {odd(sha), true, "has no Filename: nobody can get it"},
	} {
		t.Run(name, func(t *testing.T) {
			a.T = t
			a.publish("dists/stable/", a.one(good+tt.stanza))
			r, log := a.logged(Options{})
			c := a.capture(r, nil)
			if got := slices.Contains(remotetest.Paths(c), "pool/odd.deb"); got == tt.out {
				t.Errorf("captured: %v", got)
			}
			if got := log(); tt.warns == "" && got != "" || !strings.Contains(got, tt.warns) {
				t.Errorf("it warns:\n%s\nwant %s", got, tt.warns)
			}
			remotetest.Publish(t, c)
		})
	}
	// What can't be followed fails by its place, all of it, unless the filter leaves it out.
	a.T = t
	a.publish("dists/stable/", a.one(good+"Package: one\nFilename: ../x\n\nPackage: two\nFilename: pool/two\nSize: 1\n\n"))
	text, err := a.fail(a.open(Options{Verify: "off"}), nil)
	want := "2 files are missing or wrong upstream:\n" +
		"  dists/stable/main/binary-amd64/Packages.gz:11: package \"two\": pool/two: has no digest\n" +
		"  dists/stable/main/binary-amd64/Packages.gz:8: package \"one\": path \"../x\" holds the segment \"..\""
	if e, ok := errors.AsType[*remote.FaultsError](err); !ok || text != want || len(e.Faults) != 2 || !errors.Is(err, remote.ErrUnverified) {
		t.Errorf("got %s\nwant %s", text, want)
	}
	c := a.capture(a.open(Options{Verify: "off", Packages: Filter{Exclude: []string{"one", "two"}}}), nil)
	if !slices.Contains(remotetest.Paths(c), "pool/main/h/hello/hello_1_amd64.deb") {
		t.Error("what is good is missing")
	}
}

// Of two entries for one file the one counts that upstream's bytes match.
func TestContradictions(t *testing.T) {
	entry := func(name, content string) string {
		return fmt.Sprintf("Package: %s\nFilename: pool/x.deb\nSize: %d\nSHA256: %x\n\n", name, len(content), sha256.Sum256([]byte(content)))
	}
	for _, order := range []string{entry("new", "rebuilt") + entry("old", "built"), entry("old", "built") + entry("new", "rebuilt"), entry("old", "1234567") + entry("new", "rebuilt")} {
		a := newArchive(t)
		a.Set("pool/x.deb", "rebuilt")
		a.publish("dists/stable/", a.one(order))
		r, log := a.logged(Options{})
		prev := remotetest.Publish(t, a.capture(r, nil))
		if prev.Data["pool/x.deb"] != "rebuilt" {
			t.Error("another entry was taken")
		}
		old, right := "Packages.gz:1", "Packages.gz:6"
		if strings.HasPrefix(order, "Package: new") {
			old, right = right, old
		}
		if got := log(); !strings.Contains(got, "pool/x.deb is listed with another size or digest than at dists/stable/main/binary-amd64/"+right+", which is right") || !strings.Contains(got, "at=dists/stable/main/binary-amd64/"+old) {
			t.Error(got)
		}
		a.Take()
		a.capture(r, prev)
		if got := a.Take(); len(got) != 2 {
			t.Errorf("an unchanged archive: %q", got)
		}

		// Neither: in the end both places are named.
		a.Set("pool/x.deb", "neither")
		if text, err := a.fail(a.open(Options{Verify: "off"}), nil); !errors.Is(err, remote.ErrMoved) {
			t.Error(text)
		}
		again := a.open(Options{Verify: "off"})
		a.fail(again, nil)
		text, err := a.fail(again, nil)
		if errors.Is(err, remote.ErrMoved) || !strings.Contains(text, old) || !strings.Contains(text, right) {
			t.Error(text)
		}
		a.capture(a.open(Options{Verify: "off", Packages: Filter{Exclude: []string{"old", "new"}}}), nil)
	}
}

// Where Release lists a file twice, the file decides, too.
func TestReleaseContradictsItself(t *testing.T) {
	a := newArchive(t)
	wrong := " " + strings.Repeat("ab", 32)
	for _, line := range []string{wrong + " 12 main/binary-amd64/Packages.gz\n", ""} {
		s := a.one(a.deb("hello", "1", ""))
		a.edit(s, func(text string) string {
			if line == "" { // behind
				return text + fmt.Sprintf("%s %d main/binary-amd64/Packages.gz\n", wrong, len(a.Content("dists/stable/main/binary-amd64/Packages.gz")))
			}
			return strings.Replace(text, "SHA256:\n", "SHA256:\n"+line, 1)
		})
		r, log := a.logged(Options{})
		c := a.capture(r, nil)
		if got := log(); !strings.Contains(got, "main/binary-amd64/Packages.gz is listed with another size or digest than at HOST/dists/stable/Release:") {
			t.Error(got)
		}
		if !slices.Contains(remotetest.Paths(c), "dists/stable/main/binary-amd64/Packages.gz") {
			t.Error("it was not captured")
		}
	}
}

// An optional document that is never what Release says is left out, as one that is absent;
// at once, where it was so in the newest checkpoint.
func TestWrongOptionalIndex(t *testing.T) {
	a := newArchive(t)
	s := stable(a)
	s.fields = strings.TrimPrefix(fields, "Acquire-By-Hash: yes\n")
	a.publish("dists/stable/", s)
	for _, ext := range []string{"", ".gz", ".zst"} {
		a.Set("dists/stable/main/i18n/Translation-de"+ext, "another")
	}
	a.Set("dists/stable/main/binary-amd64/Release", "another")
	r, log := a.logged(Options{Contents: true})
	if text, err := a.fail(r, nil); !errors.Is(err, remote.ErrMoved) {
		t.Error(text)
	}
	c := a.once(r, nil)
	list := strings.Join(remotetest.Paths(c), " ")
	if strings.Contains(list, "Translation-de") || strings.Contains(list, "main/binary-amd64/Release") || !strings.Contains(list, "Translation-en") {
		t.Error(list)
	}
	if got := log(); strings.Count(got, "\n") != 4 || !strings.Contains(got, "left out, as it is not what Release says") {
		t.Error(got)
	}
	prev := remotetest.Publish(t, c)
	again, _ := a.logged(Options{Contents: true})
	if now := strings.Join(remotetest.Paths(a.once(again, prev)), " "); now != list {
		t.Errorf("got %s\nwant %s", now, list)
	}
}

// An index that clients can't do without is a fault where it was so before.
func TestLastingIndexFaults(t *testing.T) {
	a := newArchive(t)
	s := stable(a)
	s.fields = strings.TrimPrefix(fields, "Acquire-By-Hash: yes\n")
	a.publish("dists/stable/", s)
	a.Remove("dists/stable/main/binary-arm64/Packages.gz", "dists/stable/main/binary-arm64/Packages.zst")
	a.Set("dists/stable/main/binary-amd64/Packages.gz", "another")
	r := a.open(Options{Verify: "off"})
	if text, err := a.fail(r, nil); !errors.Is(err, remote.ErrMoved) {
		t.Error(text)
	}
	text, err := a.fail(r, nil)
	if want := "dists/stable/main/binary-arm64/Packages: upstream lists it and does not have it, in no compression (HOST/dists/stable/Release:"; errors.Is(err, remote.ErrMoved) || !strings.HasPrefix(text, want) {
		t.Errorf("got %s\nwant %s", text, want)
	}
	if e, ok := errors.AsType[*remote.FaultsError](err); !ok || !strings.Contains(e.Hint(), "architectures leave files out") || strings.Contains(e.Hint(), "skip") {
		t.Error(err)
	}
	// missing: skip does not skip it.
	r = a.open(Options{Verify: "off", Missing: "skip"})
	a.fail(r, nil)
	if again, err := a.fail(r, nil); again != text || !errors.Is(err, remote.ErrMissing) || errors.Is(err, remote.ErrMoved) {
		t.Errorf("got %s\nwant %s", again, text)
	}
	// One compression that is right is enough.
	c := a.capture(a.open(Options{Verify: "off", Architectures: []string{"amd64"}}), nil)
	list := strings.Join(remotetest.Paths(c), " ")
	if strings.Contains(list, "binary-arm64/Packages") || strings.Contains(list, "binary-amd64/Packages.gz") && strings.Contains(list, "main/binary-amd64/Packages.gz ") || !c.Lasting() || len(c.Missing()) > 0 {
		t.Errorf("%s\nmissing %q", list, c.Missing())
	}
}

// What was skipped is left out as long as the archive is the same.
func TestSkip(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", a.one(a.deb("hello", "1", "")+a.deb("gone", "1", "")))
	const gone = "pool/main/g/gone/gone_1_amd64.deb"
	r := a.open(Options{Verify: "off", Missing: "skip"})
	if c := a.capture(r, nil); c.Lasting() || len(c.Missing()) > 0 {
		t.Error("the first capture is a lasting one")
	}
	c := a.capture(r, nil)
	if !c.Lasting() || !c.Skip([]string{gone}) {
		t.Error("the second capture is none")
	}
	c = a.capture(r, nil)
	if slices.Contains(remotetest.Paths(c), gone) || !slices.Equal(c.Missing(), []string{gone}) {
		t.Errorf("%q, missing %q", remotetest.Paths(c), c.Missing())
	}
	a.publish("dists/stable/", a.one(a.deb("hello", "2", "")+a.deb("gone", "1", "")))
	if c = a.capture(r, nil); c.Lasting() || !slices.Contains(remotetest.Paths(c), gone) {
		t.Error("the archive is another one now")
	}
	if a.capture(a.open(Options{Verify: "off"}), nil).Skip([]string{gone}) {
		t.Error("nobody chose to do without it")
	}
}

// If upstream has none of its pool files, they are not skipped: a ban looks the same.
// The next capture asks for them again.
func TestSkipNotAll(t *testing.T) {
	const one, two = "pool/main/o/one/one_1_amd64.deb", "pool/main/t/two/two_1_amd64.deb"
	a := newArchive(t)
	a.publish("dists/stable/", a.one(a.deb("one", "1", "")+a.deb("two", "1", "")))
	want := "HOST/: upstream has none of the files that it lists (2, the first is " + one + "), so missing: skip does not apply"
	check := func(text string, err error) {
		t.Helper()
		e, ok := errors.AsType[*remote.FaultsError](err)
		if !ok || text != want || e.Missing() != nil || !errors.Is(err, remote.ErrMissing) || !strings.Contains(e.Hint(), "credentials") {
			t.Errorf("got %s\nwant %s", text, want)
		}
	}
	r := a.open(Options{Verify: "off", Missing: "skip"})
	a.capture(r, nil)
	a.capture(r, nil).Skip([]string{one})
	a.capture(r, nil).Skip([]string{two})
	check(a.fail(r, nil))
	if c := a.capture(r, nil); len(c.Missing()) > 0 || !slices.Contains(remotetest.Paths(c), one) {
		t.Errorf("%q is left out for ever", c.Missing())
	}

	// The same where the capture itself has to read the files.
	s := a.one(strings.ReplaceAll(a.deb("one", "1", "")+a.deb("two", "1", ""), "SHA256: ", "X: "))
	for _, name := range []string{one, two} {
		s.indexes["main/binary-amd64/Packages"] = strings.Replace(s.indexes["main/binary-amd64/Packages"], "X: ", "SHA512: "+digestOf("SHA512", []byte(a.Content(name)))+"\nX: ", 1)
		s.indexes["main/binary-amd64/Packages"] = strings.Replace(s.indexes["main/binary-amd64/Packages"], "\nX: ", "\nY: ", 1)
	}
	a.publish("dists/stable/", s)
	a.Remove(one, two)
	r = a.open(Options{Verify: "off", Missing: "skip"})
	a.fail(r, nil)
	check(a.fail(r, nil))
}

// Indexes without bytes are neither asked for nor unpacked.
func TestEmptyIndexes(t *testing.T) {
	a := newArchive(t)
	a.publish("dists/stable/", a.one(a.deb("hello", "1", "")))
	empty := digestOf("SHA256", nil)
	text := a.Content("dists/stable/Release")
	for _, name := range []string{"Packages", "Packages.gz"} {
		text += " " + empty + " 0 contrib/binary-amd64/" + name + "\n"
	}
	a.Set("dists/stable/Release", text)
	c := a.capture(a.open(Options{Verify: "off"}), nil)
	remotetest.Publish(t, c)
	if list := remotetest.Paths(c); !slices.Contains(list, "dists/stable/contrib/binary-amd64/Packages") {
		t.Errorf("%q", list)
	}
	for _, request := range a.Take() {
		if strings.Contains(request, "contrib") {
			t.Error(request)
		}
	}
}

// What stands behind the compressed data is warned about; another content than Release
// lists fails, though the compressed file is right.
func TestBehindTheCompressedData(t *testing.T) {
	for _, listed := range []bool{true, false} {
		a := newArchive(t)
		index := a.deb("hello", "1", "")
		data := append(gzipped([]byte(index)), make([]byte, 17)...)
		release := func(index string) string {
			text := fmt.Sprintf("Date: Tue, 18 Mar 2025 13:03:40 UTC\nArchitectures: amd64\nSHA256:\n %s %d main/binary-amd64/Packages.gz\n", digestOf("SHA256", data), len(data))
			if listed {
				text += fmt.Sprintf(" %s %d main/binary-amd64/Packages\n", digestOf("SHA256", []byte(index)), len(index))
			}
			return text
		}
		a.Set("dists/stable/Release", release(index))
		a.Set("dists/stable/main/binary-amd64/Packages.gz", string(data))
		r, log := a.logged(Options{})
		remotetest.Publish(t, a.capture(r, nil))
		if got := log(); !strings.Contains(got, "what stands behind the end of the compressed data is not read") {
			t.Error(got)
		}
		if !listed {
			continue
		}
		a.Set("dists/stable/Release", release(strings.Replace(index, "hello", "jello", 1)))
		if text, err := a.fail(a.open(Options{Verify: "off"}), nil); !strings.Contains(text, "it unpacks to something else than Release lists") || !errors.Is(err, remote.ErrUnverified) {
			t.Error(text)
		}
	}
}

// The variant that apt prefers is the one that is read. If apt can't read it, it is left
// out and the next one counts. A wrong variant that apt never reads does no harm.
func TestPreferredVariant(t *testing.T) {
	const dir = "dists/stable/main/binary-amd64/"
	for name, tt := range map[string]struct {
		gz, zst func(index []byte) []byte
		out     string // the variant that is left out
		fail    string
	}{
		"both are right":        {gzipped, zstded, "", ""},
		"gz has other content":  {func(index []byte) []byte { return gzipped(bytes.Replace(index, []byte("hello"), []byte("jello"), 1)) }, zstded, ".gz", ""},
		"gz is no gzip file":    {bytes.ToUpper, zstded, ".gz", ""},
		"gz is cut":             {func(index []byte) []byte { return gzipped(index)[:40] }, zstded, ".gz", ""},
		"zst has other content": {gzipped, func(index []byte) []byte { return zstded(bytes.ToUpper(index)) }, "", ""},
		"both are wrong":        {bytes.ToUpper, bytes.ToUpper, "", dir + "Packages.gz: unpack: "},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			index := []byte(a.deb("hello", "1", ""))
			release := "Date: Tue, 18 Mar 2025 13:03:40 UTC\nArchitectures: amd64\nSHA256:\n"
			for ext, data := range map[string][]byte{"": index, ".gz": tt.gz(index), ".zst": tt.zst(index)} {
				release += fmt.Sprintf(" %s %d main/binary-amd64/Packages%s\n", digestOf("SHA256", data), len(data), ext)
				if ext != "" {
					a.Set(dir+"Packages"+ext, string(data))
				}
			}
			a.Set("dists/stable/Release", release)
			r, log := a.logged(Options{Missing: "skip"})
			if tt.fail != "" {
				if text, err := a.fail(r, nil); !strings.HasPrefix(text, tt.fail) || errors.Is(err, remote.ErrMoved) {
					t.Error(text)
				}
				return
			}
			var prev remote.Previous
			for range 2 { // unchanged, it is the same
				c := a.capture(r, prev)
				list := remotetest.Paths(c)
				for _, ext := range []string{".gz", ".zst"} {
					if slices.Contains(list, dir+"Packages"+ext) == (ext == tt.out) {
						t.Errorf("%s: %q", ext, list)
					}
				}
				if !slices.Contains(list, "pool/main/h/hello/hello_1_amd64.deb") {
					t.Errorf("%q", list)
				}
				if got := log(); prev == nil && strings.Contains(got, "left out, as apt can't read it") != (tt.out != "") || prev == nil && !strings.Contains(got, tt.out) {
					t.Error(got)
				}
				prev = remotetest.Publish(t, c)
			}
		})
	}
}

// A compression that was not there at first is taken when it is, though Release is the
// same. The uncompressed index is not looked for.
func TestLateVariant(t *testing.T) {
	const name = "dists/stable/main/binary-amd64/Packages.gz"
	a := newArchive(t)
	a.publish("dists/stable/", a.one(a.deb("hello", "1", "")))
	content := a.Content(name)
	a.Remove(name)
	r, log := a.logged(Options{})
	c := a.capture(r, nil)
	if got := log(); slices.Contains(remotetest.Paths(c), name) || strings.Count(got, "\n") != 1 || !strings.Contains(got, "upstream lists it and does not have it") || !strings.Contains(got, "at=HOST/"+name) {
		t.Error(got)
	}
	prev := remotetest.Publish(t, c)
	a.Take()
	c = a.capture(r, prev)
	if got := a.Take(); slices.Contains(remotetest.Paths(c), name) || !slices.Contains(got, "GET "+name) || slices.Contains(got, "GET dists/stable/main/binary-amd64/Packages") || log() != "" {
		t.Errorf("%q", got)
	}
	a.Set(name, content)
	c = a.capture(r, prev)
	if !slices.Contains(remotetest.Paths(c), name) {
		t.Errorf("%q", remotetest.Paths(c))
	}
	prev = remotetest.Publish(t, c)
	a.Take()
	a.capture(r, prev)
	if got := a.Take(); slices.Contains(got, "GET "+name) {
		t.Errorf("%q", got)
	}
}

// An archive without Release is taken where nothing is to be verified, and known again.
func TestBare(t *testing.T) {
	a := newArchive(t)
	a.Set("dists/stable/main/binary-amd64/Packages.gz", string(gzipped([]byte(a.deb("hello", "1", "")))))
	hint := func(opts Options) string {
		t.Helper()
		_, err := a.fail(a.open(opts), nil)
		if e, ok := errors.AsType[*bareError](err); ok && errors.Is(err, fs.ErrNotExist) {
			return e.Hint()
		}
		t.Error(err)
		return ""
	}
	if got := hint(Options{}); !strings.HasPrefix(got, `verify: "off" takes`) {
		t.Error(got)
	}
	if got := hint(Options{Verify: "off"}); !strings.HasPrefix(got, "name the components") {
		t.Error(got)
	}
	opts := Options{Verify: "off", Components: []string{"main"}, Architectures: []string{"amd64"}}
	r := a.open(opts)
	c := a.capture(r, nil)
	prev := remotetest.Publish(t, c)
	if got := fmt.Sprint(remotetest.Paths(c)); got != "[dists/stable/main/binary-amd64/Packages.gz pool/main/h/hello/hello_1_amd64.deb]" || c.Files()[0].Phase != remote.Root || c.Lasting() {
		t.Error(got)
	}
	if c = a.capture(r, prev); !c.Lasting() {
		t.Error("it is not known again")
	}
	guide, err := r.Guide(t.Context(), prev)
	must(t, err)
	if s := guide.Usage.Snippets[0]; !strings.Contains(s.Text, "Trusted: yes\n") || !strings.Contains(s.Note, "has no Release file") {
		t.Errorf("%+v", s)
	}
	a.Remove("dists/stable/main/binary-amd64/Packages.gz")
	if text, err := a.fail(r, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(text)
	}

	// A compressed index without bytes is cut, not empty. An uncompressed one may be empty.
	for _, ext := range []string{".xz", ".gz"} {
		a.Set("dists/stable/main/binary-amd64/Packages"+ext, "")
		text, err := a.fail(a.open(opts), prev)
		if _, ok := errors.AsType[*remote.InputError](err); !ok || text != "HOST/dists/stable/main/binary-amd64/Packages"+ext+": has no bytes, so it is no compressed file" {
			t.Error(text)
		}
		a.Remove("dists/stable/main/binary-amd64/Packages" + ext)
	}
	a.Set("dists/stable/main/binary-amd64/Packages", "")
	if got := remotetest.Paths(a.capture(a.open(opts), nil)); !slices.Equal(got, []string{"dists/stable/main/binary-amd64/Packages"}) {
		t.Errorf("%q", got)
	}
	a.Remove("dists/stable/main/binary-amd64/Packages")

	// One that had a Release before has lost it.
	a.publish("dists/stable/", a.one(a.deb("hello", "1", "")))
	prev = remotetest.Publish(t, a.capture(a.open(opts), nil))
	a.Remove("dists/stable/Release")
	if text, err := a.fail(a.open(opts), prev); !strings.HasPrefix(text, "HOST/dists/stable/Release: is gone, and the newest checkpoint has it") || !errors.Is(err, remote.ErrUnverified) {
		t.Error(text)
	}
}

// Warnings are bounded, and said once.
func TestWarnings(t *testing.T) {
	a := newArchive(t)
	a.edit(a.one(a.deb("hello", "1", "")), func(text string) string {
		return text + strings.Repeat(" 00 12\n", 50)
	})
	r, log := a.logged(Options{})
	a.capture(r, nil)
	if got := log(); strings.Count(got, "\n") != mirror.MaxWarnings+1 || !strings.Contains(got, `msg="and 30 more warnings about this archive" at=HOST/`) {
		t.Error(got)
	}
	a.capture(r, nil)
	if got := log(); got != "" {
		t.Errorf("again: %s", got)
	}
}

// The lines of a clear-signed Release are those of InRelease. A second signature in a block
// of its own is as good as one in the first.
func TestSignedInTheWild(t *testing.T) {
	mine, other := remotetest.Key(t, signing().AddDate(-1, 0, 0), 0), remotetest.Key(t, signing().AddDate(-1, 0, 0), 0)
	a := newArchive(t)
	s := a.one(a.deb("hello", "1", ""))
	s.fields = "stray\n" + s.fields
	a.publish("dists/stable/", s)
	release := a.Content("dists/stable/Release")
	a.Remove("dists/stable/Release")
	second := remotetest.Clearsign(t, release, signing(), mine)
	in := remotetest.Clearsign(t, release, signing(), other) + second[strings.Index(second, "-----BEGIN PGP SIGNATURE"):]
	a.Set("dists/stable/InRelease", in)
	r, log := a.logged(Options{SignedBy: []string{remotetest.KeyFile(t, true, mine)}})
	a.capture(r, nil)
	line := slices.Index(strings.Split(in, "\n"), "stray") + 1
	if got := log(); !strings.Contains(got, fmt.Sprintf("at=HOST/dists/stable/InRelease:%d", line)) || !strings.Contains(got, "beside a good signature: the key ") {
		t.Error(got)
	}
}

// A signature that is good, in a form that apt refuses, is published with a warning.
func TestRefusedForm(t *testing.T) {
	key := remotetest.Key(t, signing().AddDate(-1, 0, 0), 0)
	opts := Options{SignedBy: []string{remotetest.KeyFile(t, true, key)}}
	dearmoured := func(text string) string {
		b, err := armor.Decode(strings.NewReader(text))
		must(t, err)
		data, err := io.ReadAll(b.Body)
		must(t, err)
		return string(data)
	}
	emptyLine := func(text string) string { return strings.TrimRight(text, "\n") + "\n\n" }
	for name, tt := range map[string]struct {
		plain  bool
		change func(string) string
		warns  string // empty: it does not
	}{
		"InRelease":                        {false, func(text string) string { return text }, ""},
		"InRelease and an empty line":      {false, emptyLine, "an empty line follows the signature"},
		"Release.gpg":                      {true, func(text string) string { return text }, ""},
		"Release.gpg and an empty line":    {true, emptyLine, "an empty line follows the signature"},
		"Release.gpg that is not armoured": {true, dearmoured, "the signature is binary, not armoured"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			s := a.one(a.deb("hello", "1", ""))
			s.by, s.plain = []*openpgp.Entity{key}, tt.plain
			a.publish("dists/stable/", s)
			doc := "dists/stable/InRelease"
			if tt.plain {
				doc = "dists/stable/Release.gpg"
			}
			a.Set(doc, tt.change(a.Content(doc)))
			r, log := a.logged(opts)
			c := remotetest.Publish(t, a.capture(r, nil))
			if c.Data[doc] != a.Content(doc) {
				t.Errorf("%s has other bytes than upstream's", doc)
			}
			want := ""
			if tt.warns != "" {
				want = fmt.Sprintf("msg=%q at=HOST/%s\n", "apt refuses it, so clients can't use this archive: "+tt.warns, doc)
			}
			if got := log(); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}

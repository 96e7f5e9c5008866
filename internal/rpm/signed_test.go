package rpm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/signature"
)

// The packages in testdata are one package, built and signed by rpm 4.18 (rpm6.rpm: by rpm
// 6.1, with two signatures): RSA, Ed25519, RSA with SHA-1, and RSA of version 3 by GnuPG 1.4.
// whole.rpm and whole3.rpm (of version 3) are as rpm before 4.14 built them: the header has
// no digest of the payload, and a second signature is over both.
func testPackage(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".rpm"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func testKeys(t testing.TB, names ...string) *signature.Keyring {
	t.Helper()
	for i, name := range names {
		names[i] = filepath.Join("testdata", name+".asc")
	}
	k, err := signature.Read(names, false)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func now() time.Time { return time.Date(2026, time.December, 24, 0, 0, 0, 0, time.UTC) }

// verify reads a whole file as a remote does.
func verify(data []byte, keys Keys) (*Header, error) {
	r := bytes.NewReader(data)
	p, err := ReadHeader(r)
	if err != nil {
		return nil, err
	}
	if _, err := p.Verify(keys, now()); err != nil {
		return p, err
	}
	return p, checkPayload(p, r, keys)
}

// checkPayload reads the rest of a file.
func checkPayload(h *Header, r io.Reader, keys Keys) error {
	p, err := h.Payload(keys, now())
	if err != nil {
		return err
	}
	if _, err := io.Copy(p, r); err != nil {
		return err
	}
	_, err = p.Check()
	return err
}

func TestVerify(t *testing.T) {
	const (
		whole                  = "9845BB2B4CF7A7CEB0D0CBE13F7083B6FF413A44"
		rsa, ed25519, version3 = "C4CE2AADC1E7B9CE1D9633CA48BB2D2BCFC228EB", "D995FBDB7C05C60E0CA1D32E90B3B37F6654BB01", "34317B2F78BBC3BE"
		unverified             = "package libhello++-2:1.0^git1-1.noarch: verification failed: "
		missing                = unverified + "no good signature: the key "
	)
	for _, tt := range []struct {
		file, keys string
		want       string // how the error begins; empty: it is good
	}{
		{"rsa", "rsa", ""},
		{"ed25519", "ed25519", ""},
		{"version3", "version3", ""},
		{"rpm6", "rsa", ""},
		{"rpm6", "ed25519", ""},
		{"rpm6", "rsa ed25519", ""},
		{"source", "ed25519", ""},
		{"whole", "whole", ""},
		{"whole3", "whole3", ""},
		{"whole", "rsa", missing + whole + " is not in signed_by (testdata/rsa.asc)"},
		{"unsigned", "rsa", unverified + "no good signature: it has no signature"},
		{"sha1", "rsa", unverified + "no good signature: 48BB2D2BCFC228EB used the weak hash SHA-1"},
		{"rsa", "ed25519", missing + rsa + " is not in signed_by (testdata/ed25519.asc)"},
		{"ed25519", "rsa", missing + ed25519 + " is not in signed_by (testdata/rsa.asc)"},
		{"version3", "rsa", missing + version3 + " is not in signed_by (testdata/rsa.asc)"},
		{"rpm6", "version3", missing + ed25519 + " is not in signed_by (testdata/version3.asc), the key " + rsa},
	} {
		p, err := verify(testPackage(t, tt.file), testKeys(t, strings.Fields(tt.keys)...))
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, remote.ErrUnverified) || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s by %s: %v, want %q", tt.file, tt.keys, err, tt.want)
		}
		arch := "noarch"
		if tt.file == "source" {
			arch = "src"
		}
		if p == nil || p.Name != "libhello++" || p.EVR != (EVR{"2", "1.0^git1", "1"}) || p.Arch != arch {
			t.Errorf("%s: %v", tt.file, p)
		}
	}
}

// No byte of header or payload can be another one.
func TestAltered(t *testing.T) {
	for _, file := range []string{"rsa", "ed25519", "version3", "rpm6", "whole", "whole3"} {
		data := testPackage(t, file)
		keys := testKeys(t, "rsa", "ed25519", "version3", "whole", "whole3")
		main := bytes.LastIndex(data, []byte{0x8e, 0xad, 0xe8, 1})
		for i := main; i < len(data); i++ {
			data[i] ^= 0x20
			if _, err := verify(data, keys); err == nil {
				t.Errorf("%s: byte %d does not matter", file, i)
			}
			data[i] ^= 0x20
		}
		for _, n := range []int{0, 95, 96, 100, 112, 400, main, main + 20, main + 1000, len(data) - 1} {
			if _, err := verify(data[:n], keys); err == nil || n <= main+1000 && !strings.HasSuffix(err.Error(), "is cut short") {
				t.Errorf("%s: %d bytes: %v", file, n, err)
			}
		}
	}
	for _, name := range []string{"whole", "whole3"} {
		keys := testKeys(t, name)
		data := testPackage(t, name)
		if _, err := verify(append(data, 'x'), keys); err == nil || !strings.HasSuffix(err.Error(), "is bad") {
			t.Errorf("%s: bytes behind: %v", name, err)
		}
		// The signature over both is no tag that anybody reads.
		entry := bytes.Index(data, []byte{0, 0, 1002 >> 8, 1002 & 0xff, 0, 0, 0, typeBinary})
		data[entry+3]++
		if _, err := verify(data, keys); err == nil || !strings.Contains(err.Error(), "neither a digest in its header nor a signature covers its payload") {
			t.Errorf("%s: without its second signature: %v", name, err)
		}
	}
	data := testPackage(t, "rsa")
	_, err := verify(append(data, 'x'), testKeys(t, "rsa"))
	if err == nil || !strings.HasPrefix(err.Error(), "package libhello++-2:1.0^git1-1.noarch: its payload has the SHA-256 ") {
		t.Error(err)
	}
}

// tag is a value of a header that a test makes.
type tag struct {
	tag, kind, count uint32
	value            string
}

func text(number uint32, s string) tag { return tag{number, typeString, 1, s + "\x00"} }

// makeHeader makes a header. Its size is a multiple of 8.
func makeHeader(tags ...tag) []byte {
	var index, values bytes.Buffer
	for _, t := range tags {
		binary.Write(&index, binary.BigEndian, indexEntry{t.tag, t.kind, uint32(values.Len()), t.count})
		values.WriteString(t.value)
	}
	for values.Len()%8 != 0 {
		values.WriteByte(0)
	}
	return append(intro(uint32(len(tags)), uint32(values.Len())), append(index.Bytes(), values.Bytes()...)...)
}

func intro(entries, size uint32) []byte {
	b := []byte{0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, entries), size)
}

func makePackage(signatures, main []byte) []byte {
	lead := append([]byte{0xed, 0xab, 0xee, 0xdb}, make([]byte, 92)...)
	return append(lead, append(signatures, main...)...)
}

// What is no package says why, and takes no memory for what it only announces.
func TestHostile(t *testing.T) {
	none := makeHeader()
	names := func(name string, more ...tag) []byte {
		return makeHeader(append([]tag{text(tagName, name), text(tagVersion, "1"), text(tagRelease, "1"), text(tagArch, "noarch"), text(tagSource, "x")}, more...)...)
	}
	if p, err := ReadHeader(bytes.NewReader(makePackage(none, names("x")))); err != nil || p.String() != "x-1-1.noarch" {
		t.Errorf("%v, %v", p, err)
	}
	for want, data := range map[string][]byte{
		"is cut short":         nil,
		"is no RPM package":    append([]byte("<html>"), make([]byte, 100)...),
		"does not begin as a":  makePackage([]byte("0123456789abcdef"), nil),
		"has 65536 tags":       makePackage(intro(65536, 8), nil),
		"has 4294967295 tags":  makePackage(intro(1<<32-1, 8), nil),
		"has 67108865 bytes":   makePackage(intro(1, 64<<20+1), nil),
		"signature header: is": makePackage(intro(65535, 64<<20), nil),
		"main header: is cut":  makePackage(none, intro(0, 64<<20)),
		"1000 lies outside":    makePackage(none, makeHeader(tag{tagName, typeString, 1, ""})),
		"1000 is cut short":    makePackage(none, makeHeader(tag{tagName, typeString, 1, "01234567"})),
		"1000 has the type 7":  makePackage(none, makeHeader(tag{tagName, typeBinary, 1, "x"})),
		"the tag 1000 twice":   makePackage(none, names("x", text(tagName, "y"))),
		"1003 is cut short":    makePackage(none, names("x", tag{tagEpoch, typeInt32, 0, "0123"})),
		"268 is cut short":     makePackage(makeHeader(tag{tagRSA, typeBinary, 1<<32 - 1, "x"}), nil),
		"267 has more than":    makePackage(makeHeader(tag{tagDSA, typeBinary, 1<<20 + 1, strings.Repeat("x", 1<<20+1)}), nil),
		"278 is cut short":     makePackage(makeHeader(tag{tagOpenPGP, typeStrings, 1<<32 - 1, "iQ==\x00"}), nil),
		"illegal base64":       makePackage(makeHeader(tag{tagOpenPGP, typeStrings, 1, "<html>\x00"}), names("x")),
		`"" is no name`:        makePackage(none, makeHeader(text(tagName, "x"), text(tagVersion, "1"))),
		`"x\ny" is no name`:    makePackage(none, names("x\ny")),
		`xxx" is no name`:      makePackage(none, names(strings.Repeat("x", 256))),
	} {
		before, after := new(runtime.MemStats), new(runtime.MemStats)
		runtime.ReadMemStats(before)
		p, err := ReadHeader(bytes.NewReader(data))
		runtime.ReadMemStats(after)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v; want %s", p, err, want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: took %d bytes", want, used)
		}
	}
	for want, payload := range map[string][]tag{
		"neither a digest in": nil,
		"no known digest of":  {{tagPayload, typeStrings, 1, "00\x00"}, {tagPayloadHash, typeInt32, 1, "\x00\x00\x00\x02"}},
		`the header says "x"`: {{tagPayload, typeStrings, 1, "x\x00"}},
		"has the SHA-512 cf8": {{tagPayload, typeStrings, 1, "xyz\x00"}, {tagPayloadHash, typeInt32, 1, "\x00\x00\x00\x0a"}},
	} {
		r := bytes.NewReader(makePackage(none, names("x", payload...)))
		p, err := ReadHeader(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkPayload(p, r, testKeys(t, "rsa")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// FuzzHeader: nothing that nobody has signed verifies, and reading goes no further than the
// main header.
func FuzzHeader(f *testing.F) {
	keys := testKeys(f, "rsa", "ed25519", "version3")
	headers := map[string]bool{}
	for _, name := range []string{"rsa", "ed25519", "version3", "rpm6"} {
		p, err := ReadHeader(bytes.NewReader(testPackage(f, name)))
		if err != nil {
			f.Fatal(err)
		}
		headers[string(p.signed)] = true
		// Without what rpm keeps free for more signatures, as small inputs are tried faster.
		f.Add(makePackage(makeHeader(tag{tagRSA, typeBinary, uint32(len(p.signatures)), string(p.signatures)}), p.signed))
	}
	f.Add(makePackage(makeHeader(tag{tagOpenPGP, typeStrings, 2, "iQ==\x00\x00"}), makeHeader(text(tagName, "x"))))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		p, err := ReadHeader(r)
		if err != nil {
			return
		}
		if _, err := p.Verify(keys, now()); err == nil && !headers[string(p.signed)] {
			t.Fatalf("%s is good", p)
		}
		rest, _ := io.ReadAll(r)
		if !bytes.HasSuffix(data[:len(data)-len(rest)], p.signed) {
			t.Fatalf("%s: its main header does not end where reading did", p)
		}
	})
}

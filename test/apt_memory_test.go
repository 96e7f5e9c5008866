package test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// largeArchive serves an archive of some binary and source packages. Each file in
// its pool contains its own path, so none has to be kept.
func largeArchive(t testing.TB, packages, sources int) string {
	t.Helper()
	needsDebian(t, "xz")
	line := func(path string) string { return fmt.Sprintf("%x %d", sha256.Sum256([]byte(path)), len(path)) }
	var bin, src strings.Builder
	for i := range packages {
		path := fmt.Sprintf("pool/main/p/package-%d/package-%[1]d_1.%[1]d-2+deb13u1_amd64.deb", i)
		fmt.Fprintf(&bin, "Package: package-%d\nSource: source-%[2]d\nVersion: 1.%[1]d-2+deb13u1\nInstalled-Size: 1234\nMaintainer: Somebody of a team <somebody@lists.example.org>\nArchitecture: amd64\n"+
			"Depends: libc6 (>= 2.34), libgcc-s1 (>= 3.0), package-%[3]d | package-%[4]d (>= 1), default-dbus-session-bus | dbus-session-bus, python3:any, adduser\n"+
			"Description: what package %[1]d does, in one line\nMultiarch: same\nHomepage: https://www.example.org/packages/%[1]d\nDescription-md5: d8e8fca2dc0f896fd7cb4cb0031ba249\n"+
			"Tag: role::program, implemented-in::c, interface::commandline, scope::utility, works-with::text, use::editing\nSection: utils\nPriority: optional\n"+
			"Filename: %[5]s\nSize: %[6]d\nMD5sum: d8e8fca2dc0f896fd7cb4cb0031ba249\nSHA256: %[7]x\n\n", i, i%sources, (i+1)%packages, (i+7)%packages, path, len(path), sha256.Sum256([]byte(path)))
	}
	for i := range sources {
		dir, name := fmt.Sprintf("pool/main/s/source-%d", i), fmt.Sprintf("source-%d_1.%[1]d", i)
		fmt.Fprintf(&src, "Package: source-%d\nBinary: package-%[1]d\nVersion: 1.%[1]d-2\nMaintainer: Somebody of a team <somebody@lists.example.org>\nArchitecture: any\nDirectory: %s\nChecksums-Sha256:\n", i, dir)
		for _, file := range []string{name + "-2.dsc", name + ".orig.tar.xz", name + "-2.debian.tar.xz"} {
			fmt.Fprintf(&src, " %s %s\n", line(dir+"/"+file), file)
		}
		src.WriteString("\n")
	}
	files := map[string][]byte{}
	release := fmt.Sprintf("Date: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC"))
	for name, text := range map[string]string{"main/binary-amd64/Packages": bin.String(), "main/source/Sources": src.String()} {
		xz := exec.Command("xz", "--stdout", "--lzma2=preset=0,dict=64MiB") // needs as much memory as Debian's own
		xz.Stdin = strings.NewReader(text)
		packed, err := xz.Output()
		if err != nil {
			t.Fatal(err)
		}
		files["dists/stable/"+name+".xz"] = packed
		release += fmt.Sprintf(" %x %d %s\n %x %d %s.xz\n", sha256.Sum256([]byte(text)), len(text), name, sha256.Sum256(packed), len(packed), name)
		t.Logf("%s: %d bytes, %d packed", name, len(text), len(packed))
	}
	files["dists/stable/Release"] = []byte(release)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		data, ok := files[path]
		if strings.HasPrefix(path, "pool/") {
			data, ok = []byte(path), true
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A sync of the metadata of an archive as large as Debian's main/amd64, with
// sources, takes less than 500 MB.
func TestAptMemory(t *testing.T) {
	plain := withoutRace(t)
	url := largeArchive(t, 64_000, 38_000)
	for name, filter := range map[string]string{
		"whole":    "",
		"filtered": ", packages: {include: [package-1], follow_dependencies: true}",
	} {
		t.Run(name, func(t *testing.T) {
			syncWithin(t, plain, fmt.Sprintf("{type: apt, url: %s, suites: [stable], sources: true, verify: \"off\"%s}", url, filter), 500e6)
		})
	}
}

// withoutRace builds the command without the race detector, which needs extra memory.
func withoutRace(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("peak memory is counted differently here")
	}
	plain := filepath.Join(t.TempDir(), "asof")
	if out, err := exec.Command("go", "build", "-o", plain, "github.com/asof/asof/cmd/asof").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return plain
}

// syncWithin syncs a remote's metadata and a few of its files, in less than so many bytes
// of memory.
func syncWithin(t *testing.T, binary, remote string, limit int64) {
	t.Helper()
	w := newWorkspace(t, "store: ./data\nrepos:\n  - name: large\n    layout: thin\n    remote: "+remote+"\n")
	cmd := w.command(context.WithoutCancel(t.Context()), "sync", "--shard", "1/1000")
	cmd.Path = binary
	began := time.Now()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	peak := make(chan int64)
	go func() { peak <- peakOf(cmd.Process.Pid) }()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	most := <-peak
	t.Logf("%d MB at the peak, %v, %v of CPU", most/1e6, time.Since(began).Round(time.Millisecond), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Millisecond))
	if most < 10e6 || most >= limit {
		t.Errorf("%d bytes of memory at the peak", most)
	}
}

// peakOf follows a process until it ends. It returns the largest resident set
// seen. The value from wait would include that of the parent process.
func peakOf(pid int) (bytes int64) {
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, line, found := strings.Cut(string(status), "\nVmHWM:")
		if err != nil || !found { // it has ended
			return bytes
		}
		var kib int64
		if _, err := fmt.Sscanf(line, "%d kB", &kib); err == nil {
			bytes = max(bytes, kib<<10)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

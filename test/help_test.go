package test

import (
	"bufio"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Every command's help says what the command is for, gives examples, and names
// the exit codes. Every line of the examples runs unchanged, in a folder where
// somebody has worked with asof before.
func TestHelp(t *testing.T) {
	server := minio.Server(t)
	archive := &snapshotServer{T: t}
	archive.add("20250301T023000Z", "1")
	archive.add("20250303T083000Z", "2")
	up := httptest.NewServer(archive)
	defer up.Close()
	bin := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(bin, "asof")); err != nil {
		t.Fatal(err)
	}
	env := append(credentials(server), "PATH="+bin+":"+os.Getenv("PATH"), "ASOF_SERVE_LISTEN=127.0.0.1:0")
	all := commands(t)
	if len(all) < 25 {
		t.Errorf("there are only the commands %q", all)
	}
	for _, command := range all {
		t.Run(strings.Join(command, " "), func(t *testing.T) {
			help := newWorkspace(t, "").run(append(command, "--help")...)
			if purpose, _, _ := strings.Cut(help, "\n"); len(purpose) < 20 {
				t.Errorf("its purpose is %q", purpose)
			}
			if !strings.Contains(help, "\nExit codes: 0 done, 1 failed, 2 usage or configuration, 4 not found,\n5 conflict (") {
				t.Error("it names no exit codes")
			}
			examples := regexp.MustCompile(`(?s)\nExamples:\n(.+?)\n\n`).FindStringSubmatch(help)
			if examples == nil {
				t.Fatalf("it has no examples:\n%s", help)
			}
			w := exampleFolder(t, env, up.URL, command)
			for line := range strings.Lines(examples[1] + "\n") {
				line = strings.TrimSpace(line)
				w.example(strings.NewReplacer(
					"127.0.0.1:9000/bucket", server.Endpoint+"/"+server.NewBucket(t),
					"0.0.0.0:8080", "127.0.0.1:0", ":443", "127.0.0.1:0", // not everybody may listen there
					"/srv/mirror", t.TempDir()+"/mirror",
					"${fpath[1]}", ".", // only zsh knows it
				).Replace(line))
			}
		})
	}
}

// commands returns all commands that help lists, asof itself first.
func commands(t *testing.T) [][]string {
	w := newWorkspace(t, "")
	all := [][]string{{}, {"man"}} // it is hidden
	for i := 0; i < len(all); i++ {
		_, list, _ := strings.Cut(w.run(append(all[i], "--help")...), "\nAvailable Commands:\n")
		list, _, _ = strings.Cut(list, "\n\n")
		for line := range strings.Lines(list) {
			all = append(all, append(append([]string{}, all[i]...), strings.Fields(line)[0]))
		}
	}
	return all
}

// exampleFolder has what the examples refer to: the repos myfile, debian and
// security, with checkpoints of March 2025, channels, a sync, and rings: for all but promote
// the ring prod has moved, and a checkpoint is blocked.
func exampleFolder(t *testing.T, env []string, archive string, command []string) *workspace {
	config := func(debian string) string {
		return fmt.Sprintf(`store: ./data
rollout: {repos: [security], rings: [{name: canary}, {name: early, after: 24h}, {name: prod, after: 72h}]}
repos:
  - {name: myfile, remote: {type: dir, path: src}}
  - {name: debian, layout: thin, remote: {type: apt, url: %s/archive/test/%s, suites: [st], verify: off, check_valid_until: false}}
  - {name: security, remote: {type: dir, path: src}}
`, archive, debian)
	}
	const live, past = "20250303T083000Z/", ", at: {from: 2025-03-01, to: 2025-03-04}"
	history := strings.Replace(config(""), ", suites", past+", suites", 1)
	w := newWorkspace(t, history, env...)
	if len(command) == 1 && command[0] == "import" {
		return w
	}
	w.write("other.yaml", config(live))
	w.write("src/a", "1")
	w.run("import", "debian")
	w.write("asof.yaml", config(live))
	for i, at := range []string{"20250317T000000Z", "20250318T140338Z", "20250320T000000Z"} {
		w.write("src/a", fmt.Sprint(i))
		w.run("publish", "myfile", "security", "--at", at)
	}
	w.run("channel", "myfile", "canary", "latest")
	w.run("sync", "myfile")
	if len(command) == 0 || command[0] != "promote" {
		w.run("promote", "prod", "--to", "20250318T140338Z")
		w.run("promote", "prod", "--to", "20250320T000000Z")
		w.run("block", "debian", "20250303T083000Z", "--reason", "broken")
	}
	if out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=localhost", "-keyout", w.dir+"/key.pem", "-out", w.dir+"/cert.pem").CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	if len(command) == 1 && command[0] == "init" || len(command) == 0 {
		if err := os.Rename(filepath.Join(w.dir, "asof.yaml"), filepath.Join(w.dir, "mine.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// example runs a shell line, which must succeed. A server is asked to stop once
// it says that it serves.
func (w *workspace) example(line string) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), "bash", "-euo", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, in, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	in.Close()
	if err != nil {
		w.Fatal(err)
	}
	served := false
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&said, lines.Text())
		if !served && regexp.MustCompile(`^(serving .* on|open) https?://`).MatchString(lines.Text()) {
			served = true
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		}
	}
	if err := cmd.Wait(); err != nil && !served {
		w.Errorf("%s\n%v\n%s", line, err, said.String())
	}
	if serves := regexp.MustCompile(`asof (serve|demo *(#.*)?$)`).MatchString(line); serves != served {
		w.Errorf("%s: does it serve? %t\n%s", line, served, said.String())
	}
}

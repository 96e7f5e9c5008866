package test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/asof/asof/manifest"
)

// The scripts run the real binary. Beyond testscript's own commands they have
//
//	exit CODE asof ARG...   run asof, which must end with that very exit code
//	upstream NAME DIR       serve a folder over HTTP; its URL is then in $NAME
//	minio                   a bucket of a real MinIO: $ENDPOINT, $BUCKET, credentials
//	unsafe-store            a server that ignores conditions: $UNSAFE
//	isnow                   stdout names ids, all from the script's start to now
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "scripts",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Values["t"] = t
			env.Values["began"] = manifest.IDOf(time.Now())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":         exitCommand,
			"upstream":     upstreamCommand,
			"minio":        minioCommand,
			"unsafe-store": unsafeCommand,
			"isnow":        isNowCommand,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func exitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path := args[1]
	if path == "asof" {
		path = binary
	}
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(cleanEnv(), scriptEnv(ts)...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

var idPattern = regexp.MustCompile(`\b\d{8}T\d{6}Z\b`)

func isNowCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: isnow")
	}
	ids := idPattern.FindAllString(ts.ReadFile("stdout"), -1)
	if len(ids) == 0 {
		ts.Fatalf("stdout names no id")
	}
	began, now := ts.Value("began").(manifest.ID), manifest.IDOf(time.Now())
	for _, text := range ids {
		id, err := manifest.ParseID(text)
		ts.Check(err)
		if id < began || id > now {
			ts.Fatalf("%s is not between %s and %s", id, began, now)
		}
	}
}

// scriptEnv returns the environment that a script may set for asof.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"ASOF_STORE", "ASOF_CONCURRENCY", "ASOF_PATIENCE", "ASOF_LOG_LEVEL", "ASOF_PUBLIC_URL", "ASOF_SERVE_REFRESH", "ASOF_SERVE_LISTN", "ASOF_SERVE_AUTH", "OTHER_USER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HOME", "JOB_COMPLETION_INDEX",
		"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func upstreamCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: upstream NAME DIR")
	}
	server := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[1]))))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

func minioCommand(ts *testscript.TestScript, _ bool, _ []string) {
	t := ts.Value("t").(*testing.T)
	server := minio.Server(t)
	ts.Setenv("ENDPOINT", server.Endpoint)
	ts.Setenv("BUCKET", server.NewBucket(t))
	for _, kv := range credentials(server) {
		name, value, _ := strings.Cut(kv, "=")
		ts.Setenv(name, value)
	}
}

// unsafeCommand starts an S3 server that accepts conditional headers but ignores
// them.
func unsafeCommand(ts *testscript.TestScript, _ bool, _ []string) {
	server := httptest.NewServer(&carelessS3{objects: map[string][]byte{}})
	ts.Defer(server.Close)
	ts.Setenv("UNSAFE", server.URL)
	ts.Setenv("AWS_ACCESS_KEY_ID", "any")
	ts.Setenv("AWS_SECRET_ACCESS_KEY", "any")
}

package miniotest

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// MCVersion is the version of MinIO's client, which makes users, that the tests
// are written for.
const MCVersion = "v0.0.0-20250313080218-cf909e1063a9"

// Client returns the path of MinIO's client mc: named by ASOF_TEST_MC, or built
// by "make minio". Without one it skips the test; in CI the test fails.
func Client(t testing.TB) string {
	t.Helper()
	return find(t, "MinIO's client mc", "ASOF_TEST_MC", "mc-"+MCVersion)
}

// NewUser makes a user whose only rights are those of the policies (JSON), and
// returns its credentials. It needs [Client].
func (s *Server) NewUser(t testing.TB, policies ...string) (accessKey, secretKey string) {
	t.Helper()
	mc := Client(t)
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), mc, append([]string{"--config-dir", dir, "admin"}, args...)...)
		cmd.Env = append(os.Environ(), "MC_HOST_server=http://"+s.AccessKey+":"+s.SecretKey+"@"+s.Endpoint)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("mc admin %s: %v\n%s", strings.Join(args[:2], " "), err, out)
		}
	}
	accessKey, secretKey = "user-"+strings.ToLower(rand.Text()), rand.Text()
	run("user", "add", "server", accessKey, secretKey)
	for _, policy := range policies {
		name := "policy-" + strings.ToLower(rand.Text())
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
			t.Fatal(err)
		}
		run("policy", "create", "server", name, file)
		run("policy", "attach", "server", name, "--user", accessKey)
	}
	return accessKey, secretKey
}

package test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Terraform renders the modules' policies. They equal the examples that
// TestRights tries out. Without a prefix, as in the module for AWS, they pass the
// same test.
func TestTerraformRights(t *testing.T) {
	module := renderer(t)
	t.Run("are the examples", func(t *testing.T) {
		got := module("packages", storePrefix, true)
		for name, want := range map[string][]string{
			"publisher": {policy(t, "publisher", "packages"), policy(t, "retention", "packages")},
			"janitor":   {policy(t, "janitor", "packages")},
			"resolver":  {policy(t, "resolver", "packages")},
		} {
			var statements []any
			for _, text := range want {
				statements = append(statements, decodePolicy(t, text).Statement...)
			}
			if p := decodePolicy(t, got[name]); !reflect.DeepEqual(p.Statement, statements) || p.Version != "2012-10-17" {
				t.Errorf("%s: %s", name, got[name])
			}
		}
	})
	for _, locked := range []bool{false, true} {
		t.Run(map[bool]string{false: "without a prefix", true: "without a prefix, locked"}[locked], func(t *testing.T) {
			rights(t, "s3", "", locked, func(bucket string) roles {
				p := module(bucket, "", locked)
				return roles{[]string{p["publisher"]}, p["janitor"], p["resolver"]}
			})
		})
	}
}

type policyDocument struct {
	Version   string
	Statement []any
}

func decodePolicy(t *testing.T, text string) (p policyDocument) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return p
}

// renderer renders terraform/modules/policies, which needs no provider and so no
// network. Without Terraform the test is skipped, and "make test" says so.
func renderer(t *testing.T) func(bucket, prefix string, retention bool) map[string]string {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("this test needs terraform in PATH")
	}
	dir := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), terraform, append([]string{"-chdir=../terraform/modules/policies"}, args...)...)
		cmd.Env = append(cleanEnv(), "TF_DATA_DIR="+filepath.Join(dir, "data"), "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("terraform %s: %v\n%s%s", args[0], err, out, stderr.String())
		}
		return out
	}
	run("init", "-backend=false")
	return func(bucket, prefix string, retention bool) map[string]string {
		t.Helper()
		state := filepath.Join(t.TempDir(), "state")
		more := "false"
		if retention {
			more = "true"
		}
		run("apply", "-state="+state, "-auto-approve", "-var=bucket="+bucket, "-var=prefix="+prefix, "-var=retention="+more)
		var outputs map[string]struct{ Value string }
		if err := json.Unmarshal(run("output", "-json", "-state="+state), &outputs); err != nil {
			t.Fatal(err)
		}
		policies := map[string]string{}
		for name, o := range outputs {
			policies[name] = o.Value
		}
		return policies
	}
}

// The modules' READMEs list their inputs and outputs. ASOF_TEST_UPDATE=1 writes
// the lists again.
func TestTerraformTables(t *testing.T) {
	for _, dir := range []string{"../terraform", "../terraform/modules/cloudflare", "../terraform/modules/policies"} {
		name := filepath.Join(dir, "README.md")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		readme := string(text)
		for _, list := range []struct{ file, mark, table string }{
			{"variables.tf", "inputs", inputs(t, filepath.Join(dir, "variables.tf"))},
			{"outputs.tf", "outputs", outputs(t, filepath.Join(dir, "outputs.tf"))},
		} {
			begin, end := "<!-- "+list.mark+" -->\n", "<!-- end -->"
			before, rest, ok := strings.Cut(readme, begin)
			old, after, ok2 := strings.Cut(rest, end)
			if !ok || !ok2 {
				t.Fatalf("%s has no place for %s", name, list.mark)
			}
			if old != list.table {
				t.Errorf("%s: the table of %s is not that of %s; ASOF_TEST_UPDATE=1 writes it anew", name, list.mark, list.file)
			}
			readme = before + begin + list.table + end + after
		}
		if os.Getenv("ASOF_TEST_UPDATE") != "" {
			if err := os.WriteFile(name, []byte(readme), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func inputs(t *testing.T, file string) string {
	var b strings.Builder
	b.WriteString("| input | meaning | type | default |\n|---|---|---|---|\n")
	for _, v := range blocks(t, file, "variable") {
		fallback, ok := v.attrs["default"]
		if !ok {
			fallback = "required"
		} else {
			fallback = "`" + fallback + "`"
		}
		b.WriteString("| `" + v.name + "` | " + v.description(t) + " | `" + v.attrs["type"] + "` | " + fallback + " |\n")
	}
	return b.String()
}

func outputs(t *testing.T, file string) string {
	var b strings.Builder
	b.WriteString("| output | meaning |\n|---|---|\n")
	for _, o := range blocks(t, file, "output") {
		b.WriteString("| `" + o.name + "` | " + o.description(t) + " |\n")
	}
	return b.String()
}

// block is a block of a formatted Terraform file. Its own attributes are kept as
// written, one per line.
type block struct {
	name  string
	attrs map[string]string
}

func (b block) description(t *testing.T) string {
	t.Helper()
	var text string
	if err := json.Unmarshal([]byte(b.attrs["description"]), &text); err != nil || strings.Contains(text, "|") {
		t.Fatalf("%s: a description is one string: %v", b.name, err)
	}
	return strings.NewReplacer("*", `\*`, "<", `\<`).Replace(text)
}

// blocks reads a file in the form of terraform fmt, which the checks enforce:
// blocks begin and end at the margin, and their attributes are indented by two.
func blocks(t *testing.T, file, kind string) []block {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []block
	last := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		name, value, isAttr := strings.Cut(strings.TrimPrefix(line, "  "), "=")
		indented := strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ")
		switch {
		case strings.HasPrefix(line, kind+" \""):
			list = append(list, block{strings.Trim(strings.Fields(line)[1], `"`), map[string]string{}})
		case len(list) == 0 || line == "":
			last = ""
		case indented && isAttr && strings.TrimSpace(name) != "" && !strings.ContainsAny(name, "{}()"):
			last = strings.TrimSpace(name)
			list[len(list)-1].attrs[last] = strings.TrimSpace(value)
		case indented && strings.HasSuffix(line, "{"): // a nested block: validation
			last = ""
		case last != "" && strings.HasPrefix(line, "  "):
			part := strings.Join(strings.Fields(line), " ")
			attr := list[len(list)-1].attrs[last]
			if !strings.HasSuffix(attr, "{") && !strings.HasSuffix(attr, "(") && !strings.HasPrefix(part, "}") && !strings.HasPrefix(part, ")") {
				attr += ","
			}
			list[len(list)-1].attrs[last] = attr + " " + part
		}
	}
	return list
}

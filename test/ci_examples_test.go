package test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// engine runs the scripts of a CI example as its engine would, in a checkout that has
// the files of examples/shell in ci/, and with a folder for the store.
type engine struct {
	*testing.T
	dir string   // the checkout
	env []string // of all scripts
}

// newEngine makes a release of this asof, and a checkout in which make dist builds dist/.
func newEngine(t *testing.T) *engine {
	e := &engine{T: t, dir: t.TempDir()}
	release, sum := releaseOf(t)
	tools := t.TempDir()
	e.write(tools+"/make", "#!/bin/sh\n[ \"$1\" = dist ] && mkdir -p dist && echo built >dist/app.txt\n")
	for _, name := range []string{"install.sh", "dist.sh", "asof.yaml"} {
		data, err := os.ReadFile("../examples/shell/" + name)
		if err != nil {
			t.Fatal(err)
		}
		e.write(filepath.Join(e.dir, "ci", name), string(data))
	}
	e.env = append(cleanEnv(), "PATH="+tools+":"+os.Getenv("PATH"), "ASOF_STORE=./store",
		"ASOF_URL=file://"+release, "ASOF_SHA256="+sum, "RUNNER_TEMP="+t.TempDir(), "TMPDIR="+t.TempDir(),
		"GITHUB_PATH="+e.dir+"/.path", "GITHUB_OUTPUT="+e.dir+"/.output", "GITHUB_STEP_SUMMARY="+e.dir+"/.summary")
	return e
}

// releaseOf packs this asof as make release does.
func releaseOf(t *testing.T) (file, sum string) {
	t.Helper()
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "asof_1.0.0_linux_amd64.tar.gz")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	zip, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
	archive := tar.NewWriter(zip)
	for name, content := range map[string][]byte{"asof": program, "LICENSE": []byte("…")} {
		if err := archive.WriteHeader(&tar.Header{Name: "asof_1.0.0_linux_amd64/" + name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	hash.Write(packed)
	return file, fmt.Sprintf("%x", hash.Sum(nil))
}

func (e *engine) write(file, content string) {
	e.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		e.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		e.Fatal(err)
	}
}

func (e *engine) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(e.dir, name))
	return string(data)
}

// script runs one, with folders in PATH that GITHUB_PATH names.
func (e *engine) script(shell []string, text string, env ...string) (string, error) {
	e.Helper()
	cmd := exec.CommandContext(e.Context(), shell[0], append(slices.Clone(shell[1:]), text)...)
	cmd.Dir = e.dir
	cmd.Env = append(append([]string{}, e.env...), env...)
	for folder := range strings.Lines(e.read(".path")) {
		for i, kv := range cmd.Env {
			if path, ok := strings.CutPrefix(kv, "PATH="); ok {
				cmd.Env[i] = "PATH=" + strings.TrimSpace(folder) + ":" + path
			}
		}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// published checks that the store has a checkpoint of dist/.
func (e *engine) published(out string, err error) {
	e.Helper()
	got, listErr := os.ReadFile(filepath.Join(e.dir, "store/builds/app/checkpoints.json"))
	if err != nil || listErr != nil || !strings.Contains(string(got), `"files":1`) {
		e.Errorf("nothing was published: %v, %v\n%s", err, listErr, out)
	}
}

// refused checks that an asof with other bytes than expected is not installed.
func (e *engine) refused(out string, err error) {
	e.Helper()
	if err == nil || !strings.Contains(out, "is not the release that ASOF_SHA256 names: nothing is installed") {
		e.Errorf("another asof: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(e.dir, "store")); err == nil {
		e.Error("another asof has published")
	}
}

func wrongSum() string { return "ASOF_SHA256=" + strings.Repeat("0", 64) }

// The plain script publishes dist/ once, and no second time if nothing has changed.
func TestShellExample(t *testing.T) {
	e := newEngine(t)
	sh := []string{"sh", "-c"}
	if out, err := e.script(sh, "make dist"); err != nil {
		t.Fatal(out)
	}
	e.refused(e.script(sh, "ci/dist.sh", wrongSum()))
	if out, err := e.script(sh, "ci/dist.sh", "ASOF_SHA256="); err == nil || !strings.Contains(out, "ASOF_SHA256") {
		t.Errorf("without a checksum: %v\n%s", err, out)
	}
	if out, err := e.script(sh, "ci/dist.sh", "ASOF_URL=file:///none"); err == nil {
		t.Errorf("without a release:\n%s", out)
	}
	e.published(e.script(sh, "ci/dist.sh"))
	if out, err := e.script(sh, "ci/dist.sh"); err != nil || !strings.Contains(out, "unchanged") {
		t.Errorf("again: %v\n%s", err, out)
	}
}

func TestGitLabExample(t *testing.T) {
	type job struct {
		Script      []string
		AfterScript []string `yaml:"after_script"`
		Variables   map[string]string
		Tokens      map[string]any `yaml:"id_tokens"`
		Artifacts   struct{ Paths []string }
	}
	var file struct {
		Stages         []string
		Build, Publish job
	}
	parse(t, "../examples/gitlab/dist.yml", &file)
	if !slices.Equal(file.Stages, []string{"build", "publish"}) || !slices.Equal(file.Build.Artifacts.Paths, []string{"dist/"}) || file.Publish.Tokens["ASOF_TOKEN"] == nil {
		t.Errorf("%+v", file)
	}
	e := newEngine(t)
	token := filepath.Join(t.TempDir(), "token")
	run := func(lines []string, env ...string) (string, error) {
		env = append(env, "ASOF_TOKEN=secret", "ASOF_ROLE=arn:x", "AWS_WEB_IDENTITY_TOKEN_FILE="+token)
		return e.script([]string{"sh", "-e", "-c"}, strings.Join(lines, "\n"), env...)
	}
	if out, err := run(file.Build.Script); err != nil {
		t.Fatal(out)
	}
	e.refused(run(file.Publish.Script, wrongSum()))
	e.published(run(file.Publish.Script))
	if data, err := os.ReadFile(token); err != nil || string(data) != "secret" {
		t.Errorf("the token's file: %q, %v", data, err)
	}
	if out, err := run(file.Publish.AfterScript); err != nil || exists(token) {
		t.Errorf("the token stays: %v\n%s", err, out)
	}
}

// workflow is what the examples use of GitHub's.
type workflow struct {
	Env  map[string]string
	Jobs map[string]struct {
		Needs string
		If    string
		Env   map[string]string
		Steps []struct {
			Uses, Run, If, ID string
			Env               map[string]string
		}
	}
}

// job runs the steps of a job as GitHub does, with the values of the expressions that it
// may use, and returns what they print. A step with if runs if that is "true" in values.
func (e *engine) job(w workflow, name string, values map[string]string, env ...string) (out string, err error) {
	e.Helper()
	expand := func(text string) string {
		return regexp.MustCompile(`\$\{\{ (.*?) \}\}`).ReplaceAllStringFunc(text, func(expr string) string {
			value, ok := values[expr[4:len(expr)-3]]
			if !ok {
				e.Errorf("nobody knows %s", expr)
			}
			return value
		})
	}
	all := []string{}
	for _, vars := range []map[string]string{w.Env, w.Jobs[name].Env} {
		for _, key := range slices.Sorted(maps.Keys(vars)) {
			all = append(all, key+"="+expand(vars[key]))
		}
	}
	all = append(all, env...)
	for _, step := range w.Jobs[name].Steps {
		if step.If != "" && expand("${{ "+step.If+" }}") != "true" || step.Run == "" {
			continue
		}
		own := slices.Clone(all)
		for key, value := range step.Env {
			own = append(own, key+"="+e.output(expand(value)))
		}
		said, err := e.script([]string{"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"}, expand(step.Run), own...)
		if out += said; err != nil {
			return out, err
		}
	}
	return out, nil
}

// output is the value of an output of asof's, by its name; other text is itself.
func (e *engine) output(text string) string {
	if name, ok := strings.CutPrefix(text, "output "); ok {
		for line := range strings.Lines(e.read(".output")) {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				text = strings.TrimSpace(value)
			}
		}
	}
	return text
}

// values are those of all expressions in the examples.
func (e *engine) values(more map[string]string) map[string]string {
	values := map[string]string{
		"steps.asof.outputs.changed == 'true'": "true", "steps.asof.outputs.repos": "output repos", "steps.asof.outputs.url": "output url",
	}
	for _, kv := range e.env {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "ASOF_") {
			values["vars."+name] = value
		}
	}
	maps.Copy(values, more)
	return values
}

func TestGitHubDistExample(t *testing.T) {
	var w workflow
	parse(t, "../examples/github/dist.yml", &w)
	checkPinned(t, w)
	if w.Jobs["publish"].Needs != "build" {
		t.Errorf("%+v", w.Jobs["publish"])
	}
	e := newEngine(t)
	if out, err := e.job(w, "build", e.values(nil)); err != nil {
		t.Fatal(out)
	}
	e.refused(e.job(w, "publish", e.values(map[string]string{"vars.ASOF_SHA256": strings.Repeat("0", 64)})))
	out, err := e.job(w, "publish", e.values(nil))
	e.published(out, err)
	if !regexp.MustCompile(`(?m)^published https://snapshots.example.org/builds/app/\d{8}T\d{6}Z/$`).MatchString(out) {
		t.Errorf("it does not say where:\n%s", out)
	}
	if summary := e.read(".summary"); !strings.HasPrefix(summary, "### asof publish\n") {
		t.Errorf("the summary: %s", summary)
	}
	// What fails stands in the summary, whatever fails.
	for env, want := range map[string]string{
		"ASOF_STORE=minio://127.0.0.1:1": `(?s)^### asof publish\\: failed\n.*error\\: `,
		"ASOF_STORE=./ci/install.sh":     `(?s)^### asof publish\\: failed\n.*error\\: `,
	} {
		if err := os.Remove(filepath.Join(e.dir, ".summary")); err != nil {
			t.Fatal(err)
		}
		out, err := e.job(w, "publish", e.values(nil), env)
		if summary := e.read(".summary"); err == nil || !regexp.MustCompile(want).MatchString(summary) {
			t.Errorf("%s: %v, summary %q\n%s", env, err, summary, out)
		}
	}
}

// A part of the sync that fails does not keep the publish from running, and it fetches
// what that part left.
func TestGitHubShardExample(t *testing.T) {
	var w workflow
	parse(t, "../examples/github/asof.yml", &w)
	checkPinned(t, w)
	publish := w.Jobs["publish"]
	if publish.Needs != "sync" || publish.If != "${{ !cancelled() }}" {
		t.Errorf("publish runs after %q if %q", publish.Needs, publish.If)
	}
	e := newEngine(t)
	e.write(e.dir+"/asof.yaml", "store: ./data\nrepos: [{name: files, layout: thin, remote: {type: dir, path: src}}]\n")
	for i := range 12 {
		e.write(fmt.Sprintf("%s/src/%d.txt", e.dir, i), fmt.Sprint(i))
	}
	for _, shard := range []string{"1", "2", "3", "4"} {
		values := e.values(map[string]string{"matrix.shard": shard})
		if shard == "2" {
			if out, err := e.job(w, "sync", values, "ASOF_STORE=minio://127.0.0.1:1"); err == nil {
				t.Errorf("a part without a store:\n%s", out)
			}
			continue
		}
		if out, err := e.job(w, "sync", values); err != nil {
			t.Fatalf("part %s: %v\n%s", shard, err, out)
		}
	}
	out, err := e.job(w, "publish", e.values(map[string]string{"needs.sync.result != 'success'": "true"}))
	if err != nil || !regexp.MustCompile(`(?m)^files \d{8}T\d{6}Z $`).MatchString(out) {
		t.Errorf("publish: %v\n%s", err, out)
	}
	summary := e.read(".summary")
	for _, want := range []string{`### asof sync\: failed`, "A part of the sync failed. This job fetches what it left.", "### asof publish\n"} {
		if !strings.Contains(summary, want) {
			t.Errorf("the summary lacks %q:\n%s", want, summary)
		}
	}
	if out, err := e.script([]string{"sh", "-c"}, "asof verify files", "ASOF_STORE=./store"); err != nil {
		t.Error(out)
	}
}

// The CronJobs fetch all parts and publish, with the arguments and the environment that
// Kubernetes gives their containers.
func TestKubernetesExample(t *testing.T) {
	e := newEngine(t)
	e.write(e.dir+"/asof.yaml", "store: ./store\nrepos: [{name: files, layout: thin, remote: {type: dir, path: src}}]\n")
	e.write(e.dir+"/src/1.txt", "1")
	jobs := cronJobs(t, "../examples/kubernetes/asof.yaml")
	if len(jobs) != 2 || jobs[0].Kind != "CronJob" || jobs[0].Spec.JobTemplate.Spec.CompletionMode != "Indexed" {
		t.Fatalf("%+v", jobs)
	}
	for i := range jobs[0].Spec.JobTemplate.Spec.Completions {
		e.cronJob(jobs[0], fmt.Sprintf("JOB_COMPLETION_INDEX=%d", i))
	}
	if out := e.cronJob(jobs[1]); !strings.Contains(out, "published") {
		t.Errorf("nothing is published:\n%s", out)
	}
}

// container is what the examples use of Kubernetes's.
type container struct {
	Image string
	Args  []string
}

// cronJob is the same of its CronJob.
type cronJob struct {
	Kind string
	Spec struct {
		JobTemplate struct {
			Spec struct {
				CompletionMode string `yaml:"completionMode"`
				Completions    int
				Template       struct {
					Spec struct{ Containers []container }
				}
			}
		} `yaml:"jobTemplate"`
	}
}

func cronJobs(t *testing.T, name string) (jobs []cronJob) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var job cronJob
		if err := dec.Decode(&job); err == io.EOF {
			return jobs
		} else if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, job)
	}
}

// cronJob runs the first container of a job, and returns what it prints.
func (e *engine) cronJob(job cronJob, env ...string) string {
	e.Helper()
	c := job.Spec.JobTemplate.Spec.Template.Spec.Containers[0]
	if strings.HasSuffix(c.Image, ":latest") {
		e.Errorf("%s is not pinned", c.Image)
	}
	args := strings.ReplaceAll(strings.Join(c.Args, " "), "/etc/asof/", "")
	out, err := e.script([]string{"sh", "-c"}, binary+" "+args, env...)
	if err != nil {
		e.Errorf("asof %s: %v\n%s", args, err, out)
	}
	return out
}

// The workflow and the CronJob move what is due, and the workflow puts a ring back by hand. A
// reason is never read as a script.
func TestPromoteExamples(t *testing.T) {
	var w workflow
	parse(t, "../examples/github/promote.yml", &w)
	checkPinned(t, w)
	if w.Jobs["promote"].If != "${{ github.event_name == 'schedule' }}" || w.Jobs["rollback"].If != "${{ github.event_name == 'workflow_dispatch' }}" {
		t.Errorf("%+v", w.Jobs)
	}
	e := newEngine(t)
	e.write(e.dir+"/asof.yaml", "store: ./store\nrollout: {rings: [{name: canary}, {name: prod}]}\nrepos: [{name: files, layout: thin, remote: {type: dir, path: src}}]\n")
	publish := func(content, id string) {
		t.Helper()
		e.write(e.dir+"/src/1.txt", content)
		if out, err := e.script([]string{"sh", "-c"}, binary+" publish --at "+id); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	stands := func(want string) {
		t.Helper()
		if out, err := e.script([]string{"sh", "-c"}, binary+" resolve files prod"); err != nil || strings.TrimSpace(out) != want {
			t.Errorf("prod: %v, %s; want %s", err, out, want)
		}
	}
	publish("1", "20250318T140338Z")
	if out, err := e.job(w, "promote", e.values(nil)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stands("20250318T140338Z")
	publish("2", "20250319T140338Z")
	jobs := cronJobs(t, "../examples/kubernetes/promote.yaml")
	if len(jobs) != 1 || jobs[0].Kind != "CronJob" {
		t.Fatalf("%+v", jobs)
	}
	e.cronJob(jobs[0])
	stands("20250319T140338Z")
	const reason = `it's bad"; touch hacked; "$(touch hacked)`
	if out, err := e.job(w, "rollback", e.values(map[string]string{"inputs.ring": "prod", "inputs.reason": reason})); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	stands("20250318T140338Z")
	if exists(e.dir + "/hacked") {
		t.Error("a reason is run")
	}
	if out, err := e.script([]string{"sh", "-c"}, binary+" ring prod -o json"); err != nil || !strings.Contains(out, "touch hacked") {
		t.Errorf("%v\n%s", err, out)
	}
}

// checkPinned holds that an action can't change under its name.
func checkPinned(t *testing.T, w workflow) {
	t.Helper()
	for name, job := range w.Jobs {
		for _, step := range job.Steps {
			if step.Uses != "" && !regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40}$`).MatchString(step.Uses) {
				t.Errorf("%s uses %s, which is not pinned", name, step.Uses)
			}
		}
	}
}

func parse(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

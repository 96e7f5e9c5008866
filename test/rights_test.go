package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	sdk "github.com/minio/minio-go/v7"
	sdkcredentials "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/resolvertest"
)

const storePrefix = "snap/shots"

// policy returns one of the examples, for a bucket and the tests' prefix.
func policy(t *testing.T, name, bucket string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", "policies", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("BUCKET", bucket, "PREFIX", storePrefix).Replace(string(text))
}

// user is a user with some rights: as an environment for asof, and as a client
// that makes requests asof never would.
type user struct {
	env    []string
	client *sdk.Client
}

func newUser(t *testing.T, server *miniotest.Server, policies ...string) user {
	t.Helper()
	id, secret := server.NewUser(t, policies...)
	client, err := sdk.New(server.Endpoint, &sdk.Options{Creds: sdkcredentials.NewStaticV4(id, secret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return user{[]string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SECRET_ACCESS_KEY=" + secret}, client}
}

// denied checks that a request beyond the user's rights was refused.
func denied(t *testing.T, what string, err error) {
	t.Helper()
	var said sdk.ErrorResponse
	if !errors.As(err, &said) || said.Code != "AccessDenied" {
		t.Errorf("%s: %v, want AccessDenied", what, err)
	}
}

func put(ctx context.Context, c *sdk.Client, bucket, key string) error {
	_, err := c.PutObject(ctx, bucket, key, strings.NewReader("x"), 1, sdk.PutObjectOptions{DisableMultipart: true})
	return err
}

func read(ctx context.Context, c *sdk.Client, bucket, key string) error {
	_, err := c.StatObject(ctx, bucket, key, sdk.StatObjectOptions{})
	var said sdk.ErrorResponse
	if errors.As(err, &said) && said.StatusCode == http.StatusForbidden {
		said.Code = "AccessDenied" // the answer to a HEAD has no body
		return said
	}
	return err
}

func list(ctx context.Context, c *sdk.Client, bucket, prefix string) error {
	for o := range c.ListObjects(ctx, bucket, sdk.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		return o.Err
	}
	return nil
}

// foreign checks that a user can do nothing outside the store's prefix, or
// outside its bucket if there is no prefix.
func foreign(t *testing.T, u user, server *miniotest.Server, bucket, prefix string) {
	t.Helper()
	ctx := t.Context()
	if prefix == "" {
		bucket = server.NewBucket(t)
	}
	for _, key := range []string{"other/object", "snap/shots2/object", "object"} {
		if err := put(ctx, server.Client(), bucket, key); err != nil {
			t.Fatal(err)
		}
		denied(t, "put "+key, put(ctx, u.client, bucket, key))
		denied(t, "read "+key, read(ctx, u.client, bucket, key))
		denied(t, "delete "+key, u.client.RemoveObject(ctx, bucket, key, sdk.RemoveObjectOptions{}))
	}
	for _, prefix := range []string{"", "other/", "snap/shots2/"} {
		denied(t, "list "+prefix, list(ctx, u.client, bucket, prefix))
	}
}

// roles holds the policies of a store's three users, by name.
type roles struct {
	publisher         []string
	janitor, resolver string
}

// Three users with the rights of the three examples do all of asof's work
// together, and none can do another's.
func TestRights(t *testing.T) {
	for _, locked := range []bool{false, true} {
		for _, driver := range []string{"minio", "s3"} {
			t.Run(fmt.Sprintf("locked=%v/%s", locked, driver), func(t *testing.T) {
				rights(t, driver, storePrefix, locked, func(bucket string) roles {
					r := roles{[]string{policy(t, "publisher", bucket)}, policy(t, "janitor", bucket), policy(t, "resolver", bucket)}
					if locked {
						r.publisher = append(r.publisher, policy(t, "retention", bucket))
					}
					return r
				})
			})
		}
	}
}

func rights(t *testing.T, driver, prefix string, locked bool, rolesOf func(bucket string) roles) {
	server := minio.Server(t)
	ctx := t.Context()
	bucket, more := server.NewBucket(t), ""
	if locked {
		bucket, more = server.NewLockedBucket(t), retention
	}
	roles := rolesOf(bucket)
	up := isos(t)
	config := configOf(storeURL(driver, server.Endpoint, bucket, prefix), "full", up.URL())
	below := strings.TrimPrefix(prefix+"/", "/")

	// The publisher.
	u := newUser(t, server, roles.publisher...)
	w := newWorkspace(t, config+more, u.env...)
	first := published(w, "publish")[0]
	up.Set("2.iso", "changed")
	w.run("sync")
	second := published(w, "publish")[0]
	if again := published(w, "publish")[0]; first.Outcome != "published" || second.Outcome != "published" || again.Outcome != "unchanged" {
		t.Errorf("%+v\n%+v\n%+v", first, second, again)
	}
	object := below + "checkpoints/myfile/" + first.Checkpoint.ID.String() + "/1.iso"
	denied(t, "the publisher deletes", u.client.RemoveObject(ctx, bucket, object, sdk.RemoveObjectOptions{}))
	// MinIO's policies can't refuse a write without a condition. Amazon's can,
	// and the bucket policy in terraform/ does. asof itself never makes such a
	// write.
	var said sdk.ErrorResponse
	created := sdk.PutObjectOptions{DisableMultipart: true}
	created.SetMatchETagExcept("*")
	if _, err := u.client.PutObject(ctx, bucket, object, strings.NewReader("x"), 1, created); !errors.As(err, &said) || said.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("the publisher creates what is there: %v, want 412", err)
	}
	if r := w.try("prune", "myfile", "--keep-last", "1", "--apply"); r.code != 0 || !strings.Contains(r.stderr, "their files stay until the janitor confirms: asof prune myfile --confirm --apply") {
		t.Errorf("the publisher may swap the index, and so prune, but not release: %+v", r)
	}
	if r := w.try("prune", "myfile", "--confirm", "--apply"); r.code != 1 || !strings.Contains(r.stderr, "access denied") {
		t.Errorf("the publisher confirms: %+v", r)
	}
	denied(t, "the publisher notes", put(ctx, u.client, bucket, below+manifest.NoteKey("checkpoints/myfile")))
	if r := w.try("gc", "--exclusive", "--apply"); r.code != 1 || !strings.Contains(r.stderr, "access denied") && !strings.Contains(r.stderr, "object lock") {
		t.Errorf("the publisher collects: %+v", r)
	}
	foreign(t, u, server, bucket, prefix)
	up.Set("2.iso", "changed again")
	third := published(w, "publish")[0] // so that the janitor has something to prune

	// The resolver.
	u = newUser(t, server, roles.resolver)
	s := newWorkspace(t, config, u.env...)
	url := s.serve() + "/checkpoints/myfile/"
	if a := get(t, url+second.Checkpoint.ID.String()+"/2.iso"); a.status != 200 || a.body != "changed" {
		t.Errorf("served: %d, %d bytes", a.status, len(a.body))
	}
	denied(t, "the resolver puts", put(ctx, u.client, bucket, below+"new"))
	denied(t, "the resolver deletes", u.client.RemoveObject(ctx, bucket, object, sdk.RemoveObjectOptions{}))
	foreign(t, u, server, bucket, prefix)

	// The janitor.
	u = newUser(t, server, roles.janitor)
	j := newWorkspace(t, config, u.env...)
	j.run("prune", "myfile", "--keep-last", "1", "--apply")
	if r := j.try("resolve", "myfile", second.Checkpoint.ID.String()); r.code != 4 {
		t.Errorf("the janitor prunes: %+v", r)
	}
	r := j.try("gc", "--exclusive", "--apply")
	pruned := below + "checkpoints/myfile/" + second.Checkpoint.ID.String() + "/1.iso"
	if locked {
		if r.code != 1 || !strings.Contains(r.stderr, "kept by the store's object lock until 2") {
			t.Errorf("the janitor collects what is kept: %+v", r)
		}
	} else if r.code != 0 || read(ctx, server.Client(), bucket, pruned) == nil ||
		!strings.Contains(r.stdout, "pruned, not released  myfile  "+first.Checkpoint.ID.String()+"  it is confirmed") {
		t.Errorf("the janitor collects: %+v", r)
	}
	if err := read(ctx, server.Client(), bucket, object); err != nil {
		t.Errorf("what the publisher pruned is gone: %v", err)
	}
	j.run("prune", "myfile", "--confirm", "--apply")
	if r := j.try("gc", "myfile", "--now", "--apply"); !locked && (r.code != 0 || read(ctx, server.Client(), bucket, object) == nil) {
		t.Errorf("the janitor frees what it has confirmed: %+v", r)
	}
	if r := j.try("gc", "--exclusive", "--apply"); !locked && (r.code != 0 || read(ctx, server.Client(), bucket, object) == nil) {
		t.Errorf("the janitor collects what it has confirmed: %+v", r)
	}
	denied(t, "the janitor puts", put(ctx, u.client, bucket, below+"new"))
	denied(t, "the janitor overwrites", put(ctx, u.client, bucket, below+"checkpoints/myfile/"+third.Checkpoint.ID.String()+"/2.iso"))
	foreign(t, u, server, bucket, prefix)

	if a := get(t, url+third.Checkpoint.ID.String()+"/2.iso"); a.status != 200 || a.body != "changed again" {
		t.Errorf("served in the end: %d, %d bytes", a.status, len(a.body))
	}

	// A user who may publish may also restore what is lost.
	if err := server.Client().RemoveObject(ctx, bucket, below+"checkpoints/myfile/checkpoints.json", sdk.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := w.try("publish"); r.code != 6 || !strings.Contains(r.stderr, "hint: asof rebuild") {
		t.Errorf("publish without an index: %+v", r)
	}
	w.run("rebuild", "--write")
	w.run("verify", "myfile")
	if again := published(w, "publish")[0]; again.Outcome != "unchanged" || again.Checkpoint.ID != third.Checkpoint.ID {
		t.Errorf("publish after rebuilding: %+v", again)
	}
}

// Whoever holds a publisher's key can write any index and any registry. The janitor
// deletes nothing that was published, says what it keeps, and undo brings it back.
func TestPublishersKey(t *testing.T) {
	server := minio.Server(t)
	ctx := t.Context()
	bucket := server.NewBucket(t)
	up := isos(t)
	config := configOf(storeURL("minio", server.Endpoint, bucket, storePrefix), "thin", up.URL())
	thief := newUser(t, server, policy(t, "publisher", bucket))
	w := newWorkspace(t, config, thief.env...)
	j := newWorkspace(t, config, newUser(t, server, policy(t, "janitor", bucket)).env...)
	var ids []string
	for _, content := range []string{"one", "two", "three"} {
		up.Set("2.iso", content)
		ids = append(ids, published(w, "publish")[0].Checkpoint.ID.String())
	}
	j.run("gc", "--apply")
	j.run("gc", "--exclusive", "--apply")

	key := storePrefix + "/checkpoints/myfile/checkpoints.json"
	overwrite := func(key string, change func(string) string) (before string) {
		t.Helper()
		object, err := thief.client.GetObject(ctx, bucket, key, sdk.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(object)
		if err != nil {
			t.Fatal(err)
		}
		next := change(string(text))
		if _, err := thief.client.PutObject(ctx, bucket, key, strings.NewReader(next), int64(len(next)), sdk.PutObjectOptions{DisableMultipart: true, ContentType: "application/json", CacheControl: "no-store"}); err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	keeps := func(what string) {
		t.Helper()
		r := j.try("gc", "--exclusive", "--apply", "-o", "json")
		var said struct {
			Waiting []struct {
				Repo, Why   string
				Checkpoints []string
				Until       *string
			}
		}
		if err := json.Unmarshal([]byte(r.stdout), &said); err != nil || r.code != 0 {
			t.Fatalf("%s: %+v, %v", what, r, err)
		}
		if len(said.Waiting) != 1 || said.Waiting[0].Why != what || !slices.Equal(said.Waiting[0].Checkpoints, ids[:2]) || said.Waiting[0].Until != nil {
			t.Errorf("%s: %+v", what, said.Waiting)
		}
	}
	// An index that leaves out what was published.
	overwrite(key, func(text string) string {
		lines := strings.SplitAfter(text, "\n")
		lines[0] = regexp.MustCompile(`"generation":\d+`).ReplaceAllString(lines[0], `"generation":99`)
		return strings.Join(slices.Delete(lines, 2, 4), "")
	})
	for range 2 {
		keeps("no longer listed")
	}
	if r := j.try("prune", "myfile", "--keep-last", "1", "--apply"); r.code != 6 || !strings.Contains(r.stderr, "the index contradicts what gc saw: checkpoint "+ids[0]+" is no longer listed") {
		t.Errorf("prune by a forged index: %+v", r)
	}
	// A registry without the repo.
	registry := overwrite(storePrefix+"/asof.json", func(text string) string {
		return regexp.MustCompile(`(?s)\[.*\]`).ReplaceAllString(text, "[]")
	})
	if r := j.try("gc", "--exclusive", "--apply"); r.code != 6 || !strings.Contains(r.stderr, "asof.json does not name the repo of .asof/janitor/checkpoints/myfile/note.json") {
		t.Errorf("gc by a forged registry: %+v", r)
	}
	overwrite(storePrefix+"/asof.json", func(string) string { return registry })

	w.run("prune", "myfile", "--undo", "--apply")
	w.run("verify", "myfile")
	if r := w.try("prune", "myfile", "--keep-last", "1", "--apply"); r.code != 0 {
		t.Errorf("%+v", r)
	}
	keeps("pruned, not released")
	w.run("prune", "myfile", "--undo", ids[0], ids[1], "--apply")
	w.run("verify", "myfile")
	if r := j.try("gc", "--exclusive", "--apply"); r.code != 0 || strings.Contains(r.stdout, "WAITS") {
		t.Errorf("all is listed again: %+v", r)
	}
}

// Without the right to retain, a publish with a retention says what right is
// missing.
func TestRightToRetain(t *testing.T) {
	server := minio.Server(t)
	bucket := server.NewLockedBucket(t)
	u := newUser(t, server, policy(t, "publisher", bucket))
	w := newWorkspace(t, configOf(storeURL("minio", server.Endpoint, bucket, storePrefix), "full", isos(t).URL())+retention, u.env...)
	if r := w.try("publish"); r.code != 1 || !strings.Contains(r.stderr, "access denied") {
		t.Errorf("%+v", r)
	}
}

// The resolver passes its whole table with the rights of the example. It also
// runs with only the right to get, on a server that answers 403 for missing
// objects, as Amazon then does: the only loss is that it can't tell an
// unpublished repo from a failure.
func TestResolverRights(t *testing.T) {
	server := minio.Server(t)
	fixture := resolvertest.Load(t)
	config := "serve: {refresh: 50ms}\nlog_level: error\n"
	for _, driver := range []string{"minio", "s3"} {
		t.Run(driver, func(t *testing.T) {
			bucket := server.NewBucket(t)
			u := newUser(t, server, policy(t, "resolver", bucket))
			w := newWorkspace(t, config, u.env...)
			amazon := strings.TrimPrefix(forbidMissing(t, server.Endpoint), "http://")

			before := w.serve("--store", storeURL(driver, amazon, bucket, storePrefix))
			if a := get(t, before+"/checkpoints/myfile/"); a.status != http.StatusServiceUnavailable {
				t.Errorf("get only, before the first publish: %d", a.status)
			}
			fill(t, fixture, storeURL(driver, server.Endpoint, bucket, storePrefix), credentials(server))
			eventually(t, "the resolver finds what was published", func() bool { return get(t, before+"/").status == 200 })

			t.Run("get and list", func(t *testing.T) {
				fixture.Run(t, w.serve("--store", storeURL(driver, server.Endpoint, bucket, storePrefix)), resolvertest.Options{})
			})
			t.Run("get only", func(t *testing.T) {
				skip := map[string]string{}
				for _, row := range fixture.Rows {
					if strings.HasPrefix(row.Path, "/-/rings") && row.Want.Status == http.StatusOK {
						skip[row.Name] = "the rings hold for a repo whose index is missing, which looks like a failure: 503"
					}
					if strings.HasSuffix(row.Name, " repo never published to") {
						skip[row.Name] = "its index is missing, which looks like a failure: 503"
					}
				}
				if len(skip) == 0 {
					t.Error("no row is about a repo never published to")
				}
				fixture.Run(t, w.serve("--store", storeURL(driver, amazon, bucket, storePrefix)), resolvertest.Options{Skip: skip})
			})
		})
	}
}

// forbidMissing is a proxy that answers 403 when the server says 404.
func forbidMissing(t *testing.T, endpoint string) (url string) {
	proxy := newFaultProxy(t, endpoint)
	amazon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch a := proxy.forward(r); {
		case a == nil:
			hangUp(w, "")
		case a.status == http.StatusNotFound:
			refuse(w, r, http.StatusForbidden, "AccessDenied")
		default:
			a.write(w)
		}
	}))
	t.Cleanup(amazon.Close)
	return amazon.URL
}

// Who moves rings can do that, and nothing else.
func TestPromoterRights(t *testing.T) {
	server := minio.Server(t)
	bucket := server.NewBucket(t)
	config := fmt.Sprintf("store: minio://%s/%s/%s\nrollout: {rings: [{name: canary}, {name: prod}]}\nrepos:\n  - {name: tools, remote: {type: dir, path: src}}\n", server.Endpoint, bucket, storePrefix)
	publisher, promoter := newUser(t, server, policy(t, "publisher", bucket)), newUser(t, server, policy(t, "promoter", bucket))
	w := newWorkspace(t, config, publisher.env...)
	w.write("src/a", "1")
	w.run("publish")
	p := newWorkspace(t, config, promoter.env...)
	p.write("src/a", "2")
	p.run("promote")
	p.run("promote")
	if out := p.run("ring"); !regexp.MustCompile(`(?m)^tools +[0-9]{8}T[0-9]{6}Z`).MatchString(out) {
		t.Error(out)
	}
	p.run("hold", "prod", "--reason", "freeze")
	p.run("resume", "prod")
	if r := p.try("publish"); r.code != 1 || !strings.Contains(r.stderr, "access denied") {
		t.Errorf("publish: %d %s", r.code, r.stderr)
	}
	ctx := t.Context()
	for _, key := range []string{"asof.json", "tools/checkpoints.json", "tools/index.html", ".asof/pool/sha256/ab/cd"} {
		denied(t, "put "+key, put(ctx, promoter.client, bucket, storePrefix+"/"+key))
	}
	denied(t, "delete", promoter.client.RemoveObject(ctx, bucket, storePrefix+"/"+manifest.RolloutKey, sdk.RemoveObjectOptions{}))
	foreign(t, promoter, server, bucket, storePrefix)
}

// The documents show exactly the policies that are tested here.
func TestPoliciesInTheDocuments(t *testing.T) {
	docs, err := os.ReadFile("../docs/operations/security.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../examples/policies/*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d policies, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
		if !strings.Contains(string(docs), "```json\n"+string(text)+"```\n") {
			t.Errorf("docs/operations/security.md does not show %s as it is", file)
		}
	}
}

package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/minio/minio-go/v7"
	sdkcredentials "github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/resolver/resolvertest"
)

const storePrefix = "snap/shots"

// policy is one of the examples, for a bucket and the prefix of the tests.
func policy(t *testing.T, name, bucket string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", "policies", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("BUCKET", bucket, "PREFIX", storePrefix).Replace(string(text))
}

// user is one with some rights: as an environment for asof, and as a client that
// asks for what asof never would.
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

// denied checks that a request which the user's rights do not cover is refused.
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
		said.Code = "AccessDenied" // the answer to a HEAD has no words
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

// foreign checks that a user can do nothing outside of the store's prefix, or of
// its bucket if there is no prefix.
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

// roles are the policies of the three users of a store, by name.
type roles struct {
	publisher         []string
	janitor, resolver string
}

// Three users with the rights of the three examples do all of asof's work
// between them, and none can do another's.
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
	if third := published(w, "publish")[0]; first.Outcome != "published" || second.Outcome != "published" || third.Outcome != "unchanged" {
		t.Errorf("%+v\n%+v\n%+v", first, second, third)
	}
	object := below + "checkpoints/myfile/" + first.Checkpoint.ID.String() + "/1.iso"
	denied(t, "the publisher deletes", u.client.RemoveObject(ctx, bucket, object, sdk.RemoveObjectOptions{}))
	// What no policy of MinIO's can refuse: a write without a condition. Amazon's
	// can, and the bucket policy of terraform/ does. asof itself never asks for it.
	var said sdk.ErrorResponse
	created := sdk.PutObjectOptions{DisableMultipart: true}
	created.SetMatchETagExcept("*")
	if _, err := u.client.PutObject(ctx, bucket, object, strings.NewReader("x"), 1, created); !errors.As(err, &said) || said.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("the publisher creates what is there: %v, want 412", err)
	}
	if r := w.try("prune", "myfile", "--keep-last", "1", "--apply"); r.code != 0 {
		t.Errorf("the publisher may swap the index, and so prune: %+v", r)
	}
	if r := w.try("gc", "--exclusive", "--apply"); r.code != 1 || !strings.Contains(r.stderr, "access denied") && !strings.Contains(r.stderr, "object lock") {
		t.Errorf("the publisher collects: %+v", r)
	}
	foreign(t, u, server, bucket, prefix)

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
	r := j.try("gc", "--exclusive", "--apply", "-o", "json")
	if locked {
		if r.code != 1 || !strings.Contains(r.stderr, "kept by the store's object lock until 2") {
			t.Errorf("the janitor collects what is kept: %+v", r)
		}
	} else if r.code != 0 || read(ctx, server.Client(), bucket, object) == nil {
		t.Errorf("the janitor collects: %+v", r)
	}
	denied(t, "the janitor puts", put(ctx, u.client, bucket, below+"new"))
	denied(t, "the janitor overwrites", put(ctx, u.client, bucket, below+"checkpoints/myfile/"+second.Checkpoint.ID.String()+"/2.iso"))
	foreign(t, u, server, bucket, prefix)

	if a := get(t, url+second.Checkpoint.ID.String()+"/2.iso"); a.status != 200 || a.body != "changed" {
		t.Errorf("served in the end: %d, %d bytes", a.status, len(a.body))
	}

	// Who may publish may put back what is lost.
	if err := server.Client().RemoveObject(ctx, bucket, below+"checkpoints/myfile/checkpoints.json", sdk.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := w.try("publish"); r.code != 6 || !strings.Contains(r.stderr, "hint: asof rebuild") {
		t.Errorf("publish without an index: %+v", r)
	}
	w.run("rebuild", "--write")
	w.run("verify", "myfile")
	if again := published(w, "publish")[0]; again.Outcome != "unchanged" || again.Checkpoint.ID != second.Checkpoint.ID {
		t.Errorf("publish after rebuilding: %+v", again)
	}
}

// Without the right to retain, a publish with a retention says what is missing.
func TestRightToRetain(t *testing.T) {
	server := minio.Server(t)
	bucket := server.NewLockedBucket(t)
	u := newUser(t, server, policy(t, "publisher", bucket))
	w := newWorkspace(t, configOf(storeURL("minio", server.Endpoint, bucket, storePrefix), "full", isos(t).URL())+retention, u.env...)
	if r := w.try("publish"); r.code != 1 || !strings.Contains(r.stderr, "access denied") {
		t.Errorf("%+v", r)
	}
}

// The resolver's whole table, with the rights of the example; and, with no right
// but to get, on a server that says 403 to what is missing, as Amazon does then:
// only what was never published is told from a failure no more.
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

// forbidMissing is a proxy that answers 403 where the server says 404.
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

// The documents show the very policies that are tested here.
func TestPoliciesInTheDocuments(t *testing.T) {
	docs, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../examples/policies/*.json")
	if err != nil || len(files) != 4 {
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
			t.Errorf("docs/operations.md does not show %s as it is", file)
		}
	}
}

package test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	sdk "github.com/minio/minio-go/v7"

	"github.com/asof/asof/internal/miniotest"
)

// sent is what a client of a bucket gets with an object.
type sent struct{ body, headers string }

// bucketAsServed reads all objects of a bucket as a client gets them.
func bucketAsServed(t *testing.T, server *miniotest.Server, bucket string) map[string]sent {
	t.Helper()
	all := map[string]sent{}
	for o := range server.Client().ListObjects(t.Context(), bucket, sdk.ListObjectsOptions{Recursive: true}) {
		core := sdk.Core{Client: server.Client()}
		body, info, header, err := core.GetObject(t.Context(), bucket, o.Key, sdk.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(body)
		body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var headers []string
		for _, name := range []string{"Content-Type", "Cache-Control", "Content-Encoding", "Content-Disposition", "Content-Language", "Content-Length"} {
			headers = append(headers, name+": "+header.Get(name))
		}
		for name, values := range header {
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				headers = append(headers, fmt.Sprint(name, values))
			}
		}
		all[o.Key] = sent{string(data), strings.Join(append(headers, "ETag: "+info.ETag), "\n")}
	}
	return all
}

// private reports whether clients never get an object: a copy's headers do not matter.
func private(key string) bool {
	return strings.Contains(key, ".asof/repos/") || strings.Contains(key, ".asof/probe/")
}

// A bucket that went through other tools: mc copies it to a folder and back, and one object
// gets an encoding besides. verify finds what is wrong, and mends it with the rights of a
// publisher, until a client of the bucket gets the same as before, to the byte and header.
func TestRepairHeaders(t *testing.T) {
	server := minio.Server(t)
	for _, driver := range []string{"minio", "s3"} {
		t.Run(driver, func(t *testing.T) {
			bucket := server.NewBucket(t)
			config := "store: " + storeURL(driver, server.Endpoint, bucket, storePrefix) + `
repos:
  - {name: full, slash_pages: true, remote: {type: dir, path: src}}
  - {name: thin, layout: thin, remote: {type: dir, path: src}}
`
			w := newWorkspace(t, config, newUser(t, server, policy(t, "publisher", bucket)).env...)
			w.write("src/hello.txt", "hello")
			w.write("src/deep/index.html", "<p>")
			w.write("src/deep/Packages.gz", "gz")
			w.run("publish")
			w.write("src/hello.txt", "hello again")
			id := published(w, "publish")[0].Checkpoint.ID
			w.run("verify")
			// A page as earlier versions left it is no damage, and stays as it is.
			sentBefore(t, server, bucket, storePrefix+"/full/"+id.String()+"/deep/index.html")
			w.run("verify")
			w.run("verify", "--quick", "--repair-headers", "--apply")
			before := bucketAsServed(t, server, bucket)
			if page := before[storePrefix+"/full/"+id.String()+"/deep/index.html"]; !strings.Contains(page.headers, "Cache-Control: public, max-age=31536000, immutable") {
				t.Errorf("the page of an earlier version was mended: %s", page.headers)
			}

			mirrorAndBack(t, server, bucket)
			odd := storePrefix + "/full/" + id.String() + "/deep/Packages.gz"
			encode(t, server, bucket, odd)
			if after := bucketAsServed(t, server, bucket); after[odd].headers == before[odd].headers {
				t.Fatal("the copy has the headers of the original")
			}

			r := w.try("verify")
			if r.code != 6 || !strings.Contains(r.stderr, "hint: asof verify full --repair-headers --apply mends them") || !strings.Contains(r.stdout, "headers: ") {
				t.Errorf("verify: %+v", r)
			}
			r = w.try("verify", "--quick", "--repair-headers")
			if r.code != 6 || !strings.Contains(r.stdout, ` Content-Encoding "gzip", want none`) {
				t.Errorf("what would be mended: %+v", r)
			}
			reader := newWorkspace(t, config, newUser(t, server, policy(t, "resolver", bucket)).env...)
			if r := reader.try("verify", "--quick", "--repair-headers", "--apply"); r.code != 1 || !strings.Contains(r.stderr, "access denied") {
				t.Errorf("mended with the rights of a reader: %+v", r)
			}
			w.run("verify", "--quick", "--repair-headers", "--apply")
			w.run("verify")
			w.run("verify", "--quick", "--repair-headers")
			for key, now := range bucketAsServed(t, server, bucket) {
				was := before[key]
				if strings.HasSuffix(key, "/deep/index.html") { // the copy lost the old one: it gets today's
					was.headers = strings.Replace(was.headers, "max-age=31536000, immutable", "max-age=0, s-maxage=31536000, must-revalidate", 1)
				}
				if now.body != was.body || now.headers != was.headers && !private(key) {
					t.Errorf("%s:\n%+v\nwas\n%+v", key, now, was)
				}
				delete(before, key)
			}
			for key := range before {
				t.Errorf("%s is gone", key)
			}
		})
	}
}

// mirrorAndBack copies a bucket into a folder and back with MinIO's client, which leaves
// out what it can't keep in a folder.
func mirrorAndBack(t *testing.T, server *miniotest.Server, bucket string) {
	t.Helper()
	dir := t.TempDir()
	mc := func(args ...string) {
		t.Helper()
		cmd := exec.Command(miniotest.Client(t), append([]string{"--config-dir", dir + "/config", "--quiet"}, args...)...)
		cmd.Env = append(os.Environ(), "MC_HOST_here="+strings.Replace("http://KEY@"+server.Endpoint, "KEY", server.AccessKey+":"+server.SecretKey, 1))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("mc %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	// A slash key is no file: the store's own copy of a page stays as it is.
	mc("mirror", "here/"+bucket, dir+"/copy")
	mc("cp", "--recursive", dir+"/copy/", "here/"+bucket+"/")
}

// sentBefore gives a page the headers that it had in earlier versions.
func sentBefore(t *testing.T, server *miniotest.Server, bucket, key string) {
	t.Helper()
	_, err := server.Client().CopyObject(t.Context(),
		sdk.CopyDestOptions{Bucket: bucket, Object: key, ReplaceMetadata: true, UserMetadata: map[string]string{"Content-Type": "text/html; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable"}},
		sdk.CopySrcOptions{Bucket: bucket, Object: key})
	if err != nil {
		t.Fatal(err)
	}
}

// encode copies an object onto itself as tools do that believe its name.
func encode(t *testing.T, server *miniotest.Server, bucket, key string) {
	t.Helper()
	_, err := server.Client().CopyObject(t.Context(),
		sdk.CopyDestOptions{Bucket: bucket, Object: key, ReplaceMetadata: true, UserMetadata: map[string]string{"Content-Encoding": "gzip", "Content-Type": "text/plain", "mtime": "1"}},
		sdk.CopySrcOptions{Bucket: bucket, Object: key})
	if err != nil {
		t.Fatal(err)
	}
}

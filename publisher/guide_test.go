package publisher

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/remote"
)

// guidedRemote tells clients the content of the file PULP_MANIFEST.
type guidedRemote struct {
	*fakeRemote
	key string
}

func (r *guidedRemote) Guide(ctx context.Context, tree remote.Tree) (remote.Guide, error) {
	f, ok, err := tree.Find(ctx, "PULP_MANIFEST")
	if err != nil || !ok {
		return remote.Guide{}, err
	}
	body, err := tree.Open(ctx, f)
	if err != nil {
		return remote.Guide{}, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return remote.Guide{
		Usage: manifest.Usage{Snippets: []manifest.Snippet{{Title: "fetch", Note: string(text), Text: "get {tree} of {repo} by <key>"}}},
		Files: map[string][]byte{"keyring.gpg": []byte(r.key)},
	}, err
}

func TestGuide(t *testing.T) {
	for _, layout := range []manifest.Layout{manifest.Full, manifest.Thin} {
		f := newFixture(t, layout, isos())
		f.repo.Remote = &guidedRemote{f.up, "a key"}
		f.repo.SlashPages = layout == manifest.Full
		var checkpoints []manifest.Checkpoint
		for _, how := range []string{"published", "staged", "with its URL", "another key"} {
			opts := PublishOptions{}
			f.up.set("changed", how)
			switch how {
			case "staged":
				f.sync()
				opts.NoSync = true
			case "with its URL":
				f.pub.PublicURL = "https://host/prefix"
			case "another key":
				f.repo.Remote = &guidedRemote{f.up, "another key"}
			}
			checkpoints = append(checkpoints, f.publish(opts).Checkpoint)
			f.check()
		}
		for i, c := range checkpoints {
			if !c.Usage {
				t.Errorf("%s: the index does not say of %d that it has a usage", layout, i)
			}
			front := f.read(manifest.TreeKey(f.repo.Base, c.ID, "index.html"))
			url := "https://YOUR-SERVER/"
			if i > 1 {
				url = "https://host/prefix/"
			}
			want := "<pre tabindex=\"0\">get " + url + "checkpoints/myfile/" + c.ID.String() + "/ of " + url + "checkpoints/myfile/ by &lt;key&gt;</pre>"
			if !strings.Contains(front, want) {
				t.Errorf("%s: the front page of %d lacks %s:\n%s", layout, i, want, front)
			}
			key, usage := f.page(c, ".asof/keyring.gpg"), f.page(c, manifest.UsagePath)
			if i < 3 && key.SHA256 != manifest.Sum([]byte("a key")) || i == 3 && key.SHA256 != manifest.Sum([]byte("another key")) {
				t.Errorf("%s: the key of %d is another one", layout, i)
			}
			if usage.SHA256 != f.page(checkpoints[0], manifest.UsagePath).SHA256 {
				t.Errorf("%s: the usage of %d is another one", layout, i)
			}
			if sub := f.page(c, "sub/index.html"); sub.SHA256 != f.page(checkpoints[0], "sub/index.html").SHA256 {
				t.Errorf("%s: the page of an unchanged directory changed in %d", layout, i)
			}
			u, err := manifest.ParseUsage([]byte(f.read(c.Place(f.repo.Base).Key(usage.Path, usage.SHA256))))
			if err != nil || u.Snippets[0].Text != "get {tree} of {repo} by <key>" {
				t.Errorf("%s: %+v, %v", layout, u, err)
			}
		}
		report, err := readback.Verify(t.Context(), reading(f.pub), f.repo.Repo, nil, false)
		if err != nil || len(report.Problems) > 0 {
			t.Errorf("%s: %+v, %v", layout, report, err)
		}
	}
}

// page finds a path in the manifest of a checkpoint's pages.
func (f *fixture) page(c manifest.Checkpoint, path string) manifest.Entry {
	f.Helper()
	for e, err := range f.manifest(c.Pages).Entries(f.Context()) {
		if err != nil {
			f.Fatal(err)
		}
		if e.Path == path {
			return e
		}
	}
	f.Fatalf("%s has no page %s", c.ID, path)
	return manifest.Entry{}
}

func TestReservedNames(t *testing.T) {
	for _, path := range []string{".asof", ".asof/usage.json", ".asof/x/y"} {
		f := newFixture(t, manifest.Full, map[string]string{path: "x"})
		_, err := f.pub.Publish(t.Context(), f.repo, PublishOptions{})
		if _, ok := errors.AsType[*remote.InputError](err); !ok || !strings.Contains(err.Error(), "where asof keeps its own") {
			t.Errorf("%s: %v", path, err)
		}
	}
	f := newFixture(t, manifest.Full, map[string]string{".asof2/x": "x", "a/.asof/x": "x"})
	f.publish(PublishOptions{})
}

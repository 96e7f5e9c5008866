package publisher

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
	"github.com/asof/asof/publisher/retain"
)

// A content is found in all checkpoints, sealed or not, pruned or not, and each leaf is
// read once.
func TestFind(t *testing.T) {
	for _, layout := range layouts {
		f := newFixture(t, layout, many(4000))
		f.seals(3, 4)
		f.publishes(1)
		f.up.set("d1/secret", "secret")
		f.up.set("d9/same", "secret")
		ids := f.publishes(2)
		delete(f.up.files, "d9/same")
		ids = append(ids, f.publishes(2)...)
		delete(f.up.files, "d1/secret")
		f.publishes(1)
		f.prune(retain.Policy{Drop: ids[:1]})
		f.store.take()
		found, err := readback.Find(t.Context(), reading(f.pub), []manifest.Digest{manifest.Sum([]byte("secret"))})
		if err != nil {
			t.Fatal(err)
		}
		reads := len(slices.DeleteFunc(f.store.take(), func(op string) bool { return !strings.HasPrefix(op, "open "+manifest.ManifestPrefix) }))
		if reads > 2*6 {
			t.Errorf("%d reads of 6 manifests", reads)
		}
		var got, want []string
		for _, x := range found {
			got = append(got, fmt.Sprint(x.Checkpoint, x.Pruned, x.Path))
		}
		for i, id := range ids {
			want = append(want, fmt.Sprint(id, i == 0, "d1/secret"))
			if i < 2 {
				want = append(want, fmt.Sprint(id, i == 0, "d9/same"))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", layout, got, want)
		}
	}
}

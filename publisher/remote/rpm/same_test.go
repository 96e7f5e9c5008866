package rpm

import (
	"cmp"
	"context"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/remotetest"
)

// listedCheckpoint lists its files, as a publisher's does.
type listedCheckpoint struct {
	*remotetest.Checkpoint
	partial bool
}

func (p listedCheckpoint) Whole() bool { return !p.partial }

func (p listedCheckpoint) MadeWith(ctx context.Context, f remote.File, options manifest.Digest) bool {
	return p.Validator(ctx, f).Options == options
}

func (p listedCheckpoint) Files(context.Context) iter.Seq2[remote.File, error] {
	return func(yield func(remote.File, error) bool) {
		var all []remote.File
		for _, f := range p.Checkpoint.Files {
			f.Phase = 0
			all = append(all, f)
		}
		slices.SortFunc(all, func(a, b remote.File) int { return cmp.Compare(a.Path, b.Path) })
		for _, f := range all {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// A repository that is unchanged, by the same options, costs one request and no parsing, and
// is what it was. Otherwise it is parsed.
func TestUnchangedIsNotParsed(t *testing.T) {
	off := false
	for name, tt := range map[string]struct {
		change  func(s *site, opts *Options, prev *listedCheckpoint)
		parsed  bool
		changed bool
	}{
		"nothing":                       {func(*site, *Options, *listedCheckpoint) {}, false, false},
		"another option of the network": {func(_ *site, o *Options, _ *listedCheckpoint) { o.Concurrency = 3 }, false, false},
		"a filter":                      {func(_ *site, o *Options, _ *listedCheckpoint) { o.Packages.Include = []string{"hello"} }, true, true},
		"deltas left out":               {func(_ *site, o *Options, _ *listedCheckpoint) { o.Deltas = &off }, true, false},
		"a partial checkpoint":          {func(_ *site, _ *Options, p *listedCheckpoint) { p.partial = true }, true, false},
		"a checkpoint of before":        {func(_ *site, _ *Options, p *listedCheckpoint) { clear(p.Known) }, true, false},
		"a package, with its metadata": {func(s *site, _ *Options, _ *listedCheckpoint) {
			f := some(s, "")
			f.packages += s.add("", pkg{name: "new", version: "1"})
			s.publish("", f)
			s.Age()
		}, true, true},
	} {
		s := newSite(t)
		s.publish("", some(s, ""))
		opts := Options{}
		first := s.capture(s.open(opts), nil)
		prev := listedCheckpoint{remotetest.Publish(t, first), false}
		tt.change(s, &opts, &prev)
		prev.Opened()
		again := s.capture(s.open(opts), prev)
		parsed := slices.ContainsFunc(prev.Opened(), func(path string) bool { return strings.Contains(path, "primary") })
		if tt.changed {
			parsed = true // from upstream
		}
		if parsed != tt.parsed {
			t.Errorf("%s: parsed %t", name, parsed)
		}
		plain := func(list []remote.File) (out []remote.File) {
			for _, f := range list {
				f.Modified = prev.Checkpoint.Files[f.Path].Modified
				out = append(out, f)
			}
			return out
		}
		if same := reflect.DeepEqual(plain(again.Files()), plain(first.Files())); same == tt.changed {
			t.Errorf("%s: the files are the same: %t\n%v\n%v", name, same, again.Files(), first.Files())
		}
	}
}

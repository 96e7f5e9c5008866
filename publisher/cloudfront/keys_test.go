package cloudfront

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof/asof/manifest"
)

const testBase = "checkpoints/myfile"

func mustID(t testing.TB, s string) manifest.ID {
	t.Helper()
	id, err := manifest.ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func index(t testing.TB, ids ...string) manifest.Index {
	t.Helper()
	ix := manifest.NewIndex("myfile")
	for _, id := range ids {
		ix = add(t, ix, id)
	}
	return ix
}

func add(t testing.TB, ix manifest.Index, id string) manifest.Index {
	t.Helper()
	next, err := ix.Append(manifest.Checkpoint{ID: mustID(t, id), Layout: manifest.Full})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func prune(t testing.TB, ix manifest.Index, id, at, reason string) manifest.Index {
	t.Helper()
	for i, c := range ix.Checkpoints {
		if c.ID == mustID(t, id) {
			ix.Checkpoints = slices.Delete(slices.Clone(ix.Checkpoints), i, i+1)
			ix.Pruned = append(slices.Clone(ix.Pruned), manifest.Tombstone{ID: c.ID, At: mustID(t, at), Reason: reason, Layout: c.Layout})
			ix.Generation++
			return ix
		}
	}
	t.Fatalf("%s is not listed", id)
	return ix
}

func TestPairs(t *testing.T) {
	ix := index(t, "20241231T235959Z", "20250101T000000Z", "20250103T070809Z", "20250103T101112Z", "20250401T000000Z")
	ix = prune(t, ix, "20250103T070809Z", "20250401T000001Z", "withdrawn")
	ix.Channels = map[string]manifest.ID{"stable": mustID(t, "20250101T000000Z"), "canary": mustID(t, "20250401T000000Z")}
	for months, want := range map[int][]Pair{
		12: {
			{testBase + "/20241231", "- 235959"},
			{testBase + "/202412", "- 31"},
			{testBase + "/20250101", "20241231 000000"},
			{testBase + "/20250103", "20250101 070809-withdrawn 101112"},
			{testBase + "/202501", "20241231 01 03"},
			{testBase + "/202502", "20250103"},
			{testBase + "/202503", "20250103"},
			{testBase + "/20250401", "20250103 000000"},
			{testBase + "/202504", "20250103 01"},
			{testBase, "1 6 20250401T000000Z 20241231T235959Z 20241231T235959Z 20250401T000000Z canary=20250401T000000Z stable=20250101T000000Z"},
		},
		4: {
			{testBase + "/20250101", "- 000000"},
			{testBase + "/20250103", "20250101 070809-withdrawn 101112"},
			{testBase + "/202501", "- 01 03"},
			{testBase + "/202502", "20250103"},
			{testBase + "/202503", "20250103"},
			{testBase + "/20250401", "20250103 000000"},
			{testBase + "/202504", "20250103 01"},
			{testBase, "1 6 20250401T000000Z 20250101T000000Z - 20250401T000000Z canary=20250401T000000Z stable=20250101T000000Z"},
		},
		1: {
			{testBase + "/20250401", "- 000000"},
			{testBase + "/202504", "- 01"},
			{testBase, "1 6 20250401T000000Z 20250401T000000Z - 20250401T000000Z canary=20250401T000000Z stable=20250101T000000Z"},
		},
	} {
		got, err := Pairs(testBase, ix, months, false)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d months: %v\n%v\nwant\n%v", months, err, got, want)
		}
	}
	if got, err := Pairs(testBase, manifest.NewIndex("myfile"), 12, false); err != nil || got != nil {
		t.Errorf("no checkpoints: %v %v", got, err)
	}
}

// What does not fit into a value is left out and marked.
func TestPairsThatDoNotFit(t *testing.T) {
	var ids []string
	for i := range 200 {
		ids = append(ids, fmt.Sprintf("20250101T%02d%02d00Z", i/60, i%60))
	}
	ix := index(t, ids...)
	pairs, err := Pairs(testBase, ix, 12, false)
	if want := (Pair{testBase + "/20250101", "!"}); err != nil || pairs[0] != want {
		t.Errorf("200 checkpoints a day: %v, %v", pairs[0], err)
	}

	// The reasons are left out first.
	few := index(t, ids[:3]...)
	few = prune(t, few, ids[0], ids[2], strings.Repeat("é", 400))
	pairs, err = Pairs(testBase, few, 12, false)
	if want := (Pair{testBase + "/20250101", "- 000000- 000100 000200"}); err != nil || pairs[0] != want {
		t.Errorf("a long reason: %v, %v", pairs[0], err)
	}

	few.Channels = map[string]manifest.ID{}
	for i := range 50 {
		few.Channels[fmt.Sprintf("channel-%02d", i)] = mustID(t, ids[1])
	}
	head := func() Pair {
		t.Helper()
		pairs, err := Pairs(testBase, few, 12, false)
		if err != nil {
			t.Fatal(err)
		}
		return pairs[len(pairs)-1]
	}
	if p := head(); p.size() > maxPair || !strings.HasSuffix(p.Value, " +") || !strings.Contains(p.Value, " channel-20=20250101T000100Z ") {
		t.Errorf("many channels: %d bytes: %s", p.size(), p.Value)
	}

	// With rings, names that are no channels are the origin's.
	few.Channels = map[string]manifest.ID{"stable": mustID(t, ids[1])}
	pairs, err = Pairs(testBase, few, 12, true)
	if p := pairs[len(pairs)-1]; err != nil || !strings.HasSuffix(p.Value, " stable=20250101T000100Z +") {
		t.Errorf("rings: %s, %v", p.Value, err)
	}
}

package main

import (
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/readback"
)

// Kinds of problems that verify finds, by what mends them.
const (
	wrongTime = iota
	wrongRegister
	wrongContent
	wrongSegment
	wrongList
	wrongPage
	wrongNote
	stray
	kindsOfWrong
)

// mending says what mends each kind. docs/operations/recovery.md says more.
func mending() [kindsOfWrong]string {
	return [...]string{
		wrongTime:     "asof rebuild --future takes back what lies in the future",
		wrongRegister: "asof rebuild writes registers (asof.json, checkpoints.json) again",
		wrongContent:  "asof publish --force stores missing or damaged content again, once what is damaged is deleted",
		wrongSegment:  "restore a segment (.asof/segments/…) from a copy of the store",
		wrongList:     "the next asof publish, channel or prune writes the list of checkpoints again",
		wrongPage:     "asof rebuild --write writes pages of the store and of segments again",
		wrongNote:     "delete the janitor's note: gc writes another",
		stray:         "strays may be deleted, unless asof gc says that it waits for them",
	}
}

// hintFor says what to do about the problems of a repo, once for each kind.
func hintFor(base string, problems []readback.Problem) string {
	var found [kindsOfWrong]bool
	for _, p := range problems {
		found[kindOf(base, p)] = true
	}
	var hints []string
	for kind, hint := range mending() {
		if found[kind] {
			hints = append(hints, hint)
		}
	}
	return strings.Join(hints, "; ")
}

func kindOf(base string, p readback.Problem) int {
	below, ours := strings.CutPrefix(p.Key, base+"/")
	switch {
	case strings.Contains(p.What, "lies in the future"):
		return wrongTime
	case strings.HasPrefix(p.What, "stray: "):
		return stray
	case p.Key == manifest.RegistryKey, p.Key == manifest.IndexKey(base):
		return wrongRegister
	case p.Key == manifest.NoteKey(base):
		return wrongNote
	case strings.HasPrefix(p.Key, manifest.SegmentPrefix):
		return wrongSegment
	case p.Key == manifest.ListKey(base):
		return wrongList
	case ours && !strings.Contains(below, "/"), !ours && strings.HasSuffix(p.Key, manifest.IndexPage) && !strings.HasPrefix(p.Key, manifest.PrivatePrefix):
		return wrongPage
	}
	return wrongContent
}

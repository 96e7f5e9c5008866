package test

import (
	"maps"
	"regexp"
	"strings"
	"testing"
)

// indented are the indented blocks of a Markdown document, as checkShown takes them.
func indented(document string) string {
	var shown strings.Builder
	fenced := false
	for line := range strings.Lines(document) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if strings.HasPrefix(line, "    ") && !fenced {
			shown.WriteString(line)
		} else {
			shown.WriteString("…\n")
		}
	}
	return shown.String()
}

// checkShown checks that a document shows what a program said. The lines of a block follow each
// other there, too; a line with "…" ends a block. Blank lines do not count, nor does how wide
// columns are. What varies from run to run is another text each time, but all that is shown with
// one text has been one.
func checkShown(t *testing.T, shown, said string, varies *regexp.Regexp) {
	t.Helper()
	lines := wordsOf(said)
	known := map[string]string{} // what varies: as it is shown, and as it was said
	for block := range strings.SplitSeq(shown, "…\n") {
		want := wordsOf(block)
		at := 0
		for ; at+len(want) <= len(lines); at++ {
			if now, ok := match(want, lines[at:], known, varies); ok {
				known = now
				break
			}
		}
		if at+len(want) > len(lines) {
			t.Fatalf("it does not say, where %v:\n%s\nbut:\n%s", known, strings.Join(want, "\n"), strings.Join(lines, "\n"))
		}
		lines = lines[at+len(want):]
	}
}

// wordsOf are the lines of a text that are not blank, with one space between words.
func wordsOf(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return lines
}

// match reports whether the first lines are the wanted ones, and what is known then of what
// varies.
func match(want, lines []string, known map[string]string, varies *regexp.Regexp) (map[string]string, bool) {
	known = maps.Clone(known)
	for i, line := range want {
		if varies.ReplaceAllString(line, "*") != varies.ReplaceAllString(lines[i], "*") {
			return nil, false
		}
		said := varies.FindAllString(lines[i], -1)
		for j, shown := range varies.FindAllString(line, -1) {
			if before, ok := known[shown]; ok && before != said[j] {
				return nil, false
			}
			known[shown] = said[j]
		}
	}
	return known, true
}

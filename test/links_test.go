package test

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Every relative link in a Markdown file of the repository leads to an existing
// file or folder, and its anchor to a heading there. Other files name only
// existing documents.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^()\s]+)\)`)
	mention := regexp.MustCompile(`\bdocs/[a-zA-Z/_-]+\.(?:md|yaml)\b`)
	links, mentions := 0, 0
	for _, file := range textFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(file) != ".md" {
			for _, document := range mention.FindAllString(string(text), -1) {
				mentions++
				if _, err := os.Stat(filepath.Join("..", document)); err != nil {
					t.Errorf("%s names %s: %v", file, document, err)
				}
			}
			continue
		}
		for _, m := range link.FindAllStringSubmatch(prose(string(text)), -1) {
			target, err := url.Parse(m[1])
			if err == nil && target.IsAbs() {
				continue
			}
			links++
			if err == nil {
				err = resolves(file, target)
			}
			if err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
	if links < 50 || mentions < 5 {
		t.Errorf("found only %d links and %d mentions", links, mentions)
	}
}

// textFiles returns the files of the repository that may refer to documents.
func textFiles(t *testing.T) []string {
	t.Helper()
	kinds := []string{".md", ".go", ".tf", ".hcl", ".tftpl", ".js", ".sh", ".yaml", ".yml", ".txtar", ".toml"}
	var all []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != ".." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"bin", "dist", "node_modules"}, name)) {
			return fs.SkipDir
		}
		if !d.IsDir() && slices.Contains(kinds, filepath.Ext(name)) {
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// resolves reports why a relative link in a Markdown file leads nowhere.
func resolves(file string, target *url.URL) error {
	to := file
	if target.Path != "" {
		to = filepath.Join(filepath.Dir(file), filepath.FromSlash(target.Path))
	}
	if _, err := os.Stat(to); err != nil || target.Fragment == "" {
		return err
	}
	text, err := os.ReadFile(to)
	if err != nil {
		return err
	}
	if !slices.Contains(headings(string(text)), target.Fragment) {
		return fmt.Errorf("%s has no heading #%s", to, target.Fragment)
	}
	return nil
}

// headings returns the anchors that GitHub gives to the headings of a Markdown
// file.
func headings(text string) []string {
	var anchors []string
	seen := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`).FindAllStringSubmatch(prose(text), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		n := seen[anchor]
		seen[anchor]++
		if n > 0 {
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		anchors = append(anchors, anchor)
	}
	return anchors
}

// prose returns a Markdown text without its code blocks.
func prose(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$|^    .*?$").ReplaceAllString(text, "")
}

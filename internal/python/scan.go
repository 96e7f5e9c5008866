package python

import (
	"strings"
	"unicode"
)

// scanVersion reads the public part of a version that text begins with, as far as it goes.
// Each part takes all that it can and gives nothing back, as in the expression of the
// packaging library.
func scanVersion(text string) (v Version, rest string, ok bool) {
	v, s, ok := scanRelease(text)
	if !ok {
		return v, text, false
	}
	if word, n, rest := scanSuffix(s, "alpha", "a", "beta", "b", "preview", "pre", "c", "rc"); word != "" {
		s, v.pre = rest, n
		switch word {
		case "alpha", "a":
			v.phase = alpha
		case "beta", "b":
			v.phase = beta
		default:
			v.phase = candidate
		}
	}
	if n, rest := scanNumber(skipSeparator(s)); n != "" && s[0] == '-' {
		s, v.post = rest, n
	} else if word, n, rest := scanSuffix(s, "post", "rev", "r"); word != "" {
		s, v.post = rest, n
	}
	if word, n, rest := scanSuffix(s, "dev"); word != "" {
		s, v.dev = rest, n
	}
	return v, s, true
}

// scanRelease reads epoch and release: "v1!2.3".
func scanRelease(text string) (v Version, rest string, ok bool) {
	s := text
	if s != "" && s[0]|0x20 == 'v' {
		s = s[1:]
	}
	v.epoch = "0"
	n, s := scanNumber(s)
	if after, epoch := strings.CutPrefix(s, "!"); epoch && n != "" {
		v.epoch = n
		n, s = scanNumber(after)
	}
	if n == "" {
		return v, text, false
	}
	v.release = []number{n}
	for strings.HasPrefix(s, ".") {
		n, rest := scanNumber(s[1:])
		if n == "" {
			break
		}
		v.release, s = append(v.release, n), rest
	}
	return v, s, true
}

// scanLocal reads what a version may end with: "+ubuntu.1".
func scanLocal(text string) (local []string, rest string, ok bool) {
	s, found := strings.CutPrefix(text, "+")
	if !found {
		return nil, text, true
	}
	for {
		end := 0
		for end < len(s) && (isDigit(s[end]) || isLetter(s[end])) {
			end++
		}
		if end == 0 {
			return nil, text, false
		}
		part := lower(s[:end])
		if n, after := scanNumber(part); after == "" {
			part = string(n)
		}
		local, s = append(local, part), s[end:]
		if len(s) < 2 || !isSeparator(s[0]) || !isDigit(s[1]) && !isLetter(s[1]) {
			return local, s, true
		}
		s = s[1:]
	}
}

// scanSuffix reads one of the words with its number: ".post1", "-Post_1", "post". Without
// digits the number is 0. Words are in lower case; one that begins another stands behind it.
// An empty word: text does not begin with any.
func scanSuffix(text string, words ...string) (word string, n number, rest string) {
	s := skipSeparator(text)
	for _, w := range words {
		if len(s) < len(w) || lower(s[:len(w)]) != w {
			continue
		}
		n, rest := scanNumber(skipSeparator(s[len(w):]))
		if n == "" {
			n = "0"
		}
		return w, n, rest
	}
	return "", "", text
}

// scanNumber reads digits. An empty number: text begins with none.
func scanNumber(text string) (n number, rest string) {
	end := 0
	for end < len(text) && isDigit(text[end]) {
		end++
	}
	if end == 0 {
		return "", text
	}
	digits := strings.TrimLeft(text[:end], "0")
	if digits == "" {
		digits = "0"
	}
	return number(digits), text[end:]
}

func skipSeparator(s string) string {
	if s != "" && isSeparator(s[0]) {
		return s[1:]
	}
	return s
}

func isSeparator(c byte) bool { return c == '.' || c == '_' || c == '-' }
func isDigit(c byte) bool     { return '0' <= c && c <= '9' }
func isLetter(c byte) bool    { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isNumber(s string) bool {
	_, rest := scanNumber(s)
	return s != "" && rest == ""
}

// isSpace is what Python takes for white space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// lower returns text in lower case, ASCII only: no other letter may become one of ASCII's.
func lower(text string) string {
	for i := range len(text) {
		if 'A' <= text[i] && text[i] <= 'Z' {
			b := []byte(text)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] |= 0x20
				}
			}
			return string(b)
		}
	}
	return text
}

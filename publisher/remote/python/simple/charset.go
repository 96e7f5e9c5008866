package simple

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
)

// head is how far into a page its encoding may be declared.
const head = 1024

// decode makes UTF-8 of HTML: by its byte order mark, by the charset of its Content-Type, or by
// that of its meta tag. What declares nothing is taken for UTF-8.
func decode(in *bufio.Reader, contentType string) (io.Reader, error) {
	start, _ := in.Peek(head)
	if bytes.HasPrefix(start, []byte("\ufeff")) {
		in.Discard(len("\ufeff"))
		return in, nil
	}
	_, params, _ := mime.ParseMediaType(contentType)
	label := params["charset"]
	if label == "" {
		label = declared(start)
	}
	if label == "" {
		return in, nil
	}
	encoding, name := charset.Lookup(label)
	switch {
	case encoding == nil:
		return nil, fmt.Errorf("has the charset %.80q, which is none that is known", label)
	case name == "utf-8":
		return in, nil
	}
	return encoding.NewDecoder().Reader(in), nil
}

// declared is the charset of the first meta tag that gives one.
func declared(start []byte) string {
	z := html.NewTokenizer(bytes.NewReader(start))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken, html.SelfClosingTagToken:
			if name, _ := z.TagName(); string(name) != "meta" {
				continue
			}
			tag := attributes(z)
			_, params, _ := mime.ParseMediaType(tag["content"])
			if label := tag["charset"]; label != "" {
				return label
			} else if label := params["charset"]; label != "" {
				return label
			}
		}
	}
}

// attributes are those of the tag whose name was read. Of several with one name it is the first.
func attributes(z *html.Tokenizer) map[string]string {
	all := make(map[string]string)
	for {
		key, value, more := z.TagAttr()
		if _, there := all[string(key)]; !there && len(key) > 0 {
			all[string(key)] = string(value)
		}
		if !more {
			return all
		}
	}
}

package resolver

import (
	"iter"
	"net/http"
	"strconv"
	"strings"

	"github.com/asof/asof/manifest"
)

// Media types of what the resolver renders itself.
const (
	typeHTML    = "text/html; charset=utf-8"
	typeText    = "text/plain; charset=utf-8"
	typeJSON    = "application/json"
	typeProblem = "application/problem+json"
)

// offer is one representation that a request can choose.
type offer struct {
	contentType string   // what is sent
	media       string   // its media type, lower case, without parameters
	also        []string // other types that it answers to where they are named
}

// The representations of lists and errors; the first is the default.
var (
	listOffers  = []offer{{typeHTML, "text/html", nil}, {typeJSON, "application/json", nil}}
	boardOffers = []offer{{typeJSON, "application/json", nil}, {typeHTML, "text/html", nil}}
	errorOffers = []offer{
		{typeText, "text/plain", nil},
		{typeHTML, "text/html", nil},
		// Who asks for JSON means this, too.
		{typeProblem, "application/problem+json", []string{"application/json"}},
	}
)

// negotiate chooses among offers by the Accept header (RFC 9110, section
// 12.5.1): the highest weight wins, then the more specific range, then the
// earlier offer. Without a header, or where nothing fits, it is the first.
func negotiate(header http.Header, offers []offer) string {
	accept := strings.Join(header.Values("Accept"), ",")
	if accept == "" {
		return offers[0].contentType
	}
	best, bestWeight, bestSpecific := offers[0].contentType, 0, 0
	for _, o := range offers {
		weight, specific := weightOf(accept, o.media)
		for _, media := range o.also {
			if w, s := weightOf(accept, media); s == named && w > weight {
				weight, specific = w, s
			}
		}
		if weight > bestWeight || weight == bestWeight && weight > 0 && specific > bestSpecific {
			best, bestWeight, bestSpecific = o.contentType, weight, specific
		}
	}
	return best
}

// prefersVariant reports whether a request wants a page's variant and not HTML: the variant's
// type has the higher weight, or is named and has the same. Who names it can read it.
func prefersVariant(header http.Header) bool {
	accept := strings.Join(header.Values("Accept"), ",")
	weight, specific := weightOf(accept, manifest.VariantType)
	html, _ := weightOf(accept, "text/html")
	return weight > html || weight == html && weight > 0 && specific == named
}

// named is how specific a range is that names the type itself; its major type
// is one less, everything is 1.
const named = 3

// weightOf is the weight in thousandths that accept gives to a media type, by
// the most specific of its ranges.
func weightOf(accept, media string) (weight, specific int) {
	major, _, _ := strings.Cut(media, "/")
	for element := range splitQuoted(accept, ',') {
		name, s, w := "", 0, 1000
		for param := range splitQuoted(element, ';') {
			param = strings.TrimSpace(param)
			if name == "" {
				if name = strings.ToLower(param); name == "" {
					break
				}
				continue
			}
			if key, value, ok := strings.Cut(param, "="); ok && strings.EqualFold(strings.TrimSpace(key), "q") {
				w = parseWeight(strings.TrimSpace(value))
			}
		}
		switch name {
		case media:
			s = named
		case major + "/*":
			s = named - 1
		case "*/*":
			s = 1
		}
		if s > specific && w >= 0 {
			weight, specific = w, s
		}
	}
	return weight, specific
}

// parseWeight reads a qvalue (RFC 9110, section 12.4.2) in thousandths; -1 if
// it is none.
func parseWeight(s string) int {
	whole, frac, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(frac) > 3 {
		return -1
	}
	n, err := strconv.ParseUint(whole+frac+"000"[len(frac):], 10, 16)
	if err != nil || n > 1000 {
		return -1
	}
	return int(n)
}

// splitQuoted yields the parts of a header value between separators that do
// not stand in a quoted string.
func splitQuoted(s string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case c == '"':
				quoted = !quoted
			case c == '\\' && quoted:
				i++
			case c == sep && !quoted:
				if !yield(s[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(s[start:])
	}
}

package resolver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/asof/asof/manifest"
)

// Entries in one answer of the API.
const (
	pageDefault = 100
	pageMax     = 1000
)

// query is a request's query, each parameter once at most.
type query map[string]string

// readQuery takes the named parameters and no others: a misspelt one must not
// pass for none.
func readQuery(req *http.Request, names ...string) (query, error) {
	values, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return nil, badQuery("the query is not validly encoded")
	}
	q := query{}
	for name, v := range values {
		if !slices.Contains(names, name) {
			return nil, &problem{
				status: http.StatusBadRequest,
				detail: fmt.Sprintf("there is no parameter %.80q here", name),
				hint:   "known are " + strings.Join(names, ", ") + "; see docs/openapi.yaml",
			}
		}
		if len(v) > 1 {
			return nil, badQuery("parameter %s is there twice", name)
		}
		q[name] = v[0]
	}
	return q, nil
}

func badQuery(format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, detail: fmt.Sprintf(format, args...), hint: "see docs/openapi.yaml"}
}

// instant is a parameter that is a time.
func (q query) instant(name string, none manifest.ID) (manifest.ID, error) {
	if q[name] == "" {
		return none, nil
	}
	when, err := manifest.ParseWhen(q[name])
	if err != nil || when.Kind != manifest.WhenInstant {
		return 0, badQuery("parameter %s: %.80q is not a time", name, q[name])
	}
	return when.Instant, nil
}

// limit is how many entries the client wants at most.
func (q query) limit() (int, error) {
	if q["limit"] == "" {
		return pageDefault, nil
	}
	n, err := strconv.Atoi(q["limit"])
	if err != nil || n < 1 || n > pageMax {
		return 0, badQuery("parameter limit: %.20q is not a number from 1 to %d", q["limit"], pageMax)
	}
	return n, nil
}

// with is the address of a page with other parameters.
func (q query) with(path string, more map[string]string) string {
	values := url.Values{}
	for name, v := range q {
		values.Set(name, v)
	}
	for name, v := range more {
		values.Set(name, v)
	}
	return path + "?" + values.Encode()
}

// encodeJSON is a value on one line, and no HTML's escapes in it.
func encodeJSON(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return []byte(b.String()), err
}

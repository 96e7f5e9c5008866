package storeurl

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/asof/asof/internal/option"
)

// query is the parameters of a URL, each at most once.
type query struct {
	scheme string
	values map[string]string
}

func parseQuery(u *url.URL) (query, error) {
	q := query{scheme: u.Scheme, values: make(map[string]string)}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return q, errors.New("malformed query") // the cause could contain a secret
	}
	for name, all := range values {
		lower := strings.ToLower(name)
		for _, word := range []string{"secret", "password", "token", "access", "credential", "key"} {
			if strings.Contains(lower, word) {
				return q, errSecret(u.Scheme)
			}
		}
		if len(all) > 1 {
			return q, fmt.Errorf("%s is given %d times", option.Show(name), len(all))
		}
		q.values[name] = all[0]
	}
	return q, nil
}

func (q query) get(name string) string { return q.values[name] }

// only refuses parameters that the scheme does not have, without quoting their
// values.
func (q query) only(known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		if slices.Contains(known, name) {
			continue
		}
		err := fmt.Errorf("unknown parameter %s: %s:// takes none", option.Show(name), q.scheme)
		if len(known) > 0 {
			err = fmt.Errorf("unknown parameter %s: %s:// takes %s", option.Show(name), q.scheme, strings.Join(known, ", "))
		}
		if near := option.Nearest(name, known); near != "" {
			return &hinted{err, "did you mean " + near}
		}
		return err
	}
	return nil
}

func (q query) bool(name string, otherwise bool) (bool, error) {
	text, ok := q.values[name]
	if !ok {
		return otherwise, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s is %s: want true or false", name, option.Show(text))
	}
	return v, nil
}

// hinted is an error with what to write instead.
type hinted struct {
	error
	hint string
}

// Hint is what to write instead.
func (e *hinted) Hint() string { return e.hint }

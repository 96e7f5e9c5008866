package history

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote/fetch"
)

// parseCopies reads a list of dated copies, each {time, url}. They need no server that knows
// times: each is an upstream of its own.
func parseCopies(list []any, now manifest.ID) (s Schedule, _ error) {
	s.URLs = map[manifest.ID]string{}
	var errs []error
	for i, v := range list {
		name := fmt.Sprintf("at[%d]", i)
		fields, ok := v.(map[string]any)
		if !ok {
			errs = append(errs, option.Errorf(name, "it has no url, and others have"))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			if key != "time" && key != "url" {
				errs = append(errs, option.Wrap(name+"."+key, errors.New("unknown key; known are time, url")))
			}
		}
		at, err := parseTime(fields["time"], now)
		errs = append(errs, option.Wrap(name+".time", err))
		address, err := copyURL(fields["url"])
		errs = append(errs, option.Wrap(name+".url", err))
		if other, twice := s.URLs[at]; twice && other != address {
			errs = append(errs, option.Errorf(name+".time", "%s has another url already", at))
		}
		s.URLs[at] = address
	}
	s.Times = slices.Sorted(maps.Keys(s.URLs))
	return s, errors.Join(errs...)
}

// copyURL checks the address of a copy.
func copyURL(v any) (string, error) {
	address, ok := v.(string)
	if !ok || address == "" {
		return "", errors.New("missing")
	}
	u, err := fetch.ParseURL(address)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return "", errors.New("holds a query")
	}
	return address, nil
}

// areCopies reports whether a list is one of dated copies.
func areCopies(list []any) bool {
	return slices.ContainsFunc(list, func(v any) bool { _, ok := v.(map[string]any); return ok })
}

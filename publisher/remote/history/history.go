// Package history reads which past states of an archive are to be had: from a server like
// snapshot.debian.org, which has every state under its time, as
// <url>/<YYYYMMDDTHHMMSSZ>/, and lists them at /mr/timestamp/; or from dated copies, each at
// an address of its own.
package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// Bounds of a schedule.
const (
	MaxTimes = 100_000  // snapshots
	maxList  = 16 << 20 // bytes of a server's list
)

// Schedule is which snapshots are wanted: the times that are listed, or a range.
type Schedule struct {
	Times []manifest.ID // in ascending order; nil: a range
	// URLs are the addresses of dated copies, one for each of Times. nil: a server has the
	// snapshots, under their times.
	URLs map[manifest.ID]string

	From manifest.ID
	To   manifest.ID   // the last; none: now
	Step time.Duration // 0: whenever the server has one
}

// stepAllowed is the bounds of a step, in the form of package option.
const stepAllowed = "1s to 87600h"

// Parse reads the setting `at`, whose values are texts: a time, a list of times or of dated
// copies {time, url}, or {from, to, step}. Times are as in URLs, and none is later than now; a
// step is like 24h. The error has all that is wrong, as [option.Errors].
func Parse(setting any, now manifest.ID) (Schedule, error) {
	if fields, ok := setting.(map[string]any); ok {
		return parseRange(fields, now)
	}
	list, isList := setting.([]any)
	if areCopies(list) {
		return parseCopies(list, now)
	}
	if !isList {
		list = []any{setting}
	}
	var s Schedule
	var errs []error
	for i, v := range list {
		name := "at"
		if isList {
			name = fmt.Sprintf("at[%d]", i)
		}
		at, err := parseTime(v, now)
		errs = append(errs, option.Wrap(name, err))
		s.Times = append(s.Times, at)
	}
	if len(s.Times) == 0 {
		errs = append(errs, option.Errorf("at", "no time is listed"))
	}
	slices.Sort(s.Times)
	s.Times = slices.Compact(s.Times)
	return s, errors.Join(errs...)
}

func parseRange(fields map[string]any, now manifest.ID) (s Schedule, _ error) {
	var errs []error
	known := []string{"from", "to", "step"}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var err error
		switch v := fields[name]; name {
		case "from":
			s.From, err = parseTime(v, now)
		case "to":
			s.To, err = parseTime(v, now)
		case "step":
			s.Step, err = parseStep(v)
		default:
			err = errors.New("unknown key; known are " + strings.Join(known, ", "))
		}
		errs = append(errs, option.Wrap("at."+name, err))
	}
	switch _, given := fields["from"]; {
	case !given:
		errs = append(errs, option.Errorf("at.from", "missing"))
	case !s.To.IsZero() && s.To < s.From:
		errs = append(errs, option.Errorf("at.to", "%s lies before from", s.To))
	}
	return s, errors.Join(errs...)
}

func parseStep(v any) (step time.Duration, err error) {
	f := option.Field{Allowed: stepAllowed, Default: "24h"}
	if err := f.Parse(fmt.Sprint(v), reflect.ValueOf(&step).Elem()); err != nil {
		return 0, err
	}
	if step%time.Second != 0 {
		return 0, errors.New("not a whole number of seconds")
	}
	return step, nil
}

// parseTime reads a time. No server has a state of the future, though it may answer as if.
func parseTime(v any, now manifest.ID) (manifest.ID, error) {
	var text string
	if v != nil {
		text = fmt.Sprint(v)
	}
	when, err := manifest.ParseWhen(text)
	if err == nil && when.Kind != manifest.WhenInstant {
		err = fmt.Errorf("%.80q is no time", text)
	}
	if err == nil && when.Instant > now {
		err = fmt.Errorf("%s lies in the future; a range without to ends now", when.Instant)
	}
	return when.Instant, err
}

// Server is a server of snapshots of one archive.
type Server struct {
	base   *url.URL
	client *fetch.Client
}

// Open makes a Server of the archive's URL, without a time:
// https://snapshot.debian.org/archive/debian/.
func Open(rawURL string, opts fetch.Options, env fetch.Env) (*Server, error) {
	base, err := fetch.ParseURL(rawURL)
	if err == nil && (base.RawQuery != "" || base.ForceQuery) {
		err = errors.New("holds a query")
	}
	if base != nil {
		base = base.JoinPath("/")
	}
	client, clientErr := fetch.New(base, opts, env)
	return &Server{base, client}, errors.Join(option.Wrap("url", err), clientErr)
}

// URL is that of the archive as it was at a time.
func (s *Server) URL(at manifest.ID) string { return s.base.JoinPath(at.String(), "/").String() }

// Times lists the times that are wanted up to now, in ascending order.
func (s *Server) Times(ctx context.Context, wanted Schedule, now manifest.ID) ([]manifest.ID, error) {
	if wanted.Times != nil {
		return wanted.Times, nil
	}
	to := wanted.To
	if to.IsZero() {
		to = now
	}
	if wanted.Step == 0 {
		return s.runs(ctx, wanted.From, to)
	}
	step := manifest.ID(wanted.Step / time.Second)
	if n := (to - wanted.From) / step; n >= MaxTimes {
		return nil, fmt.Errorf("the range has more than %d steps", MaxTimes)
	}
	var times []manifest.ID
	for at := wanted.From; at <= to; at += step {
		times = append(times, at)
	}
	return times, nil
}

// runs asks the server for the times of its own snapshots.
func (s *Server) runs(ctx context.Context, from, to manifest.ID) (times []manifest.ID, err error) {
	top, _, ok := strings.Cut(s.base.Path, "/archive/")
	if !ok || s.base.Scheme == "file" {
		return nil, errors.New("the URL is not of the form …/archive/NAME/, so the server can't be asked for its times: set a step")
	}
	archive := path.Base(s.base.Path)
	list := *s.base
	list.Path, list.RawPath = top+"/mr/timestamp/", ""
	list.RawQuery = url.Values{"archive": {archive}, "after": {from.String()}, "before": {to.String()}}.Encode()
	err = s.client.Retry(ctx, func(ctx context.Context) error {
		resp, err := s.client.Get(ctx, &list, -1)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxList+1))
		if err != nil {
			return err
		}
		if times, err = parseRuns(data, archive); err != nil {
			return &remote.InputError{Where: fetch.Redact(&list), Err: err}
		}
		return nil
	})
	// What the server takes for the bounds may differ.
	return slices.DeleteFunc(times, func(at manifest.ID) bool { return at < from || at > to }), err
}

// parseRuns reads {"result":{"debian":["20250301T023000Z",…]}}.
func parseRuns(data []byte, archive string) ([]manifest.ID, error) {
	if len(data) > maxList {
		return nil, fmt.Errorf("has more than %d bytes", maxList)
	}
	var answer struct {
		Result map[string][]string `json:"result"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, err
	}
	runs, ok := answer.Result[archive]
	if !ok {
		return nil, fmt.Errorf("it knows no archive %q", archive)
	}
	if len(runs) > MaxTimes {
		return nil, fmt.Errorf("has more than %d times", MaxTimes)
	}
	var times []manifest.ID
	for _, run := range runs {
		at, err := manifest.ParseID(run)
		if err != nil {
			return nil, err
		}
		times = append(times, at)
	}
	slices.Sort(times)
	return slices.Compact(times), nil
}

// Package history reads which snapshots of an archive a server keeps: one like
// snapshot.debian.org, which has every state under its time, as
// <url>/<YYYYMMDDTHHMMSSZ>/, and lists them at /mr/timestamp/.
package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// Bounds of a schedule.
const (
	MaxTimes = 100_000  // snapshots
	maxList  = 16 << 20 // bytes of a server's list
	minStep  = time.Second
)

// Schedule is which snapshots are wanted: the times that are listed, or a range.
type Schedule struct {
	Times []manifest.ID // in ascending order; nil: a range

	From manifest.ID
	To   manifest.ID   // the last; NoTime: now
	Step time.Duration // 0: whenever the server has one
}

// Parse reads the setting `at`: a time, a list of times, or {from, to, step}.
// Times are as in URLs; a step is like 24h.
func Parse(setting any) (Schedule, error) {
	if fields, ok := setting.(map[string]any); ok {
		return parseRange(fields)
	}
	list, ok := setting.([]any)
	if !ok {
		list = []any{setting}
	}
	var s Schedule
	for _, v := range list {
		at, err := parseTime(v)
		if err != nil {
			return s, err
		}
		s.Times = append(s.Times, at)
	}
	if len(s.Times) == 0 {
		return s, errors.New("no time is listed")
	}
	slices.Sort(s.Times)
	s.Times = slices.Compact(s.Times)
	return s, nil
}

func parseRange(fields map[string]any) (s Schedule, err error) {
	s.To = manifest.NoTime
	from := false
	for name, v := range fields {
		switch name {
		case "from":
			from = true
			s.From, err = parseTime(v)
		case "to":
			s.To, err = parseTime(v)
		case "step":
			s.Step, err = time.ParseDuration(fmt.Sprint(v))
			if err == nil && (s.Step < minStep || s.Step%time.Second != 0) {
				err = errors.New("not a number of seconds, and at least one")
			}
		default:
			err = errors.New("unknown key; known are from, to, step")
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	switch {
	case !from:
		return s, errors.New("from: missing")
	case s.To != manifest.NoTime && s.To < s.From:
		return s, fmt.Errorf("to: %s lies before from", s.To)
	}
	return s, nil
}

// parseTime reads a time, which YAML may have taken for a number or a date.
func parseTime(v any) (manifest.ID, error) {
	if t, ok := v.(time.Time); ok {
		v = manifest.IDOf(t)
	}
	when, err := manifest.ParseWhen(fmt.Sprint(v))
	if err == nil && when.Kind != manifest.WhenInstant {
		err = fmt.Errorf("%.80q is no time", fmt.Sprint(v))
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
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if base.RawQuery != "" || base.ForceQuery {
		return nil, errors.New("url: holds a query")
	}
	base = base.JoinPath("/")
	client, err := fetch.New(base, opts, env)
	return &Server{base, client}, err
}

// URL is that of the archive as it was at a time.
func (s *Server) URL(at manifest.ID) string { return s.base.JoinPath(at.String(), "/").String() }

// Times lists the times that are wanted up to now, in ascending order.
func (s *Server) Times(ctx context.Context, wanted Schedule, now manifest.ID) ([]manifest.ID, error) {
	if wanted.Times != nil {
		return wanted.Times, nil
	}
	to := wanted.To
	if to == manifest.NoTime {
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

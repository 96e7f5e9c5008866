package rpm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/mirror"
)

const (
	// maxTried is how many mirrors of a list are asked for repomd.xml.
	maxTried = 16
	// maxOthers is how many others are asked for a file that the chosen mirror lacks.
	maxOthers = 4
	// mirrorPatience is how long a mirror may be away before the next one is asked.
	mirrorPatience = 10 * time.Second
)

// source is where a capture reads from.
type source struct {
	client *fetch.Client
	others []*fetch.Client
	// accept judges the repomd.xml of a mirror; nil: any will do. older: it is older than
	// the newest checkpoint's.
	accept func(repomd []byte, older bool) error
}

// captureBest captures from url, or from the best mirror of the list.
func (r *upstream) captureBest(ctx context.Context, prev remote.Previous) (*captured, error) {
	if r.options.URL != "" {
		return r.capture(ctx, prev, source{client: r.client})
	}
	mirrors, versions, err := r.readList(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*fetch.Client, 0, maxTried)
	for _, u := range mirrors {
		if base, err := fetch.ParseURL(u); err == nil && len(list) < maxTried {
			list = append(list, r.client.Elsewhere(base, r.gates))
		}
	}
	var failures []error
	var second []int // mirrors that are right, but not the newest
	accept := func(repomd []byte, older bool) error { return accept(versions, repomd, older) }
	for i := range list {
		c, err := r.capture(ctx, prev, source{list[i], othersThan(list, i), accept})
		if _, behind := errors.AsType[*behindError](err); behind {
			second = append(second, i)
		}
		if _, unusable := errors.AsType[*unusableError](err); !unusable || ctx.Err() != nil {
			return c, err
		}
		failures = append(failures, err)
	}
	for _, i := range second {
		acceptSecond := func(repomd []byte, older bool) error {
			err := accept(repomd, older)
			if behind, ok := errors.AsType[*behindError](err); ok && !behind.never {
				return nil
			}
			return err
		}
		c, err := r.capture(ctx, prev, source{list[i], othersThan(list, i), acceptSecond})
		if _, unusable := errors.AsType[*unusableError](err); !unusable || ctx.Err() != nil {
			return c, err
		}
	}
	return nil, &noMirrorError{r.urlOf(r.client), failures}
}

// othersThan returns the mirrors to ask besides one.
func othersThan(list []*fetch.Client, chosen int) (others []*fetch.Client) {
	for i, client := range list {
		if i != chosen && len(others) < maxOthers {
			others = append(others, client)
		}
	}
	return others
}

// readList reads the list of mirrors. versions is nil for a mirrorlist, and for a metalink
// without hashes, as clients take that for a mirrorlist.
func (r *upstream) readList(ctx context.Context) (mirrors []string, versions []mirror.Listed, err error) {
	var data []byte
	err = r.client.Retry(ctx, func(ctx context.Context) error {
		resp, err := r.client.GetChanged(ctx, r.list, -1, remote.Validator{})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		data, err = io.ReadAll(io.LimitReader(resp.Body, rpm.MaxMirrorList+1))
		return err
	})
	where := fetch.Redact(r.list)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, &listError{err, "mirrorlist or metalink has to be the whole address of a list, often with a query such as ?repo=…&arch=…"}
	case err != nil:
		return nil, nil, err
	case len(data) > rpm.MaxMirrorList:
		return nil, nil, &remote.InputError{Where: where, Err: fmt.Errorf("has more than %d bytes", rpm.MaxMirrorList)}
	case r.options.Metalink == "":
		if mirrors, err = rpm.ParseMirrorlist(data); err != nil {
			return nil, nil, &remote.InputError{Where: where, Err: err}
		}
		return mirrors, nil, nil
	}
	if text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff"))); !bytes.HasPrefix(text, []byte("<")) {
		err := error(errors.New("is no metalink, as it is no XML"))
		if bytes.Contains(text, []byte("://")) {
			err = &listError{err, "this is a plain list: use mirrorlist"}
		}
		return nil, nil, &remote.InputError{Where: where, Err: err}
	}
	m, err := rpm.ParseMetalink(data)
	if err != nil {
		return nil, nil, syntax(where, err)
	}
	var unusable error
	for i, v := range m.Versions {
		l, err := strongest(v)
		if err == nil {
			err = l.Sums.Check(r.options.AllowWeak)
		}
		switch {
		case err == nil:
			versions = append(versions, l)
		case err == errNoHash:
		case i == 0:
			return nil, nil, &remote.InputError{Where: where, Err: fmt.Errorf("repomd.xml: %w", err)}
		default:
			unusable = err
		}
	}
	if versions == nil && unusable != nil {
		return nil, nil, &remote.InputError{Where: where, Err: fmt.Errorf("repomd.xml: %w", unusable)}
	}
	r.proven.Store(versions != nil && r.options.trustsList())
	if versions == nil {
		return m.Mirrors, nil, r.unproven(where)
	}
	return m.Mirrors, versions, nil
}

// unproven deals with a metalink without hashes: nothing says which repomd.xml is right, so
// keys have to.
func (r *upstream) unproven(where string) error {
	if !r.unchecked() || !r.options.trustsList() {
		return nil
	}
	if r.options.Verify == "required" {
		return &unprovenError{fmt.Errorf("%s: %w: the metalink has no hash of repomd.xml of a known type", where, remote.ErrUnverified)}
	}
	r.warned.Do(func() {
		r.log.Warn("nothing is verified: the metalink has no hash of repomd.xml of a known type, and no keyring is configured (signed_by)", "url", where)
	})
	return nil
}

// unprovenError means that a metalink is all that could verify a repository, and does not.
type unprovenError struct{ error }

func (e *unprovenError) Unwrap() error { return e.error }

// Hint says what the user can do.
func (e *unprovenError) Hint() string {
	return "signed_by has to name the keys of the repository, if it is signed; without verify: required it is published unverified"
}

// errNoHash means that clients compare nothing.
var errNoHash = errors.New("has no hash of a known type")

// listError is what is wrong with a list of mirrors.
type listError struct {
	error
	hint string
}

func (e *listError) Unwrap() error { return e.error }

// Hint says what the user can do.
func (e *listError) Hint() string { return e.hint }

// strongest returns the strongest hash of a version, which is the only one that librepo
// compares. The size is not looked at.
func strongest(v rpm.Version) (l mirror.Listed, err error) {
	best := mirror.Algorithm(len(l.Sums))
	l.Size = -1
	err = errNoHash
	for _, hash := range v.Hashes {
		one, wrong := listed(-1, hash)
		if _, known := algorithm(hash.Type); wrong != nil && known && err == errNoHash {
			err = wrong
		}
		for a, digest := range one.Sums {
			if wrong == nil && digest != "" && mirror.Algorithm(a) < best {
				best, l, err = mirror.Algorithm(a), one, nil
			}
		}
	}
	return l, err
}

// accept judges the repomd.xml of a mirror. The best is the newest one that the list names,
// or if it names none, one that is not older than the newest checkpoint's.
func accept(versions []mirror.Listed, repomd []byte, older bool) error {
	if versions == nil {
		if older {
			return &behindError{text: "it is older than the newest checkpoint's"}
		}
		return nil
	}
	for i, l := range versions {
		v := mirror.NewVerifier(l)
		_, _ = v.Write(repomd)
		if _, err := v.Done(); err != nil {
			continue
		}
		switch {
		case i == 0:
			return nil
		case older:
			return &behindError{"it is an earlier version, older than the newest checkpoint's", true}
		}
		return &behindError{text: "it is an earlier version"}
	}
	return fmt.Errorf("%w: it is none of the %d versions that the metalink names", remote.ErrUnverified, len(versions))
}

// behindError means that a mirror is right, but behind.
type behindError struct {
	text  string
	never bool // so far that it is not taken in any case
}

func (e *behindError) Error() string { return e.text }

// unusableError means that a mirror can't be captured from: another one may.
type unusableError struct{ error }

func (e *unusableError) Unwrap() error { return e.error }

// noMirrorError means that no mirror of a list can be captured from.
type noMirrorError struct {
	list     string
	failures []error
}

func (e *noMirrorError) Error() string {
	lines := make([]string, len(e.failures))
	for i, err := range e.failures {
		lines[i] = err.Error()
	}
	return fmt.Sprintf("none of the %d mirrors of %s that were asked has a repomd.xml that can be used:\n  %s", len(lines), e.list, strings.Join(remote.First(lines), "\n  "))
}

func (e *noMirrorError) Unwrap() []error { return e.failures }

// Hint says what the user can do. Mirrors that all fail in one way don't lag behind.
func (e *noMirrorError) Hint() string {
	if len(e.failures) > 0 {
		first := hintOf(e.failures[0])
		if first != "" && !slices.ContainsFunc(e.failures, func(err error) bool { return hintOf(err) != first }) {
			return first
		}
	}
	return "mirrors may lag behind the list for hours; nothing was published; run it again later"
}

// parseList reads the option that names a list. The base of the client is the folder that
// the list is in.
func parseList(raw string) (*url.URL, error) {
	u, err := parseURL(raw)
	if err == nil && u.Scheme == "file" {
		return nil, errors.New("not an http or https URL")
	}
	return u, err
}

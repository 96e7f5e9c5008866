package publisher

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/revision"
)

// capture reads the state of the repo's remote. The remote may use the known
// validators. doubt is explained at newestCheckpoint.
func (p *Publisher) capture(ctx context.Context, repo Repo, index manifest.Index, known *validators, doubt bool) (*revision.Revision, error) {
	if repo.Remote == nil {
		return nil, fmt.Errorf("sync: %w", ErrNoRemote)
	}
	at := manifest.IDOf(p.Now())
	p.Progress.Begin(repo.Name+": reading the remote", -1, -1)
	defer p.Progress.End()
	c, err := repo.Remote.Capture(ctx, p.newest(repo.Base, index, known, doubt))
	if errors.Is(err, remote.ErrMoved) {
		err = &movedError{err}
	}
	if err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	rev, err := revision.New(c, at)
	if err == nil {
		err = checkReserved(rev.Files)
	}
	if err == nil && rev.Modes != nil {
		_, err = rev.Modes.Encode() // it must fit, before anything is stored
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("sync: %w", err)
	}
	if err := p.checkUpstreamClock(repo, c); err != nil {
		c.Close()
		return nil, err
	}
	p.Log.Info("captured the remote", "repo", repo.Name, "files", rev.Root.Files, "bytes", rev.Root.Bytes)
	return rev, nil
}

// checkUpstreamClock compares this machine's clock with upstream's. Where the store has a
// clock, it agrees with this one by now, and so it is upstream's that is wrong.
func (p *Publisher) checkUpstreamClock(repo Repo, c remote.Capture) error {
	dated, ok := c.(remote.Dated)
	if !ok {
		return nil
	}
	there, host, known := dated.Date()
	here := p.Now()
	if !known || !job.Apart(here, there) {
		return nil
	}
	err := &job.OtherClockError{
		Whose: host + "'s", Here: manifest.IDOf(here), There: manifest.IDOf(there),
		Advice: "nothing was published. If this machine's clock is wrong, set it; if upstream's is, --trust-clock publishes nevertheless",
	}
	by := "the store"
	if p.TrustClock {
		by = "you"
	} else if _, known := job.StoreTime(p.Store); !known {
		return err
	}
	p.Log.Warn("upstream's clock is wrong", "repo", repo.Name, "says", by, "error", err)
	return nil
}

// checkReserved refuses upstream files at paths that asof reserves.
func checkReserved(files []remote.File) error {
	for _, f := range files {
		if strings.HasPrefix(f.Path+"/", manifest.GeneratedDir) {
			return &remote.InputError{Where: f.Path, Err: errors.New("upstream has a file where asof keeps its own")}
		}
	}
	return nil
}

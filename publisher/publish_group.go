package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
	"github.com/asof/asof/publisher/reliance"
	"github.com/asof/asof/publisher/revision"
)

// PublishGroup publishes several repos at one id. It captures all of them, stores
// all that is new, then swaps the indexes one after the other. If one repo fails,
// nothing is published, and a RepoError says which repo it was. A repo without
// changes gets no checkpoint: its newest one becomes final up to the id.
//
// It may be killed at any moment, as Publish may. Between the first swap and the
// last the repos differ, but no final answer does: a publisher of one of the
// remaining repos, alone or together, first finishes the group under the same id.
// That works for reliance.Fresh; after that, the rest is published anew.
func (p *Publisher) PublishGroup(ctx context.Context, repos []Repo, opts PublishOptions) ([]Result, error) {
	var jobs []*publication
	var names []string
	for i, repo := range repos {
		if err := repo.check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(repos[:i], func(r Repo) bool { return r.Base == repo.Base }) {
			return nil, fmt.Errorf("repo %s %w", repo.Name, ErrTwice)
		}
		jobs, names = append(jobs, p.publication(repo, opts)), append(names, repo.Name)
	}
	var results []Result
	err := p.untilDone(ctx, strings.Join(names, ", "), func() (err error) {
		results, err = p.publishGroup(ctx, jobs)
		return err
	})
	return results, err
}

// member is one repo in one run.
type member struct {
	*publication
	current ledger.State
	rev     *revision.Revision
	changed bool
	against compared // if it is changed
}

func (p *Publisher) publishGroup(ctx context.Context, jobs []*publication) ([]Result, error) {
	began := p.Now()

	// 1. Read the indexes. 2. Capture everything before anything is stored.
	members := make([]member, 0, len(jobs))
	defer func() {
		for _, m := range members {
			m.rev.Close()
		}
	}()
	for _, job := range jobs {
		current, rev, err := job.begin(ctx)
		if err != nil {
			return nil, inGroup(job.repo, err)
		}
		members = append(members, member{publication: job, current: current, rev: rev})
		if members[len(members)-1].changed, err = job.changed(ctx, current, rev); err != nil {
			return nil, inGroup(job.repo, err)
		}
	}

	// 3. Nothing is new in any repo: move all horizons.
	if !slices.ContainsFunc(members, func(m member) bool { return m.changed }) {
		return each(members, func(m member) (Result, error) { return m.unchanged(ctx, m.current, m.rev) })
	}

	// 4 to 7. Take one id above all horizons, and store what is new below it.
	for i := range members {
		m := &members[i]
		if !m.changed {
			continue
		}
		var err error
		if m.against, err = m.compare(ctx, m.current, m.rev); err != nil {
			return nil, inGroup(m.repo, err)
		}
	}
	id, err := p.sharedID(ctx, members)
	if err != nil {
		return nil, err
	}
	oldest := began
	results, err := each(members, func(m member) (Result, error) {
		if !m.changed {
			newest, _ := m.current.Doc.Newest()
			return Result{Repo: m.repo.Name, Base: m.repo.Base, Outcome: Unchanged, Checkpoint: newest, HeldBack: m.rev.HeldBack, Missing: m.rev.Missing}, nil
		}
		m.shared = id
		made, err := m.build(ctx, m.current, m.rev, m.against)
		if errors.Is(err, ErrConflict) && !m.opts.At.Valid() {
			m.avoid[id] = true // another publisher has this second
			err = fmt.Errorf("%w: %w", errOvertaken, err)
		}
		if err == nil && made.claim.made.Before(oldest) {
			oldest = made.claim.made
		}
		return made.Result, err
	})
	if err != nil {
		return nil, err
	}

	// 8 and 9. Write down what is to be committed, and commit it. A crash leaves:
	//    the old state, or a group that the next publisher finishes.
	group := manifest.Group{ID: id, Until: manifest.IDOf(oldest.Add(reliance.Fresh))}
	for i, m := range members {
		planned := manifest.Member{Repo: m.repo.Repo, Checkpoint: results[i].Checkpoint}
		if newest, ok := m.current.Doc.Newest(); ok {
			planned.Previous = &newest.ID
		}
		group.Members = append(group.Members, planned)
		results[i].Horizon = id
	}
	slices.SortFunc(group.Members, func(a, b manifest.Member) int { return cmp.Compare(a.Base, b.Base) })
	if err := p.groups.finish(ctx, group); err != nil {
		for _, m := range members {
			m.avoid[id] = !m.opts.At.Valid() // as Publish does after it was overtaken
		}
		return nil, err
	}
	for _, m := range members {
		m.keepValidators(ctx, m.rev)
	}
	return results, p.groups.announce(ctx, group)
}

// inGroup says which repo of a group failed.
func inGroup(repo Repo, err error) error {
	return &RepoError{repo.Name, fmt.Errorf("repo %s: %w", repo.Name, err)}
}

// each does something for every member, in order. If a result can't be announced,
// it goes on with the others.
func each(members []member, do func(member) (Result, error)) ([]Result, error) {
	results := make([]Result, 0, len(members))
	var failures []error
	for _, m := range members {
		r, err := do(m)
		if err != nil {
			err = inGroup(m.repo, err)
		}
		if err != nil && !errors.Is(err, ledger.ErrNotAnnounced) {
			return nil, err
		}
		results, failures = append(results, r), append(failures, err)
	}
	return results, errors.Join(failures...)
}

// sharedID returns the id for all members: that of an earlier run that was killed
// while it stored these very revisions, or a new one.
func (p *Publisher) sharedID(ctx context.Context, members []member) (manifest.ID, error) {
	if at := members[0].opts.At; at.Valid() {
		return at, nil
	}
	var horizon manifest.ID
	for _, m := range members {
		horizon = max(horizon, m.current.Doc.Horizon)
	}
	candidates := map[manifest.ID]bool{} // false: claimed for something else
	for _, m := range members {
		if !m.changed {
			continue
		}
		for id := range m.avoid {
			candidates[id] = false
		}
		left, err := m.leftBehind(ctx, m.current.Doc)
		if err != nil {
			return 0, err
		}
		for _, a := range left.attempts {
			good, known := candidates[a.ID]
			candidates[a.ID] = (good || !known) && p.mayResume(a, m.rev, m.repo.layout())
		}
	}
	var resumed manifest.ID
	for id, good := range candidates {
		if good {
			resumed = max(resumed, id)
		}
	}
	if resumed > horizon {
		return resumed, nil
	}
	// Above all claims as well, so that publishers do not compete for a second.
	id, err := p.claims.afterHorizon(ctx, horizon)
	for err == nil {
		if _, claimed := candidates[id]; !claimed {
			break
		}
		id, err = p.claims.afterHorizon(ctx, id)
	}
	return id, err
}

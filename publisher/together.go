package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/asof/asof/manifest"
)

// PublishTogether publishes several repos at one id: first all of them are
// captured, then all that is new is stored, then the indexes are swapped one
// after the other. If one of them fails, nothing is published. A repo without
// news gets no checkpoint: its newest becomes final up to the id.
//
// It may be killed at any moment, as Publish may. Between the first swap and
// the last the repos differ, but no answer that does is final: whoever publishes
// one of those that are left, alone or together, finishes it first, under the
// same id. That is so for freshAge; what is left after it is published anew.
func (p *Publisher) PublishTogether(ctx context.Context, repos []Repo, opts PublishOptions) ([]Result, error) {
	var g group
	for i, repo := range repos {
		if err := repo.check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(repos[:i], func(r Repo) bool { return r.Base == repo.Base }) {
			return nil, fmt.Errorf("repo %s %w", repo.Name, ErrTwice)
		}
		g.jobs = append(g.jobs, &publication{Publisher: p, repo: repo, opts: opts, avoid: map[manifest.ID]bool{}})
	}
	for range maxOvertaken {
		var results []Result
		err := p.untilSettled(ctx, func() (err error) {
			results, err = g.run(ctx, p)
			return err
		})
		if !errors.Is(err, errOvertaken) && !errors.Is(err, errAbandoned) {
			return results, err
		}
		p.Log.Info("starting again", "reason", err)
	}
	return nil, fmt.Errorf("%w: other publishers were faster %d times", ErrConflict, maxOvertaken)
}

// group is one call of PublishTogether.
type group struct{ jobs []*publication }

// member is what one run makes of a repo.
type member struct {
	*publication
	current state
	rev     *revision
	changed bool
}

func (g *group) run(ctx context.Context, p *Publisher) ([]Result, error) {
	began := p.Now()

	// 1. Read the indexes. 2. Capture everything before anything is stored.
	members := make([]member, 0, len(g.jobs))
	defer func() {
		for _, m := range members {
			m.rev.Close()
		}
	}()
	for _, job := range g.jobs {
		current, rev, err := job.begin(ctx)
		if err != nil {
			return nil, fmt.Errorf("repo %s: %w", job.repo.Name, err)
		}
		members = append(members, member{job, current, rev, job.changed(current, rev)})
	}

	// 3. Nothing is new anywhere: all horizons move.
	if !slices.ContainsFunc(members, func(m member) bool { return m.changed }) {
		return each(members, func(m member) (Result, error) {
			r, err := m.unchanged(ctx, m.current)
			r.HeldBack = m.rev.held
			return r, err
		})
	}

	// 4 to 7. Take one id above all horizons, and store what is new below it.
	id, err := p.groupID(ctx, members)
	if err != nil {
		return nil, err
	}
	oldest := began
	results, err := each(members, func(m member) (Result, error) {
		if !m.changed {
			newest, _ := m.current.index.Newest()
			return Result{Repo: m.repo.Name, Base: m.repo.Base, Outcome: Unchanged, Checkpoint: newest, HeldBack: m.rev.held}, nil
		}
		m.group = &id
		made, err := m.build(ctx, m.current, m.rev)
		if errors.Is(err, ErrConflict) && m.opts.At == nil {
			m.avoid[id] = true // somebody else's second
			err = fmt.Errorf("%w: %w", errOvertaken, err)
		}
		if made.claim.made.Before(oldest) {
			oldest = made.claim.made
		}
		return made.Result, err
	})
	if err != nil {
		return nil, err
	}

	// 8 and 9. Write down what is to be committed, and commit it. A crash leaves:
	//    the old state, or a group that the next publisher finishes.
	together := manifest.Together{ID: id, Until: manifest.IDOf(oldest.Add(freshAge))}
	for i, m := range members {
		planned := manifest.Member{Repo: m.repo.registered(), Checkpoint: results[i].Checkpoint}
		if newest, ok := m.current.index.Newest(); ok {
			planned.Previous = &newest.ID
		}
		together.Members = append(together.Members, planned)
		results[i].Horizon = id
	}
	slices.SortFunc(together.Members, func(a, b manifest.Member) int { return cmp.Compare(a.Base, b.Base) })
	if err := p.finish(ctx, together); err != nil {
		for _, m := range members {
			m.avoid[id] = m.opts.At == nil // as Publish does once it was overtaken
		}
		return nil, err
	}
	return results, p.tellOf(ctx, members)
}

// tellOf tells the announcer what a group has come to.
func (p *Publisher) tellOf(ctx context.Context, members []member) error {
	if p.Announcer == nil {
		return nil
	}
	var failures []error
	for _, m := range members {
		current, err := p.loadIndex(ctx, m.repo)
		if err == nil {
			err = p.tell(ctx, Change{m.repo.registered(), current.index, !m.changed})
		} else {
			err = fmt.Errorf("%w: %w", ErrNotAnnounced, err)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("repo %s: %w", m.repo.Name, err))
		}
	}
	return errors.Join(failures...)
}

// each does something for every member, in their order. One that was not
// announced holds up no other.
func each(members []member, do func(member) (Result, error)) ([]Result, error) {
	results := make([]Result, 0, len(members))
	var failures []error
	for _, m := range members {
		r, err := do(m)
		if err != nil {
			err = fmt.Errorf("repo %s: %w", m.repo.Name, err)
		}
		if err != nil && !errors.Is(err, ErrNotAnnounced) {
			return nil, err
		}
		results, failures = append(results, r), append(failures, err)
	}
	return results, errors.Join(failures...)
}

// groupID is the id for all members: one for which an earlier run was killed
// while it stored these very revisions, or a new one.
func (p *Publisher) groupID(ctx context.Context, members []member) (manifest.ID, error) {
	if at := members[0].opts.At; at != nil {
		return *at, nil
	}
	horizon := manifest.MinID
	for _, m := range members {
		horizon = max(horizon, m.current.index.Horizon)
	}
	candidates := map[manifest.ID]bool{} // false: claimed for something else
	for _, m := range members {
		if !m.changed {
			continue
		}
		for id := range m.avoid {
			candidates[id] = false
		}
		for _, a := range p.attempts(ctx, m.repo, m.current.left.attempts, m.avoid) {
			good, known := candidates[a.ID]
			candidates[a.ID] = (good || !known) && a.isFor(m.rev, m.repo.layout()) && p.fresh(a.made)
		}
	}
	var id manifest.ID
	for at, good := range candidates {
		if good {
			id = max(id, at)
		}
	}
	if id > horizon {
		return id, nil
	}
	// Above all claims as well, so that no second is fought over.
	id, err := p.afterHorizon(ctx, horizon)
	for err == nil {
		if _, claimed := candidates[id]; !claimed {
			break
		}
		id, err = p.afterHorizon(ctx, id)
	}
	return id, err
}

package manifest

import "context"

// ClockSkew is how far, in seconds, a client's clock may be ahead of the clock
// that Resolve is given. A time within it counts as the present, not as the
// future.
const ClockSkew = 60

// MaxSkew is how far, in seconds, a horizon may lie ahead of the clock of whoever reads
// it, and the clock of a machine that writes may be from another's. What is further ahead
// was written by a machine whose clock was wrong. It covers what resolvers call final ahead
// of their clocks, twice: they hear of a new index a moment later.
const MaxSkew = 2 * ClockSkew

// Outcome is the kind of an Answer.
type Outcome uint8

const (
	Found     Outcome = iota + 1 // a checkpoint
	Gone                         // the checkpoint is pruned
	Before                       // the time is before the first checkpoint
	Empty                        // there are no checkpoints
	Future                       // the time is in the future
	NoName                       // there is no such channel, nor a ring
	Elsewhere                    // the repo is retired: it was deleted, or moved
	Unset                        // the ring stands for nothing yet, or for a time that is not final here
)

// Answer is what a When resolves to.
type Answer struct {
	Outcome    Outcome
	Final      bool        // the answer can never change (invariant 4)
	ID         ID          // the checkpoint's, for Found and Gone; the first listed one's, for Before
	Checkpoint *Checkpoint // for Found; shared, so do not change it
	Reason     string      // for Gone; may be empty
	// Ring is the time that a ring stands for; none: the When is no ring, or the ring is Unset.
	Ring ID
}

// Resolve says what a When resolves to. It alone decides this, for the command,
// the service, its API and its TimeGates.
//
// A time resolves to the newest checkpoint at or before it. Up to the horizon the
// answer is final. From there to ClockSkew after now it is provisional: a
// checkpoint may still be published at or before that time. A later time has no
// answer yet (Future). A publisher whose clock ran ahead may leave a horizon that
// lies in the future. Up to it there are answers, but those for a time later than
// ClockSkew after now are provisional. Latest, channels and rings move, so their answers
// are never final. A ring stands for a time; one that is above the horizon has no answer.
// A channel goes before a ring of the same name.
//
// An error comes from the reader of segments. A time in the tail reads no segment
// and allocates no memory.
func (h *History) Resolve(ctx context.Context, when When, now ID) (Answer, error) {
	if h.Index.Retired != nil {
		return Answer{Outcome: Elsewhere}, nil
	}
	at, present := when.Instant, now+ClockSkew
	switch when.Kind {
	case WhenLatest:
		at = MaxID
	case WhenName:
		id, ok := h.Index.Channels[when.Name]
		if !ok {
			return h.atRing(ctx, when.Name)
		}
		at = id
	default:
		if at > h.Index.Horizon && at > present {
			return Answer{Outcome: Future}, nil
		}
	}
	answer, err := h.at(ctx, at)
	if err != nil {
		return Answer{}, err
	}
	answer.Final = when.Kind == WhenInstant && at <= min(h.Index.Horizon, present) && answer.Outcome != Empty
	return answer, nil
}

// atRing resolves the name of a ring.
func (h *History) atRing(ctx context.Context, name string) (Answer, error) {
	ring, ok := h.ring(name)
	if !ok {
		return Answer{Outcome: NoName}, nil
	}
	stands, ok := ring.Now()
	if !ok || stands.Time > h.Index.Horizon {
		return Answer{Outcome: Unset}, nil
	}
	answer, err := h.at(ctx, stands.Time)
	answer.Ring = stands.Time
	return answer, err
}

// at finds the newest checkpoint at or before an instant.
func (h *History) at(ctx context.Context, at ID) (Answer, error) {
	answer, ok := h.tail.newest(at)
	if !ok {
		var err error
		if answer, ok, err = h.sealed(ctx, at); err != nil {
			return Answer{}, err
		}
	}
	if ok {
		return answer, nil
	}
	switch first, ok, err := h.First(ctx); {
	case err != nil:
		return Answer{}, err
	case !ok:
		return Answer{Outcome: Empty}, nil
	default:
		return Answer{Outcome: Before, ID: first.ID}, nil
	}
}

// sealed searches the segments. It reads the newest one that begins at or before
// the instant.
func (h *History) sealed(ctx context.Context, at ID) (answer Answer, ok bool, err error) {
	i := upTo(h.starts, at)
	if i == 0 {
		return Answer{}, false, nil
	}
	segment, err := h.read(ctx, h.Index.Segments[i-1])
	if err != nil {
		return Answer{}, false, err
	}
	answer, ok = segment.newest(at)
	return answer, ok, nil
}

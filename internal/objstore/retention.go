package objstore

import (
	"fmt"
	"time"
)

// The modes of S3 Object Lock.
const (
	Governance = "governance" // those with a right of their own may still delete
	Compliance = "compliance" // nobody may, the account's owner included
)

// maxRetention is the longest retention that S3 takes.
const maxRetention = 36500 * 24 * time.Hour

// Retention says for how long a store with Object Lock keeps new objects, even
// from those with the right to delete. Registers are never retained, because they
// change. The zero Retention is none.
type Retention struct {
	Mode string // Governance or Compliance; empty: none
	For  time.Duration
}

// Check reports what is wrong with a retention.
func (r Retention) Check() error {
	switch {
	case r == Retention{}:
		return nil
	case r.Mode != Governance && r.Mode != Compliance:
		return fmt.Errorf("mode %q is neither %s nor %s", r.Mode, Governance, Compliance)
	case r.For <= 0:
		return fmt.Errorf("mode %s needs a time to keep objects for", r.Mode)
	case r.For > maxRetention:
		return fmt.Errorf("%d days is more than 100 years", r.For/(24*time.Hour))
	}
	return nil
}

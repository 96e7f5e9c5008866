package s3core

import "github.com/asof/asof/internal/objstore"

var _ objstore.Priced = (*Store)(nil)

// CreateCost implements objstore.Priced.
func (s *Store) CreateCost(size int64, there bool) objstore.Requests {
	switch {
	case size <= s.opts.PutLimit:
		return objstore.Requests{Writes: 1}
	case there:
		return objstore.Requests{Reads: 1}
	}
	part := partSize(size, s.opts.PartSize)
	return objstore.Requests{Reads: 1, Writes: 2 + (size+part-1)/part} // plus its start and its completion
}

// CopyCost implements objstore.Priced.
func (s *Store) CopyCost(vacant, there bool) objstore.Requests {
	switch {
	case s.server.CopyTakesCondition, vacant:
		return objstore.Requests{Writes: 1}
	case there:
		return objstore.Requests{Reads: 1}
	}
	return objstore.Requests{Reads: 1, Writes: 1}
}

package catalog

import (
	"context"
	"iter"

	"github.com/asof/asof/manifest"
)

// A manifest's leaves are small and spread over a few objects. They are read in
// spans: leaves close together in one object, with one request.
const (
	spanSize = 4 << 20   // largest size of a span in bytes
	spanGap  = 512 << 10 // useless bytes worth reading to save a request
	ahead    = 3         // spans to read before they are needed
)

// Leaf is a leaf that was read: its entries, or the error.
type Leaf struct {
	manifest.LeafRef
	Entries []manifest.Entry
	Err     error
}

// span is a part of an object that is read at once.
type span struct {
	key          string
	offset, size int64
	leaves       []manifest.LeafRef // in ascending order of their paths and offsets

	done   chan struct{}
	result []Leaf // of the leaves; valid once done is closed
}

// ReadLeaves yields all leaves of the manifest in path order, each verified by
// its digest. It goes on after a damaged leaf or object, but stops when the
// context ends.
func (m *Manifest) ReadLeaves(ctx context.Context) iter.Seq[Leaf] {
	return func(yield func(Leaf) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		spans, of := m.spans()
		// At most one span per object is read in part, because its leaves come in
		// the object's order. So the next span needed always gets a slot.
		slots := make(chan struct{}, len(m.Sources)+1+ahead)
		go func() {
			for _, s := range spans {
				select {
				case slots <- struct{}{}:
				case <-ctx.Done():
					return
				}
				go m.fill(ctx, s)
			}
		}()
		for i, ref := range m.Leaves {
			s := of[i]
			select {
			case <-s.done:
			case <-ctx.Done():
				yield(Leaf{LeafRef: ref, Err: ctx.Err()})
				return
			}
			if err := ctx.Err(); err != nil {
				yield(Leaf{LeafRef: ref, Err: err})
				return
			}
			leaf := s.result[0]
			if s.result = s.result[1:]; len(s.result) == 0 {
				<-slots
			}
			if !yield(leaf) {
				return
			}
		}
	}
}

// spans divides the leaves into spans, in the order of their first leaves. of
// gives the span of each leaf.
func (m *Manifest) spans() (spans []*span, of []*span) {
	open := map[int]*span{} // by source
	of = make([]*span, len(m.Leaves))
	for i, l := range m.Leaves {
		s := open[l.Source]
		if s == nil || l.Offset > s.offset+s.size+spanGap || l.Offset+l.Size > s.offset+spanSize || m.inHead(l) != m.inHead(s.leaves[0]) {
			s = &span{key: manifest.ManifestKey(m.In(l)), offset: l.Offset, done: make(chan struct{})}
			open[l.Source] = s
			spans = append(spans, s)
		}
		s.leaves = append(s.leaves, l)
		s.size = l.Offset + l.Size - s.offset
		of[i] = s
	}
	return spans, of
}

// inHead reports whether a leaf was read together with the root.
func (m *Manifest) inHead(l manifest.LeafRef) bool {
	return l.Source == 0 && l.Offset+l.Size <= int64(len(m.head))
}

// fill reads a span. If reading fails, leaves before that point are still whole.
func (m *Manifest) fill(ctx context.Context, s *span) {
	defer close(s.done)
	var data []byte
	var err error
	if m.inHead(s.leaves[0]) {
		data = m.head[s.offset : s.offset+s.size]
	} else {
		data, err = m.read(ctx, s.key, s.offset, s.size)
	}
	s.result = make([]Leaf, len(s.leaves))
	for i, ref := range s.leaves {
		leaf := &s.result[i]
		leaf.LeafRef = ref
		from, to := ref.Offset-s.offset, ref.Offset-s.offset+ref.Size
		switch {
		case to <= int64(len(data)):
			if leaf.Entries, leaf.Err = manifest.ParseLeaf(data[from:to], ref); leaf.Err != nil {
				leaf.Err = corrupt(s.key, "at %d: %v", ref.Offset, leaf.Err)
			}
		case err != nil:
			leaf.Err = err
		default:
			leaf.Err = corrupt(s.key, "it is cut short")
		}
	}
}

package apt

import (
	"fmt"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/remote"
)

// choose returns the index names that the options choose in a suite, grouped by index.
func (c *capture) choose(s *suite) (map[string][]indexName, error) {
	groups := map[string][]indexName{}
	for _, h := range s.hostile {
		if c.options.wants(parseIndexName(h.name), s.release, s.flat) {
			return nil, h.err
		}
		c.warnings.Add(c.where()+s.dir, "a name that no option asks for is passed over: "+h.err.Error())
	}
	for name, listings := range s.files {
		ix := parseIndexName(name)
		if !c.options.wants(ix, s.release, s.flat) {
			continue
		}
		usable, err := c.usable(s, ix, listings)
		if err != nil && ix.required() {
			return nil, err
		}
		if err != nil {
			c.warnings.Add(listings[0].place, "left out: "+err.Error())
			continue
		}
		s.files[name] = usable
		groups[ix.stem] = append(groups[ix.stem], ix)
	}
	if c.options.lacksContents(s) {
		c.warnings.Add(c.where()+s.dir, "upstream has Contents, which contents: false leaves out: apt update ends with an error for clients that have apt-file, unless their source says Targets-Remove: Contents-deb")
	}
	return groups, nil
}

// usable returns the listings of an index that can be followed. It reads nothing from
// upstream.
func (c *capture) usable(s *suite, name indexName, listings []listing) (list []listing, err error) {
	if s.bare {
		return listings, nil
	}
	for _, l := range listings {
		problem := l.Sums.Check(c.options.AllowWeak)
		if problem == nil && l.Size > MaxUnpacked {
			problem = fmt.Errorf("has %d bytes, more than %d", l.Size, int64(MaxUnpacked))
		}
		if problem == nil {
			problem = manifest.CheckPath(s.dir + name.name)
		}
		if problem == nil {
			list = append(list, l)
			continue
		}
		err = &remote.InputError{Where: l.place, Err: fmt.Errorf("%s: %w", name.name, problem)}
	}
	if len(list) > 0 {
		return list, nil
	}
	return nil, err
}

package rpm

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/asof/asof/internal/parallel"
	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/mirror"
)

// The types of the files that are parsed.
const (
	primaryType = "primary"
	deltaType   = "prestodelta"
	deltaType2  = "deltainfo" // SUSE's
)

// metadata is a file that repomd.xml lists.
type metadata struct {
	repo *repository
	data rpm.Data
	mirror.Entry
	got bool // it is in the tree
}

// place names its entry in messages.
func (m *metadata) place() string { return fmt.Sprintf("%s%s:%d", m.repo.dir, repomdName, m.data.Line) }

// required reports whether clients fail without it. They never ask for other, which holds
// changelogs, and read databases and filelists instead of XML only if they are very old.
func (m *metadata) required() bool {
	return m.data.Type != "other" && !strings.HasSuffix(m.data.Type, "_db")
}

// lists reports whether it lists delta RPMs.
func (m *metadata) lists() bool { return m.data.Type == deltaType || m.data.Type == deltaType2 }

// namesFiles reports whether it lists what packages install, as XML.
func (m *metadata) namesFiles() bool {
	return strings.HasPrefix(m.data.Type, "filelists") && !strings.HasSuffix(m.data.Type, "_db") && !strings.HasSuffix(m.data.Type, "_zck")
}

// listMetadata checks the entries of all repositories.
func (c *capture) listMetadata() error {
	for _, r := range c.repos {
		byType, byPath := map[string]*metadata{}, map[string]*metadata{}
		for _, d := range r.repomd.Data {
			m := &metadata{repo: r, data: d}
			err := c.checkData(m)
			if err == nil {
				same, contradiction := byType[d.Type], byPath[m.Path]
				switch {
				case same != nil && (same.Path != m.Path || same.Sums() != m.Sums()):
					err = fmt.Errorf("is listed twice, as %.200s and as %.200s", same.data.Location.Href, d.Location.Href)
				case contradiction != nil && contradiction.Sums() != m.Sums():
					err = fmt.Errorf("%s is listed with two digests, as %q and as %q", m.Path, contradiction.data.Type, d.Type)
				case contradiction != nil:
					byType[d.Type] = m
					continue
				}
			}
			if err != nil {
				c.faults.Add(remote.Fault{Path: m.place(), Err: fmt.Errorf("data %.80q: %w", d.Type, err), Required: true})
				continue
			}
			byType[d.Type], byPath[m.Path] = m, m
			r.metadata = append(r.metadata, m)
		}
		if r.repomd.Find(primaryType) == nil {
			c.faults.Add(remote.Fault{Path: r.dir + repomdName, Err: errors.New("lists no primary, so no client can use it"), Required: true})
		}
	}
	return c.faults.Settle()
}

// checkData reads where a file is and what its digest is. Data below the folder of the
// repository is the only one that clients accept.
func (c *capture) checkData(m *metadata) error {
	p, err := m.data.Location.Path("")
	if err != nil {
		return err
	}
	if m.data.Location.Base != "" {
		return &rpm.OutsideError{Href: m.data.Location.Base}
	}
	if slices.Contains(strings.Split(m.data.Location.Href, "/"), "..") {
		return fmt.Errorf("path %.200q holds the segment %q, which no client accepts here", m.data.Location.Href, "..")
	}
	l, err := listed(m.data.Size, m.data.Checksum)
	if err != nil {
		return err
	}
	if l.Size > MaxMetadata {
		return fmt.Errorf("%s: size %d is more than %d bytes", p, l.Size, int64(MaxMetadata))
	}
	m.Entry, err = mirror.NewEntry(m.repo.dir+p, l, c.options.AllowWeak)
	return err
}

// listed reads a digest. Clients compare the type without regard to case, and the digits
// with it.
func listed(size int64, sum rpm.Checksum) (l mirror.Listed, err error) {
	l.Size = size
	if (sum == rpm.Checksum{}) {
		return l, errors.New("has no digest")
	}
	a, ok := algorithm(sum.Type)
	if !ok {
		return l, fmt.Errorf("has a digest of the unknown type %.40q", sum.Type)
	}
	return l, l.Sums.Set(a, sum.Value)
}

// algorithm reads the type of a digest; false: clients do not know it.
func algorithm(typ string) (mirror.Algorithm, bool) {
	switch strings.ToLower(typ) {
	case "sha512":
		return mirror.SHA512, true
	case "sha384":
		return mirror.SHA384, true
	case "sha256":
		return mirror.SHA256, true
	case "sha224":
		return mirror.SHA224, true
	case "sha1", "sha":
		return mirror.SHA1, true
	case "md5":
		return mirror.MD5, true
	}
	return 0, false
}

// obtainAll gets all metadata.
func (c *capture) obtainAll(ctx context.Context) error {
	if err := c.listMetadata(); err != nil {
		return err
	}
	var all []*metadata
	for _, r := range c.repos {
		all = append(all, r.metadata...)
	}
	err := parallel.Each(ctx, c.client.Concurrency(), all, func(ctx context.Context, m *metadata) error {
		if !m.required() && c.faults.LeavesOut(m.Path) {
			return nil
		}
		err := c.obtain(ctx, m)
		m.got = err == nil
		if err == nil || !errors.Is(err, remote.ErrMoved) || !m.repo.lasting() {
			return err
		}
		if errors.Is(err, remote.ErrMissing) {
			err = remote.WhyMissing(err)
		}
		c.faults.Add(remote.Fault{Path: m.Path, Err: err, Required: m.required()})
		return nil
	})
	if err == nil {
		err = c.faults.Settle()
	}
	return err
}

// obtain gets one file, from the newest checkpoint or from upstream.
func (c *capture) obtain(ctx context.Context, m *metadata) error {
	parsed := m.data.Type == primaryType || m.lists() || m.namesFiles()
	if m.Known && !parsed {
		have, ok, err := c.session.Find(ctx, m.Path)
		if err != nil {
			return err
		}
		if ok && have.SHA256 == m.SHA256 && (m.Size < 0 || m.Size == have.Size) {
			m.Take(mirror.InStore(have))
			return nil
		}
	}
	got, ok, err := c.session.Reuse(ctx, m.Path, m.Listed(), parsed)
	if err != nil {
		return err
	}
	if !ok {
		if got, err = c.session.Download(ctx, m.Path, m.Listed()); err != nil {
			return mirror.Gone(err)
		}
		c.fetched.Store(true)
	}
	m.Take(got)
	return nil
}

// compression returns the extension by which a file is unpacked, unless it is plain XML.
func compression(name string) string {
	if ext := path.Ext(name); ext != ".xml" {
		return ext
	}
	return ""
}

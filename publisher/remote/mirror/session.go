// Package mirror is the common part of remotes for package archives. Such an upstream has
// root documents, which lead to indexes, which lead to all other files. It may change
// while we read it.
//
// A remote captures it in a [Session]. It reads all root documents, follows them by size
// and digest into temporary files or the newest checkpoint, and finally checks that the
// root documents have not changed. It puts the results into a [Tree], which is the
// capture. Only the remote knows how to parse the documents.
//
// If upstream changes in the meantime, the error is remote.ErrMoved, and the publisher
// starts again at the root.
//
// Package file has a simpler capture, but shares [Memory], [Missing] and the errors.
package mirror

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"sync"

	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/fetch"
)

// Session is a capture in progress. It is safe for concurrent use.
type Session struct {
	client *fetch.Client   // requests go below the place where the first root document came from
	others []*fetch.Client // other places with the same files
	first  sync.Once       // reads that document; all other reads wait for it
	prev   remote.Previous // nil: nothing is published yet
	log    *slog.Logger
	dir    string // for temporary files

	mu     sync.Mutex
	places map[string]*url.URL // by path: files that stand elsewhere
}

// NewSession starts a capture. kind is the type of remote and names the temporary folder.
// The caller must close the session or turn it into a Tree.
func NewSession(client *fetch.Client, prev remote.Previous, log *slog.Logger, kind string) (*Session, error) {
	dir, err := os.MkdirTemp("", "asof-"+kind+"-")
	if err != nil {
		return nil, err
	}
	return &Session{client: client, prev: prev, log: log, dir: dir}, nil
}

// AlsoAt adds other places with the same files. If the first one lacks a file or has
// another one, they are asked, in this order. That mixes nothing: digests bind all bytes to
// the root documents, which come from the first place only.
func (s *Session) AlsoAt(others ...*fetch.Client) { s.others = append(s.others, others...) }

// At says that a file of the tree stands elsewhere upstream, at a URL. Without a word it stands
// at its path below the root document.
func (s *Session) At(path string, u *url.URL) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places == nil {
		s.places = map[string]*url.URL{}
	}
	s.places[path] = u
}

// url is where a place has a file.
func (s *Session) url(client *fetch.Client, path string) *url.URL {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.places[path]; u != nil {
		return u
	}
	return client.URL(path)
}

// anywhere calls f with each place until one has the file. The error is the first one's.
func (s *Session) anywhere(ctx context.Context, f func(*fetch.Client) error) error {
	first := f(s.client)
	err := first
	for _, other := range s.others {
		_, temporary := errors.AsType[*remote.TemporaryError](err)
		if err == nil || ctx.Err() != nil || !temporary && !Absent(err) && !errors.Is(err, remote.ErrMoved) {
			break
		}
		s.log.Debug("asking another mirror", "error", err)
		err = f(other)
	}
	if err == nil {
		return nil
	}
	return first
}

// Close removes the temporary files.
func (s *Session) Close() error {
	s.client.Close()
	return os.RemoveAll(s.dir)
}

// Find looks up a path in the newest checkpoint. The result is false if there is no such
// file.
func (s *Session) Find(ctx context.Context, path string) (remote.File, bool, error) {
	return find(ctx, s.prev, path)
}

func find(ctx context.Context, tree remote.Tree, path string) (remote.File, bool, error) {
	if tree == nil {
		return remote.File{}, false, nil
	}
	return tree.Find(ctx, path)
}

// Size asks upstream for a file's size in bytes. It returns -1 if upstream does not say.
// If the file is not there, the error is remote.ErrMoved.
func (s *Session) Size(ctx context.Context, path string) (size int64, err error) {
	err = s.anywhere(ctx, func(client *fetch.Client) error {
		return client.Retry(ctx, func(ctx context.Context) (err error) {
			size, _, err = client.Head(ctx, s.url(client, path))
			return err
		})
	})
	return size, Gone(err)
}

// Package resolver answers HTTP requests for repositories as of any moment. It
// knows the repos by the registry, holds every checkpoint index in memory, and
// sends any time to the newest checkpoint at or before it:
//
//	GET /checkpoints/myfile/20250318T150000Z/1.iso
//	301 Location: /checkpoints/myfile/20250318T140338Z/1.iso
//
// It reads a store and cannot write: it imports no publisher, and its [Store]
// has no method that changes anything.
//
// An answer that can never change is cached for long, one that may change is
// not (invariant 4). The whole table of answers stands as data in testdata;
// package resolvertest runs it against any implementation.
package resolver

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/manifest"
)

// Store is what the resolver reads: the reading methods of objstore.Store. They
// are safe for concurrent use, honour their context, and return the errors
// of package objstore.
type Store interface {
	// Open streams length bytes of an object from offset on, objstore.Whole for
	// all the rest. It fails with objstore.ErrNotFound if there is no object.
	// The caller closes the reader.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Load reads a small mutable object and its version. It fails with
	// objstore.ErrNotModified, at the cost of no body, if its version is still
	// have, and with objstore.ErrNotFound if there is none.
	Load(ctx context.Context, key string, have objstore.Version) ([]byte, objstore.Version, error)

	// Stat describes an object without reading it.
	Stat(ctx context.Context, key string) (objstore.Info, error)
}

// Options configure a Resolver.
type Options struct {
	Store   Store            // required
	Refresh time.Duration    // between two refreshes in Run, from MinRefresh to MaxRefresh; 0: 5 s
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: discard

	// Delivery is how the files of a repo, given by its base path, reach
	// clients. nil: by Redirect if there is a PoolURL, else by Proxy.
	Delivery func(base string) Delivery
	// PoolURL is where clients can read the store's own objects: an absolute
	// URL or an absolute path, for instance https://cdn.example.org. Redirect
	// needs it.
	PoolURL string
	// SignURL gives a URL under which a client can read an object for a while.
	// Presign needs it. nil: there is none.
	SignURL func(ctx context.Context, key string) (string, error)

	// PublicURL is where clients find this resolver: an absolute URL. Only mirror lists need
	// it. Empty: the host that a request names, and https if Secure says so.
	PublicURL string
	// Secure reports whether a client asks over TLS. nil: whether it does so here.
	Secure func(req *http.Request) bool

	// Access decides who may read a repo, given by its base path; "" is the
	// list of repos, AllRepos a file by its digest. nil: everybody may all.
	Access func(req *http.Request, base string) Access

	// Sandbox keeps upstream's own HTML, SVG and XML from running as the resolver's: such
	// files get Content-Security-Policy: sandbox, and never come from elsewhere. For
	// hosts where a script could read what others may not.
	Sandbox bool

	// MaxBody is the largest body, in bytes, that may be sent, where something
	// in between takes no larger ones; 0: any. Who asks for more of a file is
	// sent to its object, below PoolURL or else by SignURL; HTML can't be.
	MaxBody int64

	// CacheBytes bounds the memory for manifests; 0: 64 MiB. What is larger
	// than it is not cached.
	CacheBytes int64

	// HotBytes bounds the memory for small files that are asked for often;
	// 0: 64 MiB, negative: none are kept.
	HotBytes int64
}

// Bounds of Options.Refresh, for whoever reads it from a configuration. Each refresh costs
// a request to the store, and another for each repo.
const (
	MinRefresh = 50 * time.Millisecond
	MaxRefresh = time.Hour
)

const (
	defaultRefresh    = 5 * time.Second
	defaultCacheBytes = 64 << 20
)

// Resolver is the http.Handler. It is safe for concurrent use.
type Resolver struct {
	opts      Options
	state     atomic.Pointer[state] // never nil
	refresh   refresh
	fresh     freshness
	manifests *manifests
	hot       *hotFiles
}

// New returns a resolver that knows nothing yet: until the first Refresh has
// read the registry it answers 503.
func New(opts Options) *Resolver {
	if opts.Refresh <= 0 {
		opts.Refresh = defaultRefresh
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.CacheBytes <= 0 {
		opts.CacheBytes = defaultCacheBytes
	}
	if opts.HotBytes == 0 {
		opts.HotBytes = defaultCacheBytes
	}
	r := &Resolver{opts: opts, manifests: newManifests(opts.Store, opts.CacheBytes), hot: newHotFiles(opts.HotBytes)}
	r.state.Store(&state{rings: new(manifest.Rollout)})
	r.refresh.init()
	r.fresh.init()
	return r
}

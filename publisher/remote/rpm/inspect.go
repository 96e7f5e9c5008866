package rpm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/asof/asof/internal/rpm"
	"github.com/asof/asof/publisher/remote"
	"github.com/asof/asof/publisher/remote/signature"
)

// inspection checks the signatures in packages. It is safe for concurrent use.
type inspection struct {
	keys     *signature.Keyring
	now      time.Time
	packages map[string]string // by path: which package primary.xml lists there
	log      *slog.Logger
	said     sync.Map // notes
}

// inspection returns nil if packages are taken as they are.
func (c *capture) inspection(files []file) *inspection {
	if c.packageKeys == nil {
		return nil
	}
	i := &inspection{keys: c.packageKeys, now: c.now(), packages: make(map[string]string, len(files)), log: c.log}
	for _, f := range files {
		if f.identity != "" {
			i.packages[f.Path] = f.identity
		}
	}
	return i
}

// identityOf names a package in the same way, whether its header or primary.xml tells of it:
// without an epoch of 0, and with src for sources of any kind.
func identityOf(name string, evr rpm.EVR, arch string) string {
	if evr.Epoch == "0" {
		evr.Epoch = ""
	}
	if arch == "nosrc" {
		arch = "src"
	}
	return name + "-" + evr.String() + "." + arch
}

// note warns of what stands beside a package's good signature. It says the same of others no
// more.
func (i *inspection) note(path string, notes []string) {
	for _, note := range notes {
		if _, said := i.said.LoadOrStore(note, true); !said {
			i.log.Warn("beside a good signature: "+note, "package", path)
		}
	}
}

// Inspects implements remote.Inspected.
func (c *captured) Inspects(f remote.File) bool {
	return c.inspection != nil && c.inspection.packages[f.Path] != ""
}

// Inspect implements remote.Inspected. It verifies the signature over a package's header, and
// then the payload. The header stays in memory while it is
// read, up to 64 MiB.
func (c *captured) Inspect(f remote.File, content io.ReadCloser) io.ReadCloser {
	return &inspected{inspection: c.inspection, file: f, content: content}
}

// inspected is the content of a package.
type inspected struct {
	*inspection
	file    remote.File
	content io.ReadCloser
	failed  error // of the content itself

	rest    io.Reader    // what is still to be passed on; nil: nothing was read yet
	payload *rpm.Payload // nil: it was checked
	passed  int64        // bytes
	err     error
}

func (i *inspected) Close() error { return i.content.Close() }

// Read implements io.Reader. The last bytes are passed on only if all is right.
func (i *inspected) Read(p []byte) (int, error) {
	if i.rest == nil && i.err == nil {
		i.err = i.begin()
	}
	if i.err != nil {
		return 0, i.err
	}
	n, err := i.rest.Read(p)
	if i.passed += int64(n); i.passed == i.file.Size && i.payload != nil {
		notes, wrong := i.payload.Check()
		if wrong != nil {
			i.err = i.unverified(wrong)
			return 0, i.err
		}
		i.note(i.file.Path, notes)
		i.payload = nil
	}
	return n, err
}

// begin reads and verifies the header.
func (i *inspected) begin() error {
	var head bytes.Buffer
	h, err := rpm.ReadHeader(io.TeeReader(readerFunc(i.readContent), &head))
	if i.failed != nil {
		return i.failed
	}
	if err != nil {
		return i.unverified(err)
	}
	notes, err := h.Verify(i.keys, i.now)
	if err != nil {
		return i.unverified(err)
	}
	if listed, is := i.packages[i.file.Path], identityOf(h.Name, h.EVR, h.Arch); listed != is {
		return i.unverified(fmt.Errorf("it is the package %s, and primary.xml lists %s there", is, listed))
	}
	i.note(i.file.Path, notes)
	if i.payload, err = h.Payload(i.keys, i.now); err != nil {
		return i.unverified(err)
	}
	i.rest = io.MultiReader(&head, io.TeeReader(i.content, i.payload))
	return nil
}

// readContent keeps an error of the content apart from those of a header that is cut short.
func (i *inspected) readContent(p []byte) (int, error) {
	n, err := i.content.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		i.failed = err
	}
	return n, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (i *inspected) unverified(err error) error {
	if !errors.Is(err, remote.ErrUnverified) {
		err = fmt.Errorf("%w: %w", remote.ErrUnverified, err)
	}
	return &inspectError{err}
}

// inspectError means that a package is not signed as it has to be.
type inspectError struct{ error }

func (e *inspectError) Unwrap() error { return e.error }

// Hint says what the user can do.
func (e *inspectError) Hint() string {
	return "nothing was published. If the package is all right, add its key to signed_by; verify_packages: false takes packages as they are"
}

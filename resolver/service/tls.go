package service

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often the files of a certificate are looked at, at most.
const lookEvery = 10 * time.Second

// Certificate is a key pair in two files, which is read again when they change.
// It is safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]fileState // of the files that were last tried
	looked time.Time
}

type fileState struct {
	modified time.Time
	size     int64
}

// LoadCertificate reads a key pair.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again. If that fails, the pair of before is kept. No
// certificate at all is fine.
func (c *Certificate) Reload() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked, c.seen = time.Now(), c.states()
	return c.reload()
}

func (c *Certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	c.pair = &pair
	return nil
}

func (c *Certificate) states() (states [2]fileState) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			states[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return states
}

// get implements tls.Config.GetCertificate.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= lookEvery {
		c.looked = time.Now()
		if now := c.states(); now != c.seen {
			c.seen = now
			if err := c.reload(); err != nil {
				c.log.Warn("keeping the certificate", "error", err)
			}
		}
	}
	return c.pair, nil
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/resolver/service"
)

// check finds what the settings alone, each within its bounds, don't show. It adds all
// mistakes to the report, and fills in what depends on other settings.
func (cfg *config) check() {
	mistake := cfg.report.Mistake
	var err error
	if cfg.PublicURL, err = option.PublicURL(cfg.PublicURL); err != nil {
		mistake("public_url", err, "where clients find the repos, for instance https://snapshots.example.org")
	}
	const retention = "for instance retention: {mode: governance, days: 30}"
	switch r := cfg.Retention; {
	case r.Mode == "" && r.Days != 0:
		mistake("retention.mode", errors.New("missing"), retention)
	case r.Mode != "" && r.Days == 0:
		mistake("retention.days", errors.New("missing"), retention)
	}
	cfg.checkStore()
	if arn := cfg.CloudFront.KeyValueStore; arn != "" && !strings.HasPrefix(arn, "arn:") {
		mistake("cloudfront.key_value_store", fmt.Errorf("is %s, no ARN", option.Show(arn)), "for instance arn:aws:cloudfront::123456789012:key-value-store/…")
	}
	cfg.checkRepos()
	cfg.checkServe()
	cfg.checkRollout()
}

// checkStore checks what the store's URL says, and what a store of its kind can't do.
func (cfg *config) checkStore() {
	if cfg.Store == "" { // a command that needs one says so
		return
	}
	place, err := storeurl.Parse(cfg.Store)
	if err != nil {
		cfg.report.Mistake("store", err, cmp.Or(hintOf(err), storeHint))
		return
	}
	if r := cfg.Retention; r.Mode != "" && r.Days != 0 {
		if err := place.CheckRetention(r.store()); err != nil {
			cfg.report.Mistake("retention.mode", fmt.Errorf("is %s; %w", r.Mode, err), "")
		}
	}
}

// store makes the store's retention.
func (r retentionConfig) store() objstore.Retention {
	return objstore.Retention{Mode: r.Mode, For: time.Duration(r.Days) * 24 * time.Hour}
}

// checkRepos fills in defaults of the repos and checks them together.
func (cfg *config) checkRepos() {
	var placed []manifest.Repo
	names := map[string]int{}
	for i := range cfg.Repos {
		repo, key := &cfg.Repos[i], fmt.Sprintf("repos[%d].", i)
		mistake := func(name string, err error, hint string) { cfg.report.Mistake(key+name, err, hint) }
		if repo.SlashPages && repo.Layout != string(manifest.Full) {
			mistake("slash_pages", errors.New("is true; only the full layout has them"), "")
		}
		if repo.Grace%time.Second != 0 {
			mistake("grace", fmt.Errorf("is %s, no whole number of seconds", repo.Grace), "for instance grace: 36h; 0s turns it off")
		}
		var nameErr, pathErr error
		if first, ok := names[repo.Name]; ok {
			nameErr = fmt.Errorf("%s is listed twice; the first is repos[%d]", repo.Name, first)
		} else if repo.Name == "" {
			nameErr = errors.New("missing")
		} else {
			nameErr = manifest.CheckBase(repo.Name)
		}
		if repo.Path = strings.Trim(repo.Path, "/"); repo.Path == "" {
			repo.Path = repo.Name
		} else {
			pathErr = manifest.CheckBase(repo.Path)
		}
		switch {
		case nameErr != nil:
			mistake("name", nameErr, "")
		case pathErr == nil:
			placed = append(placed, manifest.Repo{Name: repo.Name, Base: repo.Path})
		}
		if nameErr == nil {
			names[repo.Name] = i
		}
		if pathErr != nil {
			mistake("path", pathErr, "")
		}
	}
	if manifest.CheckDisjoint(placed) == nil {
		return
	}
	for n, repo := range placed {
		for _, other := range placed[:n] {
			if err := manifest.CheckDisjoint([]manifest.Repo{other, repo}); err != nil {
				cfg.report.Mistake(fmt.Sprintf("repos[%d].path", names[repo.Name]), err, "")
			}
		}
	}
}

// checkServe checks the settings for serve.
func (cfg *config) checkServe() {
	s, mistake := cfg.Serve, cfg.report.Mistake
	for i, network := range s.TrustedProxies {
		if _, err := parseNetwork(network); err != nil {
			mistake(fmt.Sprintf("serve.trusted_proxies[%d]", i), fmt.Errorf("is %s, neither an address nor a network", option.Show(network)), "for instance 10.0.0.0/8")
		}
	}
	if err := checkAddress(s.Listen); err != nil {
		mistake("serve.listen", err, "for instance 127.0.0.1:8080, or :8080 for all addresses")
	}
	if s.MetricsListen != "" {
		err := checkAddress(s.MetricsListen)
		if err == nil && s.MetricsListen == s.Listen && !strings.HasSuffix(s.Listen, ":0") {
			err = errors.New("is serve.listen, too")
		}
		if err != nil {
			mistake("serve.metrics_listen", err, "for instance 127.0.0.1:9090")
		}
	}
	var err error
	if cfg.Serve.PoolURL, err = option.WebPlace(s.PoolURL); err != nil {
		mistake("serve.pool_url", err, "where clients can read the store, for instance https://bucket.example.org")
	}
	if s.TLSCert == "" && s.TLSKey != "" {
		mistake("serve.tls_cert", errors.New("missing; serve.tls_key is set"), "")
	} else if s.TLSCert != "" && s.TLSKey == "" {
		mistake("serve.tls_key", errors.New("missing; serve.tls_cert is set"), "")
	}
	cfg.checkAuth("serve.auth", s.Auth)
	for i, r := range cfg.Repos {
		cfg.checkAuth(fmt.Sprintf("repos[%d].auth", i), r.Auth)
	}
	_, err = s.deliveries(cfg.Repos)
	cfg.report.Options("", err)
}

// checkServing finds what would keep serve from running here. Other commands don't mind:
// a publisher may have the same file, but another store or no certificate.
func (cfg *config) checkServing(log *slog.Logger) {
	s, mistake := cfg.Serve, cfg.report.Mistake
	if place, err := storeurl.Parse(cfg.Store); err == nil && !place.IsBucket() {
		const problem, hint = "is presign; this store signs no URLs", "only buckets do: s3:// and minio://"
		if s.Delivery == presign {
			mistake("serve.delivery", errors.New(problem), hint)
		}
		for i, r := range cfg.Repos {
			if r.Delivery == presign {
				mistake(fmt.Sprintf("repos[%d].delivery", i), errors.New(problem), hint)
			}
		}
	}
	// The file itself is made by asof, and its folder may be made before asof starts, as
	// systemd's LogsDirectory is.
	if s.AccessLog != "" && s.AccessLog != "-" {
		if _, err := os.Stat(filepath.Dir(filepath.Dir(s.AccessLog))); err != nil {
			mistake("serve.access_log", err, "a file in a folder that is there, or - for standard output")
		}
	}
	if s.TLSCert == "" || s.TLSKey == "" {
		return
	}
	missing := false
	for _, file := range [][2]string{{"serve.tls_cert", s.TLSCert}, {"serve.tls_key", s.TLSKey}} {
		f, err := os.Open(file[1])
		if err != nil {
			mistake(file[0], err, "")
			missing = true
			continue
		}
		f.Close()
	}
	if missing {
		return
	}
	if _, err := service.LoadCertificate(s.TLSCert, s.TLSKey, log); err != nil {
		mistake("serve.tls_cert", err, "")
	}
}

// checkAuth checks a list of credentials.
func (cfg *config) checkAuth(key string, list []authConfig) {
	for i, c := range credentials(list) {
		if err := c.Check(); err != nil {
			cfg.report.Mistake(fmt.Sprintf("%s[%d]", key, i), err, "for instance auth: [{user: ci, bcrypt: $2y$…}, {token_sha256: …}]")
		}
	}
}

// checkAddress checks an address to listen on.
func checkAddress(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil && strings.Contains(err.Error(), "missing port") {
		return fmt.Errorf("is %s, without a port", option.Show(text))
	}
	if err == nil { // not a service's name: on another machine it may be none
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("is %s, no address of the form HOST:PORT", option.Show(text))
	}
	return nil
}

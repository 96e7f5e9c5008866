package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/internal/settings"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
)

// config is asof.yaml. A setting is a line here, or in the options of a remote: package
// option says what its tags mean. Single values that are in no list can be set by the
// environment, too: ASOF_STORE, ASOF_SERVE_LISTEN, …. Flags win over both.
type config struct {
	Store       string           `yaml:"store"`
	UnsafeStore bool             `yaml:"unsafe_store"`
	PublicURL   string           `yaml:"public_url"`
	Retention   retentionConfig  `yaml:"retention"`
	Concurrency int              `yaml:"concurrency" default:"32" allowed:"1 to 10000"`
	Patience    time.Duration    `yaml:"patience" default:"5m" allowed:"0s to 24h"` // retry.DefaultPatience
	LogFormat   string           `yaml:"log_format" default:"text" allowed:"text, json"`
	LogLevel    string           `yaml:"log_level" default:"warn" allowed:"debug, info, warn, error"`
	Serve       serveConfig      `yaml:"serve"`
	CloudFront  cloudFrontConfig `yaml:"cloudfront"`
	Rollout     rolloutConfig    `yaml:"rollout"`
	Repos       []repoConfig     `yaml:"repos"`

	file   configFile       // that it was read from
	report *settings.Report // what was read, and what is wrong with it
}

type retentionConfig struct {
	Mode string `yaml:"mode" allowed:"governance, compliance"`
	Days int    `yaml:"days" allowed:"1 to 36500"` // S3 takes no more, 100 years
}

type cloudFrontConfig struct {
	Distribution  string `yaml:"distribution"`
	KeyValueStore string `yaml:"key_value_store"`
	Months        int    `yaml:"months" default:"12" allowed:"1 to 1200"`
}

type repoConfig struct {
	Name       string         `yaml:"name"`
	Path       string         `yaml:"path"`
	Layout     string         `yaml:"layout" default:"full" allowed:"full, thin"`
	SlashPages bool           `yaml:"slash_pages"`
	Grace      time.Duration  `yaml:"grace" default:"24h" allowed:"0s to 168h"`
	MaxRemoved option.Percent `yaml:"max_removed" default:"50%" allowed:"0% to 100%"` // publisher.DefaultMaxRemoved
	Delivery   string         `yaml:"delivery" allowed:"proxy, redirect, presign"`
	Auth       []authConfig   `yaml:"auth"`
	Remote     *remoteConfig  `yaml:"remote"`
}

type serveConfig struct {
	Listen         string        `yaml:"listen" default:"127.0.0.1:8080"`
	Refresh        time.Duration `yaml:"refresh" default:"5s" allowed:"50ms to 1h"`
	Cache          option.Size   `yaml:"cache" default:"64MiB" allowed:"0, 1KiB to 1TiB"`
	Delivery       string        `yaml:"delivery" allowed:"proxy, redirect, presign"`
	PoolURL        string        `yaml:"pool_url"`
	PresignTTL     time.Duration `yaml:"presign_ttl" default:"15m" allowed:"1s to 168h"`
	TLSCert        string        `yaml:"tls_cert"`
	TLSKey         string        `yaml:"tls_key"`
	MaxConnections int           `yaml:"max_connections" default:"10000" allowed:"0 to 10000000"`
	TrustedProxies []string      `yaml:"trusted_proxies"`
	RateLimit      float64       `yaml:"rate_limit" default:"0" allowed:"0, 0.001 to 1000000"`
	RateBurst      int           `yaml:"rate_burst" default:"0" allowed:"0 to 1000000"`
	AccessLog      string        `yaml:"access_log"`
	MetricsListen  string        `yaml:"metrics_listen"`
	ActiveContent  bool          `yaml:"active_content"`
	Auth           []authConfig  `yaml:"auth"`
}

// authConfig says who may read a repo. It holds only hashes, no secrets; they are not
// shown all the same.
type authConfig struct {
	User        string `yaml:"user"`
	Bcrypt      string `yaml:"bcrypt" secret:"true"`
	TokenSHA256 string `yaml:"token_sha256" secret:"true"`
}

// repo is the configured repo with a name, and its place in the list.
func (cfg config) repo(name string) (repoConfig, int, error) {
	var names []string
	for i, r := range cfg.Repos {
		if r.Name == name {
			return r, i, nil
		}
		names = append(names, r.Name)
	}
	return repoConfig{}, 0, notFound(fmt.Errorf("repo %q is not configured", name), hintNearest(name, names, cfg.file.without("repos")))
}

// publisher is the repo as it is published, but for its remote.
func (r repoConfig) publisher() (publisher.Repo, error) {
	layout, err := manifest.ParseLayout(r.Layout)
	maxRemoved := int(r.MaxRemoved)
	return publisher.Repo{Repo: manifest.Repo{Name: r.Name, Base: r.Path}, Layout: layout, SlashPages: r.SlashPages, Grace: &r.Grace, MaxRemoved: &maxRemoved}, err
}

func hintNearest(name string, known []string, none string) string {
	if len(known) == 0 {
		return none
	}
	if near := option.Nearest(name, known); near != "" {
		return "did you mean " + near
	}
	return "known are " + strings.Join(known, ", ")
}

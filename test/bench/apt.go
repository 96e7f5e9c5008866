package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// debs is an APT archive of one suite: packages of random bytes, with an index
// like Debian's.
type debs struct {
	dir      string
	url      string
	seed     uint64
	round    int
	versions []int // for each package, the round of its last change
}

// newDebs makes an archive of n packages and serves it. This program is the
// server, so its work is not in anybody's figures.
func newDebs(ctx context.Context, l *lab, n int) (*debs, error) {
	d := &debs{dir: filepath.Join(l.dir, "archive"), seed: l.seed, versions: make([]int, n)}
	for i := range n {
		if err := d.write(i); err != nil {
			return nil, err
		}
	}
	if err := d.index(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(d.dir))}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { server.Close() })
	d.url = "http://" + listener.Addr().String()
	return d, nil
}

func (d *debs) path(i int) string {
	return fmt.Sprintf("pool/main/p/package-%d/package-%d_1.%d_amd64.deb", i, i, d.versions[i])
}

func (d *debs) write(i int) error {
	path := filepath.Join(d.dir, d.path(i))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	rng := random(d.seed, 3<<32|uint64(i), uint64(d.versions[i]))
	return writeRandom(path, rng, smallest+int64(rng.Uint64()%(largest-smallest+1)))
}

// change gives one package in a hundred a new version, different ones in every
// round.
func (d *debs) change() error {
	d.round++
	rng := rand.New(random(d.seed, 4<<32, uint64(d.round)))
	for _, i := range rng.Perm(len(d.versions))[:max(1, len(d.versions)/100)] {
		d.versions[i] = d.round
		if err := d.write(i); err != nil {
			return err
		}
	}
	return d.index()
}

// index writes the suite's indexes and its Release.
func (d *debs) index() error {
	var b bytes.Buffer
	for i, version := range d.versions {
		size, sums, err := sumsOf(filepath.Join(d.dir, d.path(i)))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "Package: package-%d\nVersion: 1.%d\nInstalled-Size: 1234\nMaintainer: Somebody of a team <somebody@lists.example.org>\nArchitecture: amd64\n"+
			"Depends: libc6 (>= 2.34), libgcc-s1 (>= 3.0), default-dbus-session-bus | dbus-session-bus\nDescription: what it does, in one line\n"+
			"Homepage: https://www.example.org/packages/%[1]d\nSection: utils\nPriority: optional\nFilename: %[3]s\nSize: %[4]d\n%[5]s\n", i, version, d.path(i), size, sums)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(b.Bytes())
	_ = w.Close() // to memory; it can't fail
	const binary = "main/binary-amd64/Packages"
	release := "Origin: bench\nLabel: bench\nSuite: stable\nCodename: stable\nDate: " + time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC") +
		"\nArchitectures: amd64\nComponents: main\nSHA256:\n"
	dist := filepath.Join(d.dir, "dists", "stable")
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dist, binary)), 0o755); err != nil {
		return err
	}
	for name, data := range map[string][]byte{binary: b.Bytes(), binary + ".gz": packed.Bytes()} {
		release += fmt.Sprintf(" %x %d %s\n", sha256.Sum256(data), len(data), name)
		if err := os.WriteFile(filepath.Join(dist, name), data, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dist, "Release"), []byte(release), 0o644)
}

func sumsOf(path string) (size int64, lines string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	strong, weak := sha256.New(), md5.New()
	size, err = io.Copy(io.MultiWriter(strong, weak), f)
	return size, fmt.Sprintf("MD5sum: %x\nSHA256: %x\n", weak.Sum(nil), strong.Sum(nil)), err
}

// aptPart mirrors an archive and publishes it to the bucket, by asof and by
// aptly in turn.
func aptPart(ctx context.Context, l *lab) error {
	server, err := l.minioAt(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d, err := newDebs(ctx, l, l.files/5)
	if err != nil {
		return err
	}
	for round := range l.runs {
		for _, name := range []string{"aptly", "asof full", "asof thin"} {
			if name == "aptly" && l.aptly == "" {
				continue
			}
			l.log("  run %d: %s", round+1, name)
			if err := l.mirrorThrice(ctx, server, d, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if l.aptly == "" {
		return nil
	}
	for _, scenario := range []string{first, changed, unchanged} {
		for _, name := range []string{"asof full", "asof thin"} {
			l.report.timed("APT: "+scenario, name).against(l.report.timed("APT: "+scenario, "aptly"))
		}
	}
	return nil
}

// mirrorThrice is one round of one tool, in its own bucket and with its own
// state.
func (l *lab) mirrorThrice(ctx context.Context, server *minioServer, d *debs, name string) error {
	bucket, drop, err := server.bucket(ctx)
	if err != nil {
		return err
	}
	defer drop()
	work := filepath.Join(l.dir, "work", bucket)
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	mirror := l.asofMirror(d, work, bucket, strings.TrimPrefix(name, "asof "))
	if name == "aptly" {
		mirror = l.aptlyMirror(d, work, bucket)
	}
	for _, scenario := range []string{first, changed, unchanged} {
		if scenario == changed {
			if err := d.change(); err != nil {
				return err
			}
			if err := pause(ctx); err != nil {
				return err
			}
		}
		u, err := mirror(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", scenario, err)
		}
		l.report.timed("APT: "+scenario, name).add(u)
	}
	return nil
}

func (l *lab) asofMirror(d *debs, work, bucket, layout string) func(context.Context) (usage, error) {
	return func(ctx context.Context) (usage, error) {
		config := fmt.Sprintf("store: minio://%s/%s\nrepos:\n  - name: bench\n    layout: %s\n    remote: {type: apt, url: %q, suites: [stable], verify: \"off\"}\n",
			l.server.endpoint, bucket, layout, d.url)
		if err := os.WriteFile(filepath.Join(work, "asof.yaml"), []byte(config), 0o644); err != nil {
			return usage{}, err
		}
		_, u, err := program{dir: work, env: l.server.asofEnv(), args: []string{l.asof, "publish"}}.run(ctx)
		return u, err
	}
}

// aptlyMirror does what aptly's manual says: update the mirror, take a snapshot,
// and publish it, or switch the published one to it. It signs nothing, because
// the archive is not signed either.
func (l *lab) aptlyMirror(d *debs, work, bucket string) func(context.Context) (usage, error) {
	n := 0
	return func(ctx context.Context) (sum usage, err error) {
		config := filepath.Join(work, "aptly.conf")
		data, err := json.Marshal(map[string]any{
			"rootDir": filepath.Join(work, "aptly"), "gpgDisableVerify": true,
			"S3PublishEndpoints": map[string]any{"bench": map[string]any{
				"region": "us-east-1", "bucket": bucket, "endpoint": "http://" + l.server.endpoint,
				"awsAccessKeyID": l.server.accessKey, "awsSecretAccessKey": l.server.secretKey,
			}},
		})
		if err == nil {
			err = os.WriteFile(config, data, 0o600)
		}
		if err != nil {
			return sum, err
		}
		n++
		snapshot := fmt.Sprint("snapshot-", n)
		commands := [][]string{
			{"mirror", "update", "bench"},
			{"snapshot", "create", snapshot, "from", "mirror", "bench"},
			{"publish", "switch", "-skip-signing", "-skip-contents", "stable", "s3:bench:", snapshot},
		}
		if n == 1 {
			commands = append([][]string{{"mirror", "create", "-architectures=amd64", "bench", d.url, "stable", "main"}}, commands...)
			commands[3] = []string{"publish", "snapshot", "-skip-signing", "-skip-contents", "-distribution=stable", snapshot, "s3:bench:"}
		}
		for _, args := range commands {
			_, u, err := program{dir: work, args: append([]string{l.aptly, "-config=" + config}, args...)}.run(ctx)
			if err != nil {
				return sum, err
			}
			sum = usage{sum.wall + u.wall, sum.cpu + u.cpu, max(sum.rss, u.rss)}
		}
		return sum, nil
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
	"github.com/asof/asof/publisher/job"
	"github.com/asof/asof/publisher/remote/fetch"
	"github.com/asof/asof/publisher/remote/file"
	"github.com/asof/asof/resolver"
	"github.com/asof/asof/resolver/service"
)

func newDemoCmd(a *app) *cobra.Command {
	var once bool
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See asof work, with nothing to set up",
		Long: `Start a small upstream, and publish it as it was on several days of the last month,
into a store in a temporary folder. Then show what the resolver answers, over real
HTTP, and keep serving for a browser until Ctrl-C. Nothing is left behind.`,
		Example: `  asof demo
  asof demo --once              # end when all was shown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkAddress(listen); err != nil {
				return usage(fmt.Errorf("--listen: %w", err), "for instance 127.0.0.1:8080")
			}
			cfg := a.parse(configFile{}, nil)
			if err := cfg.mistakes(); err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "asof-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			d := &demo{out: a.stdout, log: a.logger(cfg), dir: dir, once: once, listen: listen}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end instead of serving")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address to serve on")
	return cmd
}

// demo is the example session: a small repo, as of several moments.
type demo struct {
	out    io.Writer
	log    *slog.Logger
	dir    string // of the store
	listen string
	once   bool

	steps    int
	upstream *demoUpstream
	pub      *publisher.Publisher
	repo     publisher.Repo
	url      string // of the service
}

func (d *demo) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	store, err := dirstore.New(d.dir, dirstore.Options{Create: true})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", d.listen)
	if err != nil {
		return usage(err, "choose another address with --listen")
	}
	d.url = "http://" + listener.Addr().String()
	if err := d.prepare(ctx, store); err != nil {
		return errors.Join(err, listener.Close())
	}
	ids, err := d.publish(ctx)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	served := make(chan error, 1)
	go func() {
		r := resolver.New(resolver.Options{Store: store, Refresh: time.Second, Log: d.log})
		served <- serve(ctx, r, &service.Server{Handler: r, Log: d.log}, listener)
	}()
	if err := d.ask(ctx, ids); err != nil {
		return err
	}
	if d.once {
		stop()
		return <-served
	}
	fmt.Fprintf(d.out, "\nopen %s/%s/ in a browser, and click through it; Ctrl-C ends\n", d.url, d.repo.Base)
	return <-served
}

// prepare starts the upstream and makes a publisher for it.
func (d *demo) prepare(ctx context.Context, store objstore.Store) (err error) {
	if d.upstream, err = serveDemoUpstream(ctx); err != nil {
		return err
	}
	remote, err := file.New(file.Options{URL: d.upstream.url}, fetch.Env{Log: d.log, UserAgent: userAgent()})
	if err != nil {
		return err
	}
	d.pub = publisher.New(publisher.Options{Store: store, Env: job.Env{}, PublicURL: d.url})
	d.repo = publisher.Repo{Repo: manifest.Repo{Name: "myfile", Base: "checkpoints/myfile"}, Remote: remote}
	return nil
}

// publish publishes the upstream as it was on some days of the last month, and
// returns the checkpoints.
func (d *demo) publish(ctx context.Context) (ids []manifest.ID, err error) {
	d.step("an upstream is served at %s", d.upstream.url)
	d.step("publish the repo before it was ever synced: an empty checkpoint")
	today := time.Now().UTC().Truncate(24 * time.Hour)
	for i, day := range demoDays {
		switch i {
		case 1:
			d.step("sync the upstream, and publish what it holds")
		case 2:
			d.step("publish once in a while; --at gives the past days their ids")
		}
		at := manifest.IDOf(today.AddDate(0, 0, -day.ago).Add(day.hour))
		opts := publisher.PublishOptions{At: at}
		if day.change == nil {
			opts.NoSync, opts.Empty = true, true
		} else {
			d.upstream.on(at.Time(), day.change)
		}
		r, err := d.pub.Publish(ctx, d.repo, opts)
		if err != nil {
			return nil, err
		}
		d.show(r, day.what)
		if r.Outcome == publisher.Published {
			ids = append(ids, at)
		}
	}
	return ids, nil
}

// ask shows the exchanges that explain what asof is for.
func (d *demo) ask(ctx context.Context, ids []manifest.ID) error {
	base := "/" + d.repo.Base + "/"
	between := ids[0] + (ids[1]-ids[0])/2
	rebuilt := ids[2]
	for _, question := range []struct{ what, path string }{
		{"the list of checkpoints, newest first", base},
		{"the second checkpoint", base + ids[1].String() + "/"},
		{fmt.Sprintf("any other time: %s lies between, and stands for the first", between), base + between.String() + "/"},
		{"so does a day: before 2.iso was rebuilt, and after", base + rebuilt.Time().Format(time.DateOnly) + "/2.iso"},
		{"", base + rebuilt.Time().AddDate(0, 0, 1).Format(time.DateOnly) + "/2.iso"},
		{"a file as of a checkpoint: its digest is its ETag, and it stays for ever", base + ids[1].String() + "/2.iso"},
		{"", base + rebuilt.String() + "/2.iso"},
	} {
		if question.what != "" {
			d.step("%s", question.what)
		}
		if err := exchange(ctx, d.out, d.url+question.path); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) step(format string, args ...any) {
	d.steps++
	if d.steps > 1 {
		fmt.Fprintln(d.out)
	}
	fmt.Fprintf(d.out, "%d. %s\n", d.steps, fmt.Sprintf(format, args...))
}

func (d *demo) show(r publisher.Result, what string) {
	c := r.Checkpoint
	if r.Outcome == publisher.Unchanged {
		fmt.Fprintf(d.out, "   %s: unchanged: %s is still right\n", r.Horizon, c.ID)
		return
	}
	fmt.Fprintf(d.out, "   %s: %s: %s\n", c.ID, count(c.Files, "file", "files"), what)
}

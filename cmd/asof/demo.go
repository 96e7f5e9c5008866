package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/objstore/dirstore"
	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher"
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
		Long: `Start a small upstream, publish two checkpoints of it into a store in a temporary
folder, and show what the resolver answers. Every exchange is real HTTP. Then
go on serving until Ctrl-C, and leave nothing behind.`,
		Example: `  asof demo
  asof demo --once              # end when all was shown`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := a.logger()
			if err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "asof-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			d := &demo{out: a.stdout, log: log, dir: dir, once: once, listen: listen}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end instead of serving on")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address to serve on")
	return cmd
}

// demo is the example session: a repo of three files, as of several moments.
type demo struct {
	out    io.Writer
	log    *slog.Logger
	dir    string // of the store
	listen string
	once   bool

	steps int
	url   string // of the service
}

func (d *demo) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	upstream, err := serveUpstream(ctx)
	if err != nil {
		return err
	}
	store, err := dirstore.New(d.dir, dirstore.Options{Create: true})
	if err != nil {
		return err
	}
	remote, err := file.New(file.Options{URL: upstream}, fetch.Env{Log: d.log, UserAgent: userAgent()})
	if err != nil {
		return err
	}
	pub := publisher.New(publisher.Options{Store: store, Log: d.log})
	repo := publisher.Repo{Name: "myfile", Base: "checkpoints/myfile", Remote: remote}

	d.step("an upstream is served at %s", upstream)
	d.step("publish the repo before it was ever synced: an empty checkpoint")
	first, err := pub.Publish(ctx, repo, publisher.PublishOptions{NoSync: true, Empty: true})
	if err != nil {
		return err
	}
	d.show(first)

	d.step("sync the upstream, and publish what it holds")
	// The moments between the two checkpoints are what the demo is about.
	between := first.Checkpoint.ID + 1
	if err := waitUntil(ctx, (between + 1).Time()); err != nil {
		return err
	}
	second, err := pub.Publish(ctx, repo, publisher.PublishOptions{})
	if err != nil {
		return err
	}
	d.show(second)

	listener, err := net.Listen("tcp", d.listen)
	if err != nil {
		return usage(err, "choose another address with --listen")
	}
	served := make(chan error, 1)
	go func() {
		r := resolver.New(resolver.Options{Store: store, Refresh: time.Second, Log: d.log})
		served <- serve(ctx, r, &service.Server{Handler: r, Log: d.log}, listener)
	}()
	d.url = "http://" + listener.Addr().String()
	if err := d.ask(ctx, first.Checkpoint.ID, between, second.Checkpoint.ID); err != nil {
		return err
	}

	base := "/" + repo.Base + "/"
	if d.once {
		stop()
		return <-served
	}
	fmt.Fprintf(d.out, "\nopen %s%s in a browser; Ctrl-C ends\n", d.url, base)
	return <-served
}

// ask shows the exchanges that tell what asof is for.
func (d *demo) ask(ctx context.Context, first, between, second manifest.ID) error {
	const base = "/checkpoints/myfile/"
	for _, question := range []struct{ what, path string }{
		{"the list of checkpoints, oldest first", base},
		{"the second checkpoint", base + second.String() + "/"},
		{fmt.Sprintf("any other time: %s lies between, and stands for the first", between), base + between.String() + "/"},
		{"a file as of that checkpoint", base + second.String() + "/2.iso"},
	} {
		d.step("%s", question.what)
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

func (d *demo) show(r publisher.Result) {
	fmt.Fprintf(d.out, "   %s %s: %d files, %d bytes\n", r.Outcome, r.Checkpoint.ID, r.Checkpoint.Files, r.Checkpoint.Bytes)
}

func waitUntil(ctx context.Context, t time.Time) error {
	select {
	case <-time.After(time.Until(t)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serveUpstream serves three files and the PULP_MANIFEST that lists them until
// the context ends, and returns the manifest's URL.
func serveUpstream(ctx context.Context) (string, error) {
	files := map[string]string{}
	var list strings.Builder
	for i, name := range []string{"1.iso", "2.iso", "3.iso"} {
		content := strings.Repeat(fmt.Sprintf("the bytes of %s\n", name), 64<<i)
		files["/"+name] = content
		fmt.Fprintf(&list, "%s,%x,%d\n", name, sha256.Sum256([]byte(content)), len(content))
	}
	files["/PULP_MANIFEST"] = list.String()
	modified := time.Now().Add(-36 * time.Hour)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content, ok := files[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, "", modified, strings.NewReader(content))
		}),
	}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String() + "/PULP_MANIFEST", nil
}

// Command bench compares asof with what a user would otherwise use (rclone,
// nginx, or a bare SDK), on the same data and the same local MinIO, in turn.
// docs/performance.md explains each figure.
//
//	go run ./test/bench                 everything
//	go run ./test/bench -quick          a smoke run, under a minute
//	go run ./test/bench -run publish    one part
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// options are the flags.
type options struct {
	runs      int
	seed      uint64
	files     int
	dirs      int
	big       int64 // bytes
	bigs      int
	entries   int // of the large manifest
	fleet     int // repos of the large resolver
	fleetEach int // checkpoints of each
	transfers []int
	seconds   int // of one wrk run
	parts     *regexp.Regexp
	json      string
	profile   string
	asof      string
	data      string
	minio     string
}

// part is a group of scenarios that share their preparation.
type part struct {
	name string
	run  func(context.Context, *lab) error
}

var parts = []part{
	{"publish", publishPart},
	{"big", bigPart},
	{"apt", aptPart},
	{"serve", servePart},
	{"fleet", fleetPart},
	{"manifest", figurePart("manifest")},
	{"index", figurePart("index")},
	{"listing", figurePart("listing")},
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == childArg {
		if err := runChild(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	opts, err := parseFlags(os.Args[1:])
	if err != nil {
		os.Exit(2) // the flag package has printed why
	}
	// Everything that was started ends with this context, even on Ctrl-C.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := bench(ctx, opts); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, opts options) error {
	l, err := newLab(ctx, opts)
	if err != nil {
		return err
	}
	defer l.close()
	l.report.machine().write(os.Stdout)
	failed := 0
	for _, p := range parts {
		if !opts.parts.MatchString(p.name) {
			continue
		}
		l.log("%s", p.name)
		if err := p.run(ctx, l); err != nil {
			// The other measurements are still worth printing.
			failed++
			if ctx.Err() != nil {
				l.report.note("interrupted: the figures are not complete")
				break
			}
			l.report.note("%s failed: %s", p.name, strings.TrimSpace(err.Error()))
		}
	}
	peakNote(&l.report)
	l.report.write(os.Stdout)
	if opts.json != "" {
		if err := l.report.save(opts.json); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d parts failed", failed)
	}
	return nil
}

func parseFlags(args []string) (options, error) {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	var o options
	var quick bool
	var run, transfers string
	var big int64
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&quick, "quick", false, "small sizes: does it work at all? Flags set besides win")
	flags.StringVar(&run, "run", "", "only the parts that match: "+strings.Join(names, ", "))
	flags.IntVar(&o.runs, "n", 3, "runs of each tool, in turn")
	flags.Uint64Var(&o.seed, "seed", 1, "of all generated data")
	flags.IntVar(&o.files, "files", 20_000, "small files")
	flags.IntVar(&o.dirs, "dirs", 500, "directories that they stand in")
	flags.Int64Var(&big, "big", 1024, "size of a big file in MiB")
	flags.IntVar(&o.bigs, "bigs", 2, "big files")
	flags.IntVar(&o.entries, "entries", 1_000_000, "files of the large manifest, and checkpoints of the large index")
	flags.IntVar(&o.fleet, "fleet", 1000, "repos of the large resolver")
	flags.IntVar(&o.fleetEach, "fleet-checkpoints", 10_000, "checkpoints of each of them")
	flags.StringVar(&transfers, "transfers", "4,16,32,64", "what rclone may choose its best from")
	flags.IntVar(&o.seconds, "seconds", 5, "how long one wrk runs")
	flags.StringVar(&o.json, "json", "", "also write the report to this file")
	flags.StringVar(&o.profile, "profile", "", "write CPU profiles for go tool pprof: of a first publish to this file, of the server under each load to FILE-redirect and FILE-small-file")
	flags.StringVar(&o.asof, "asof", "", "measure this binary instead of building one")
	flags.StringVar(&o.data, "data", "", "where MinIO keeps its files (default: in memory, if there is room, or else beside all other files)")
	flags.StringVar(&o.minio, "minio", defaultMinIO(), "the MinIO server's binary")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if quick {
		set := map[string]bool{}
		flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
		for name, value := range map[string]string{
			"n": "1", "files": "500", "dirs": "25", "big": "300", "bigs": "1", "entries": "50000",
			"fleet": "20", "fleet-checkpoints": "1000", "transfers": "16", "seconds": "1",
		} {
			if !set[name] {
				_ = flags.Set(name, value) // they are all well-formed
			}
		}
	}
	o.big = big << 20
	for s := range strings.SplitSeq(transfers, ",") {
		n, err := strconv.Atoi(s)
		if err != nil {
			return o, complain(fmt.Errorf("-transfers: %w", err))
		}
		o.transfers = append(o.transfers, n)
	}
	var err error
	if o.parts, err = regexp.Compile(run); err != nil {
		return o, complain(fmt.Errorf("-run: %w", err))
	}
	if run != "" && !slices.ContainsFunc(names, o.parts.MatchString) {
		return o, complain(fmt.Errorf("-run: %q matches none of %s", run, strings.Join(names, ", ")))
	}
	if o.runs < 1 || o.dirs < 1 || o.files < max(100, o.dirs) || o.bigs < 1 || o.big < 4<<20 || o.entries < 10_000 || o.fleet < 1 || o.fleetEach < 1 || o.seconds < 1 {
		return o, complain(errors.New("too small to measure: at least 100 files, one a directory, 4 MiB, 10,000 entries, and 1 of everything else"))
	}
	return o, nil
}

func complain(err error) error {
	fmt.Fprintln(os.Stderr, "bench:", err)
	return err
}

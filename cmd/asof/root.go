package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/asof/asof/internal/option"
	"github.com/asof/asof/internal/retry"
	"github.com/asof/asof/publisher/job"
)

// app is what the commands share: where they write, and the configuration, read on
// first use.
type app struct {
	args       []string // of the command line
	stdout     io.Writer
	stderr     *messages
	viper      *viper.Viper           // variables, and flags above them
	flags      map[string]*pflag.Flag // those that viper knows, by their key
	configFile string
	output     string // table or json
	logFormat  string // empty as long as the configuration was not read
	trustClock bool   // see addTrustClock
	troubles
	progress job.Progress // see watch
	waits    *retry.Gates // see gates
	told     bool         // GitHub Actions know how the run ended
}

func newApp(args []string, stdout, stderr io.Writer) *app {
	a := &app{args: args, stdout: stdout, viper: viper.New(), flags: map[string]*pflag.Flag{}}
	a.stderr = &messages{stderr, a}
	return a
}

// run is the program: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)

	// Room for the garbage of a small heap, which would otherwise be collected every
	// few megabytes: never touched, it takes no memory of its own. A large heap, such as
	// that of a filter for a whole distribution, gets half of Go's usual room.
	ballast := make([]byte, 64<<20)
	defer runtime.KeepAlive(ballast)
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(50))
	}

	a := newApp(args, stdout, stderr)
	// net/http reports what servers send unasked to the standard logger.
	log.SetOutput(a.stderr)
	log.SetFlags(0)
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	err = errors.Join(err, a.actionsFailed(cmd.CommandPath(), err))
	a.report(err)
	return exitCode(err)
}

const exitCodes = `Exit codes: 0 done, 1 failed, 2 usage or configuration, 4 not found,
5 conflict (someone else won, or the store lacks compare-and-swap),
6 verification failed, 130 interrupted.`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "asof COMMAND",
		Short: "Package repositories, as of any moment, on plain object storage",
		Long: `asof syncs upstream repositories and publishes each state as an immutable tree under
a timestamp, on any S3-compatible store or in a folder. A small resolver redirects any
other timestamp to the newest checkpoint at or before it.`,
		Example: `  asof demo                     # see it work, with nothing to set up
  asof init                     # write an asof.yaml to start from
  asof publish                  # sync and publish all repos
  asof serve                    # resolve and serve them`,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.configFile, "config", "c", "", "configuration file (default asof.yaml, if there is one)")
	flags.StringVarP(&a.output, "output", "o", "table", "format of results: table or json")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	flags.String("store", "", "URL of the store: ./folder, s3://bucket/prefix, minio://host:port/bucket")
	flags.Bool("unsafe-store", false, "accept a store without compare-and-swap")
	flags.String("patience", retry.DefaultPatience.String(), "how long to wait for a store or an upstream that is away")
	flags.String("log-format", "text", "how logs and messages are written: text or json")
	flags.String("log-level", "warn", "least level of logs: debug, info, warn or error")
	a.bindFlags(flags)

	root.AddCommand(
		newInitCmd(a), newSyncCmd(a), newPublishCmd(a), newImportCmd(a), newListCmd(a), newShowCmd(a), newDiffCmd(a), newResolveCmd(a), newChannelCmd(a),
		newRingCmd(a), newPromoteCmd(a), newRollbackCmd(a), newHoldCmd(a), newResumeCmd(a), newBlockCmd(a), newUnblockCmd(a),
		newVerifyCmd(a), newRestoreCmd(a), newRebuildCmd(a),
		newFindCmd(a), newRepoCmd(a), newPruneCmd(a), newGCCmd(a), newServeCmd(a), newProbeCmd(a), newConfigCmd(a), newDemoCmd(a), newManCmd(a), newVersionCmd(a),
	)
	root.SetHelpCommand(newHelpCmd(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	describeShells(root)
	describe(root)
	return root
}

// describe adds what all commands have to a command and those below it: the exit
// codes in the help, and usage errors that differ from failures.
func describe(cmd *cobra.Command) {
	cmd.Long = strings.TrimSpace(cmd.Long) + "\n\n" + exitCodes
	check := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if check == nil {
			check = cobra.NoArgs
		}
		if err := check(cmd, args); isHinted(err) {
			return err
		} else if err != nil {
			return usage(fmt.Errorf("%s: %w", cmd.Name(), err), "asof "+cmd.Use)
		}
		return nil
	}
	for _, c := range cmd.Commands() {
		describe(c)
	}
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	hint := cmd.CommandPath() + " --help lists the commands"
	if near := option.Nearest(args[0], names); near != "" {
		hint = "did you mean " + cmd.CommandPath() + " " + near
	}
	return usage(fmt.Errorf("unknown command %q", args[0]), hint)
}

// logger writes to standard error as the configuration says, which was checked.
func (a *app) logger(cfg config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel))
	w := a.stderr.to
	if a.onTerminal() {
		w = aboveBar{w}
	}
	return slog.New(logHandler(w, cfg.LogFormat, level))
}

// formatJSON is the log_format for programs.
const formatJSON = "json"

// logHandler writes JSON, or text.
func logHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == formatJSON {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

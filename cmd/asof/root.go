package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/asof/asof/publisher"
)

// app is what the commands share: where they write, and their configuration,
// read when the first of them asks.
type app struct {
	stdout, stderr io.Writer
	viper          *viper.Viper
	configFile     string
	output         string // table or json
	troubles
	progress publisher.Progress // see watch
}

// run is the program: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)

	// Room for the garbage of a small heap, which would otherwise be collected every
	// few megabytes: never touched, it takes no memory of its own.
	ballast := make([]byte, 64<<20)
	defer runtime.KeepAlive(ballast)

	a := &app{stdout: stdout, stderr: stderr, viper: viper.New()}
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	report(stderr, err)
	return exitCode(err)
}

const exitCodes = `Exit codes: 0 done, 1 failed, 2 usage or configuration, 4 not found,
5 conflict (someone else won, or the store lacks compare-and-swap),
6 verification failed, 130 interrupted.`

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "asof COMMAND",
		Short: "Package repositories, as of any moment, on plain object storage",
		Long: `asof syncs upstream repositories and publishes each state of them as an
immutable tree under a timestamp, on any S3-compatible store or in a folder.
A small resolver sends any other timestamp to the newest checkpoint at or
before it.`,
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
	flags.StringVarP(&a.output, "output", "o", "table", "how results are printed: table or json")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	flags.String("store", "", "URL of the store: ./folder, s3://bucket/prefix, minio://host:port/bucket")
	flags.Bool("unsafe-store", false, "accept a store without compare-and-swap")
	flags.String("log-format", "text", "how logs are written: text or json")
	flags.String("log-level", "warn", "least level of logs: debug, info, warn or error")
	a.bindFlags(flags)

	root.AddCommand(
		newInitCmd(a), newSyncCmd(a), newPublishCmd(a), newImportCmd(a), newListCmd(a), newShowCmd(a), newDiffCmd(a), newResolveCmd(a), newChannelCmd(a),
		newVerifyCmd(a), newRestoreCmd(a), newRebuildCmd(a),
		newPruneCmd(a), newGCCmd(a), newServeCmd(a), newProbeCmd(a), newConfigCmd(a), newDemoCmd(a), newManCmd(a), newVersionCmd(a),
	)
	root.SetHelpCommand(newHelpCmd(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	describeShells(root)
	describe(root)
	return root
}

// describe gives a command and those below it what all have: their exit codes, and
// errors that are told from failures.
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
	if near := nearest(args[0], names); near != "" {
		hint = "did you mean " + cmd.CommandPath() + " " + near
	}
	return usage(fmt.Errorf("unknown command %q", args[0]), hint)
}

func flagError(cmd *cobra.Command, err error) error {
	hint := fmt.Sprintf("%s --help lists the flags", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(unknown.GetSpecifiedName(), names); near != "" {
			hint = "did you mean --" + near
		}
	}
	return usage(err, hint)
}

// logger writes to standard error as the configuration says.
func (a *app) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.viper.GetString("log_level"))); err != nil {
		return nil, usage(fmt.Errorf("log_level: %q is no level", a.viper.GetString("log_level")), "use debug, info, warn or error")
	}
	format := a.viper.GetString("log_format")
	w := a.stderr
	if a.onTerminal() {
		w = aboveBar{w}
	}
	handler := logHandler(w, format, level)
	if handler == nil {
		return nil, usage(fmt.Errorf("log_format: %q is no format", format), "use text or json")
	}
	return slog.New(handler), nil
}

// logHandler is nil for an unknown format.
func logHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.NewTextHandler(w, opts)
	case "json":
		return slog.NewJSONHandler(w, opts)
	}
	return nil
}

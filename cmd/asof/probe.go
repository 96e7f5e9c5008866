package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/storeurl"
	"github.com/asof/asof/publisher/ledger"
)

func newProbeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "probe",
		Short: "Show what a store really does",
		Long: `Test what asof needs from a store: conditional creation and compare-and-swap, both with
32 racers, copies, ranges, the order of listings, odd keys. It writes a few small
objects below .asof/probe/ and removes them.

The outcome of a check is "failed" or "unsupported" if the store does not do it, and
"untried" if nobody knows: no store answered, or it refused access. Exit code 5 is for a
store that is not enough, 1 for checks that could not be tried, 4 for no store at all.`,
		Example: `  asof probe --store minio://127.0.0.1:9000/bucket`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.setup()
			if err != nil {
				return err
			}
			cfg.Retention = retentionConfig{} // what it writes is to be removed again
			store, err := a.plainStore(cmd.Context(), cfg, log, storeurl.Options{Create: true})
			if err != nil {
				return err
			}
			report, untried := objstore.Probe(cmd.Context(), store, objstore.ProbeOptions{})
			if err := a.print(report, func(t *table) {
				t.row("CHECK", "OUTCOME", "DETAIL")
				for _, c := range report.Checks {
					t.row(c.Name, c.Outcome, c.Detail)
				}
			}); err != nil {
				return err
			}
			if report.Verdict == objstore.Unsafe {
				return fmt.Errorf("probe %s: %w", cfg.Store, ledger.ErrUnsafeStore)
			}
			if untried != nil {
				return fmt.Errorf("probe %s: %w", cfg.Store, untried)
			}
			return nil
		},
	}
}

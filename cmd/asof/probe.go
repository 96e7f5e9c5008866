package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/publisher"
)

func newProbeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "probe",
		Short: "Show what a store really does",
		Long: `Try what asof needs of a store: conditional creation, compare-and-swap, both with
32 racers, copies, ranges, the order of listings, odd keys. It writes a few
small objects below .asof/probe/ and removes them.`,
		Example: `  asof probe --store minio://127.0.0.1:9000/bucket`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.setup()
			if err != nil {
				return err
			}
			cfg.Retention = retentionConfig{} // what it writes is to be removed again
			store, err := a.store(cmd.Context(), cfg, log, true)
			if err != nil {
				return err
			}
			report, err := objstore.Probe(cmd.Context(), store, objstore.ProbeOptions{})
			if err != nil {
				return fmt.Errorf("probe %s: %w", cfg.Store, err)
			}
			if err := a.print(report, func(t *table) {
				t.row("CHECK", "OUTCOME", "DETAIL")
				for _, c := range report.Checks {
					t.row(c.Name, c.Outcome, c.Detail)
				}
			}); err != nil {
				return err
			}
			if !report.Safe() {
				return fmt.Errorf("probe %s: %w", cfg.Store, publisher.ErrUnsafeStore)
			}
			return nil
		},
	}
}

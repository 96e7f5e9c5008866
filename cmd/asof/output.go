package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
)

// setup reads the configuration and makes the logger. Commands begin with it.
func (a *app) setup() (config, *slog.Logger, error) {
	cfg, err := a.config()
	if err != nil {
		return cfg, nil, err
	}
	return cfg, a.logger(cfg), nil
}

// print writes a result to standard output: value as JSON, or a table.
func (a *app) print(value any, tabular func(*table)) error {
	if a.output == "json" {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(value)
	}
	t := newTable(a.stdout)
	tabular(t)
	return t.w.Flush()
}

// table is columns of text.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table { return &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t *table) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = fmt.Sprint(c)
	}
	fmt.Fprintln(t.w, strings.Join(text, "\t"))
}

// section ends the columns so far, and leaves a line.
func (t *table) section() {
	t.w.Flush()
	fmt.Fprintln(t.w)
}

// count is a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// number is a number for people: 4,020.
func number(n int64) string { return humanize.Comma(n) }

// seconds is a time for people: to the tenth of a second below a minute.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return strings.TrimSuffix(d.Round(time.Second).String(), "0s")
}

// size is a number of bytes for people.
func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

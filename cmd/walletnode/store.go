package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

func storeCommand() *cli.Command {
	return group("store", "the node's database",
		&cli.Command{
			Name:        "status",
			Usage:       "show what the store holds, its size, its chain and how long it keeps what",
			Description: "The node may run meanwhile.",
			Flags:       []cli.Flag{jsonFlag()},
			Action:      storeStatus,
		},
		&cli.Command{
			Name:      "backup",
			Usage:     "copy the store into a new file",
			ArgsUsage: "FILE",
			Description: "The copy is the store as it is at one moment; the node may run meanwhile. It is read from end to end before it gets\n" +
				"its name, and a file that is there is never replaced. To restore, stop the node and put the copy in the place of the\n" +
				"store, without the -wal and -shm files beside it. This is for SQLite: a database server has tools of its own (pg_dump).",
			Flags:  []cli.Flag{jsonFlag()},
			Action: storeBackup,
		},
		&cli.Command{
			Name:  "prune",
			Usage: "delete what is older than the configuration's retention",
			Description: "A running node does so by itself after each window; this is for a retention that was shortened. The node must not\n" +
				"run, except for --dry-run. Open windows and pending actions are never deleted. Without --shrink the file keeps its\n" +
				"size and fills again. --shrink is for SQLite: a database server uses the space again by itself.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "dry-run", Usage: "count what would be deleted, and delete nothing"},
				&cli.BoolFlag{Name: "shrink", Usage: "give the space back to the disk; needs as much free space as the store takes"},
				jsonFlag(),
			},
			Action: storePrune,
		},
	)
}

func storeStatus(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	var f store.Figures
	if err := inStore(c, cfg, func(r *store.Reader) (err error) { f, err = r.Figures(c.Context); return err }); err != nil {
		return err
	}
	process, running, err := store.Running(cfg.StoreDSN())
	if err != nil {
		return err
	}
	s := view.NewStoreState(f, process, running, retentionOf(cfg))
	return show(c, s, writeStoreState)
}

func writeStoreState(w io.Writer, s view.StoreState) error {
	var out strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&out, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("path", "%s", s.Path)
	if store.Shared(s.Path) {
		row("size", "%s, all that is in the database", bytesText(s.Bytes))
	} else {
		row("size", "%s (%s free in it), log %s", bytesText(s.Bytes), bytesText(s.FreeBytes), bytesText(s.LogBytes))
	}
	if s.Running {
		row("node", "running, process %s", cell(s.Process))
	} else {
		row("node", "not running")
	}
	row("schema", "%d", s.Schema)
	if s.ChainID != nil {
		row("chain", "%s, genesis %s", *s.ChainID, cell(s.Genesis))
	} else {
		row("chain", "none yet: the first start binds the store to one")
	}
	n := s.Counts
	row("windows", "%d opened, from %s to %s; %d ranges missed", n.Windows, cell(s.Oldest), cell(s.Newest), n.Missed)
	row("results", "%d, %d of them open", n.Results, n.Open)
	row("statements", "%d", n.Statements)
	row("faults", "%d, %d of them attributed", n.Faults, n.Attributed)
	row("actions", "%d, %d of them pending", n.Actions, n.Pending)
	row("wallets", "%d, and %d archived", n.Wallets, n.Archived)
	row("kept", "results for %d windows, evidence for %d", s.RetentionWindows, s.RetentionEvidence)
	if s.LastBackup != nil {
		row("last backup", "%s, %s", s.LastBackup.Time, s.LastBackup.File)
	} else {
		row("last backup", "none was noted")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	const kib, mib, gib = 1 << 10, 1 << 20, 1 << 30
	switch {
	case n >= gib:
		return fmt.Sprintf("%.1f GiB", float64(n)/gib)
	case n >= mib:
		return fmt.Sprintf("%.1f MiB", float64(n)/mib)
	default:
		return fmt.Sprintf("%d KiB", (n+kib-1)/kib)
	}
}

func storeBackup(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	cfg, err := loggedConfig(c)
	if err != nil {
		return err
	}
	file := absolute(c.Args().First())
	progress := newBar(c, "backup", &progress.UnitsBytes)
	err = store.Backup(c.Context, cfg.StoreDSN(), file, logger("store"), progress.at)
	progress.end(err)
	if errors.Is(err, store.ErrElsewhere) {
		return exit(codeUsage, err)
	}
	if errors.Is(err, fs.ErrExist) {
		return exit(codeUsage, fmt.Errorf("%w: a backup replaces nothing, name a new file", err))
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return say(c, struct {
		File  string `json:"file"`
		Bytes int64  `json:"bytes"`
	}{file, info.Size()}, "%s: %s, checked\n", file, bytesText(info.Size()))
}

// pruned is what "store prune" tells.
type pruned struct {
	DryRun   bool         `json:"dry_run"`
	Tables   []prunedRows `json:"tables"` // those that anything goes from
	Rows     int64        `json:"rows"`
	Shrunk   bool         `json:"shrunk"`
	Windows  int          `json:"retention_windows"`
	Evidence int          `json:"retention_evidence"`
	Messages int          `json:"retention_messages"`
	Heads    int          `json:"retention_heads"`
}

type prunedRows struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// retentionOf is how long a configuration has records kept.
func retentionOf(cfg config.Config) store.Retention {
	return store.Retention{
		Windows: cfg.Store.RetentionWindows, Evidence: cfg.Store.RetentionEvidence,
		Messages: cfg.Store.RetentionMessages, Heads: cfg.Store.RetentionHeads,
	}
}

func storePrune(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, err := loggedConfig(c)
	if err != nil {
		return err
	}
	retention := retentionOf(cfg)
	if c.Bool("shrink") && store.Shared(cfg.StoreDSN()) {
		return exit(codeUsage, fmt.Errorf("--shrink: %w", store.ErrElsewhere))
	}
	p := pruned{
		DryRun: c.Bool("dry-run"), Tables: []prunedRows{}, Windows: retention.Windows, Evidence: retention.Evidence,
		Messages: retention.Messages, Heads: retention.Heads,
	}
	if p.DryRun {
		err = countExcess(c, cfg, retention, &p)
	} else {
		err = deleteExcess(c, cfg, retention, &p)
	}
	if err != nil {
		return err
	}
	return show(c, p, writePruned)
}

func countExcess(c *cli.Context, cfg config.Config, retention store.Retention, p *pruned) error {
	return inStore(c, cfg, func(r *store.Reader) error { return p.count(c, *r, retention) })
}

// count fills in what is in excess now.
func (p *pruned) count(c *cli.Context, r store.Reader, retention store.Retention) error {
	newest, err := r.Newest(c.Context)
	if err != nil {
		return err
	}
	excess, err := r.Excess(c.Context, retention, newest)
	for _, e := range excess {
		p.Tables = append(p.Tables, prunedRows{e.Table, e.Rows})
		p.Rows += e.Rows
	}
	return err
}

func deleteExcess(c *cli.Context, cfg config.Config, retention store.Retention, p *pruned) (err error) {
	s, err := store.OpenIdle(c.Context, store.Config{DSN: cfg.StoreDSN(), Retention: retention}, logger("store"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := p.count(c, s.Reader, retention); err != nil {
		return err
	}
	newest, err := s.Newest(c.Context)
	if err != nil {
		return err
	}
	progress := newBar(c, "prune", &progress.UnitsDefault)
	var done int64
	err = s.PruneTelling(c.Context, newest, func(_ string, rows int64) {
		done += rows
		progress.at(done, p.Rows)
	})
	if err == nil && c.Bool("shrink") {
		err = s.Shrink(c.Context)
		p.Shrunk = err == nil
	}
	progress.end(err)
	return err
}

func writePruned(w io.Writer, p pruned) error {
	verb := "deleted"
	if p.DryRun {
		verb = "would be deleted"
	}
	var out strings.Builder
	for _, t := range p.Tables {
		fmt.Fprintf(&out, "%s: %d rows %s\n", t.Table, t.Rows, verb)
	}
	if p.Shrunk {
		out.WriteString("the store was shrunk\n")
	}
	_, err := io.WriteString(w, cmp.Or(out.String(), "nothing is older than what is kept\n"))
	return err
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/view"
)

func faultsCommand() *cli.Command {
	return group("faults", "what other operators did wrong",
		&cli.Command{
			Name:  "list",
			Usage: "list faults, newest window first",
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "kind", Usage: "only faults of this `KIND`"},
				&cli.StringFlag{Name: "culprit", Usage: "only faults of the operator with this `ADDRESS` (EIP-55)"},
				&cli.BoolFlag{Name: "attributed", Usage: "only accusations; with --attributed=false only what is recorded without one"},
			}, rangeFlags()...),
			Action: listFaults,
		},
		&cli.Command{
			Name:      "show",
			Usage:     "show one fault with its evidence",
			ArgsUsage: "ID",
			Flags:     []cli.Flag{jsonFlag()},
			Action:    showFault,
		},
		summaryCommand(),
		exportCommand(),
	)
}

func listFaults(c *cli.Context) error {
	r, filter, err := faultsAsked(c)
	if err != nil {
		return err
	}
	return listing(c, r, func(from source) (sheet, error) {
		list, err := from.Faults(c.Context, filter)
		header := table.Row{"id", "window", "wallet", "kind", "culprit", "verdict", "evidence"}
		return sheet{list, list.More, header, rowsOf(list.Faults, func(f view.Fault) table.Row {
			return table.Row{f.ID, f.Window, f.Wallet, f.Kind, f.Culprit, f.Verdict(), len(f.Evidence)}
		})}, err
	})
}

// faultsAsked is which faults a command's flags ask for.
func faultsAsked(c *cli.Context) (r reach, filter faults.Filter, err error) {
	if r, err = reachOf(c); err != nil {
		return r, filter, err
	}
	filter.Wallet, filter.From, filter.To, filter.Limit = r.wallet, r.from, r.to, r.limit
	if c.IsSet("kind") {
		if filter.Kind, err = faults.ParseKind(c.String("kind")); err != nil {
			return r, filter, usageErrorf("--kind: %w", err)
		}
	}
	if c.IsSet("culprit") {
		if filter.Culprit, err = chain.ParseOperator(c.String("culprit")); err != nil {
			return r, filter, usageErrorf("--culprit: %w", err)
		}
	}
	if c.IsSet("attributed") {
		attributed := c.Bool("attributed")
		filter.Attributed = &attributed
	}
	return r, filter, nil
}

func showFault(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return reading(c, one, func(from source) error {
		fault, err := from.Fault(c.Context, c.Args().First())
		if err != nil {
			return lost(err, "faults list")
		}
		return show(c, fault, writeFault)
	})
}

func writeFault(w io.Writer, f view.Fault) error {
	var out strings.Builder
	fmt.Fprintf(&out, "fault %s\n", f.ID)
	for _, row := range []struct {
		name  string
		value any
	}{
		{"kind", f.Kind},
		{"culprit", f.Culprit},
		{"wallet", f.Wallet},
		{"window", f.Window},
		{"verdict", f.Verdict()},
		{"detail", orDash(printable(f.Detail))},
		{"observed", fmt.Sprintf("at block %d, %s", f.ObservedAt, f.RecordedAt)},
		{"our view", eyesight(f.Observer)},
		{"proof", orDash(proofOf(f))},
	} {
		fmt.Fprintf(&out, "  %-9s %v\n", row.name, row.value)
	}
	for _, signed := range f.Evidence {
		fmt.Fprintf(&out, "  %-9s %s\n", "evidence", signed)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// proofOf is the ID of a fault's stored proof; empty if there is none.
func proofOf(f view.Fault) string {
	if f.Proof == nil {
		return ""
	}
	return *f.Proof
}

// eyesight tells what the observer could see, and what impaired it.
func eyesight(o faults.Observer) string {
	parts := []string{fmt.Sprintf("opened at block %d, %d peers, head %v old", o.OpenedAt, o.Peers, o.ClockAge)}
	for _, flaw := range []struct {
		is   bool
		text string
	}{
		{o.CutOff, "cut off for a time"},
		{o.ClockLapsed, "clock stale for a time"},
		{o.HeadsDoubted, "blocks without a quorum"},
		{!o.SeedAgreed, "seed block not agreed"},
		{o.ParamsMismatch, "other parameters than the culprit"},
	} {
		if flaw.is {
			parts = append(parts, flaw.text)
		}
	}
	return strings.Join(parts, ", ")
}

package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
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
	)
}

func listFaults(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	filter, err := faultFilter(c)
	if err != nil {
		return err
	}
	limit, query, err := rowLimit(c)
	if err != nil {
		return err
	}
	filter.Limit = query
	return reading(c, func(r *store.Reader) error {
		records, err := r.Faults(c.Context, filter)
		if err != nil {
			return err
		}
		records, more := cut(records, limit)
		if c.Bool("json") {
			list := make([]faultJSON, len(records))
			for i, record := range records {
				list[i] = newFaultJSON(record)
			}
			return writeJSON(c.App.Writer, map[string]any{"faults": list, "more": more})
		}
		tellMore(c, more)
		rows := make([]table.Row, len(records))
		for i, f := range records {
			rows[i] = table.Row{f.ID, f.Window, f.Wallet, f.Kind, f.Culprit, verdict(f.Fault), len(f.Evidence)}
		}
		return writeTable(c.App.Writer, table.Row{"id", "window", "wallet", "kind", "culprit", "verdict", "evidence"}, rows)
	})
}

func faultFilter(c *cli.Context) (filter faults.Filter, err error) {
	if filter.Wallet, err = walletArgument(c); err != nil {
		return filter, err
	}
	if c.IsSet("kind") {
		if filter.Kind, err = faults.ParseKind(c.String("kind")); err != nil {
			return filter, usageErrorf("--kind: %w", err)
		}
	}
	if c.IsSet("culprit") {
		if filter.Culprit, err = chain.ParseOperator(c.String("culprit")); err != nil {
			return filter, usageErrorf("--culprit: %w", err)
		}
	}
	if c.IsSet("attributed") {
		attributed := c.Bool("attributed")
		filter.Attributed = &attributed
	}
	filter.From, filter.To = chain.Height(c.Uint64("from")), chain.Height(c.Uint64("to"))
	return filter, nil
}

func showFault(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return reading(c, func(r *store.Reader) error {
		record, err := r.Fault(c.Context, c.Args().First())
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, newFaultJSON(record))
		}
		return writeFault(c.App.Writer, record)
	})
}

// faultJSON is a fault for tools.
type faultJSON struct {
	ID         string          `json:"id"`
	Window     chain.Height    `json:"window"` // coordination block
	Wallet     chain.WalletID  `json:"wallet"`
	Kind       faults.Kind     `json:"kind"`
	Culprit    chain.Operator  `json:"culprit"`
	Attributed bool            `json:"attributed"`
	Late       bool            `json:"late"`
	Detail     string          `json:"detail"`
	Evidence   []string        `json:"evidence"` // signed messages, hex
	Observer   faults.Observer `json:"observer"` // what this node could see when it judged
	ObservedAt chain.Height    `json:"observed_block"`
	RecordedAt string          `json:"recorded_at"`
}

func newFaultJSON(r faults.Record) faultJSON {
	evidence := make([]string, len(r.Evidence))
	for i, signed := range r.Evidence {
		evidence[i] = hex.EncodeToString(signed)
	}
	return faultJSON{
		r.ID, r.Window, r.Wallet, r.Kind, r.Culprit, r.Attributed, r.Late, r.Detail, evidence, r.Observer, r.ObservedAt, rfc3339(r.StoredAt),
	}
}

// verdict says in a word whether a fault accuses.
func verdict(f faults.Fault) string {
	word := "unattributed"
	if f.Attributed {
		word = "attributed"
	}
	if f.Late {
		word += ", late"
	}
	return word
}

func writeFault(w io.Writer, r faults.Record) error {
	var out strings.Builder
	fmt.Fprintf(&out, "fault %s\n", r.ID)
	for _, row := range []struct {
		name  string
		value any
	}{
		{"kind", r.Kind},
		{"culprit", r.Culprit},
		{"wallet", r.Wallet},
		{"window", r.Window},
		{"verdict", verdict(r.Fault)},
		{"detail", orDash(printable(r.Detail))},
		{"observed", fmt.Sprintf("at block %d, %s", r.ObservedAt, rfc3339(r.StoredAt))},
		{"our view", view(r.Observer)},
	} {
		fmt.Fprintf(&out, "  %-9s %v\n", row.name, row.value)
	}
	for _, signed := range r.Evidence {
		fmt.Fprintf(&out, "  %-9s %s\n", "evidence", hex.EncodeToString(signed))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// view tells what the observer could see, and what impaired it.
func view(o faults.Observer) string {
	parts := []string{fmt.Sprintf("opened at block %d, %d peers, head %v old", o.OpenedAt, o.Peers, o.ClockAge)}
	for _, flaw := range []struct {
		is   bool
		text string
	}{
		{o.CutOff, "cut off for a time"},
		{o.ClockLapsed, "clock stale for a time"},
		{!o.SeedAgreed, "seed block not agreed"},
		{o.ParamsMismatch, "other parameters than the culprit"},
	} {
		if flaw.is {
			parts = append(parts, flaw.text)
		}
	}
	return strings.Join(parts, ", ")
}

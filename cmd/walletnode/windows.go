package main

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
)

func windowsCommand() *cli.Command {
	return group("windows", "how coordination windows ended",
		&cli.Command{
			Name:  "list",
			Usage: "list windows, one row for each wallet, newest first",
			Flags: append([]cli.Flag{
				&cli.StringSliceFlag{Name: "reason", Usage: "only windows that ended for this `REASON` (may be repeated)"},
			}, rangeFlags()...),
			Action: listWindows,
		},
		&cli.Command{
			Name:      "show",
			Usage:     "show all that is stored of one window",
			ArgsUsage: "BLOCK",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "wallet", Usage: "only of the wallet with this public key `HASH`"},
				jsonFlag(),
			},
			Action: showWindow,
		},
	)
}

func listWindows(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	filter, err := windowFilter(c)
	if err != nil {
		return err
	}
	limit, query, err := rowLimit(c)
	if err != nil {
		return err
	}
	filter.Limit = query
	return reading(c, func(r *store.Reader) error {
		rows, err := r.Windows(c.Context, filter)
		if err != nil {
			return err
		}
		rows, more := cut(rows, limit)
		if c.Bool("json") {
			list := make([]windowJSON, len(rows))
			for i, row := range rows {
				list[i] = newWindowJSON(row)
			}
			return writeJSON(c.App.Writer, map[string]any{"windows": list, "more": more})
		}
		tellMore(c, more)
		return writeTable(c.App.Writer, windowHeader, windowRows(rows))
	})
}

func windowFilter(c *cli.Context) (store.WindowFilter, error) {
	wallet, err := walletArgument(c)
	if err != nil {
		return store.WindowFilter{}, err
	}
	filter := store.WindowFilter{Wallet: wallet, From: chain.Height(c.Uint64("from")), To: chain.Height(c.Uint64("to"))}
	for _, text := range c.StringSlice("reason") {
		reason, err := coordination.ParseReason(text)
		if err != nil {
			return filter, usageErrorf("--reason: %w", err)
		}
		filter.Reasons = append(filter.Reasons, reason)
	}
	return filter, nil
}

var windowHeader = table.Row{"window", "wallet", "role", "leader", "reason", "action", "received", "faults", "outcome"}

func windowRows(rows []store.WindowRow) []table.Row {
	list := make([]table.Row, len(rows))
	for i, row := range rows {
		if m := row.Missed; m != nil {
			span := block(m.Last)
			if m.First != m.Last {
				span = block(m.First) + ".." + span
			}
			list[i] = table.Row{span, "-", "missed", "-", m.Reason, "-", "-", "-", "-"}
			continue
		}
		leader := "-"
		if op := known(row.Leader); op != nil {
			leader = op.String()
		}
		reason, outcome := string(row.Reason), row.Outcome
		if row.Open {
			reason = "(open)"
		}
		if row.Pending {
			outcome = "(pending)"
		}
		list[i] = table.Row{
			block(row.Block), row.Wallet, orDash(string(row.Role)), leader, reason, orDash(actionName(row)),
			block(row.ReceivedAt), row.Faults, orDash(outcome),
		}
	}
	return list
}

func actionName(row store.WindowRow) string {
	if row.Proposal == nil {
		return ""
	}
	return row.Proposal.Kind().String()
}

func showWindow(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	at, err := windowArgument(c)
	if err != nil {
		return err
	}
	wallet, err := walletArgument(c)
	if err != nil {
		return err
	}
	var only []chain.WalletID
	if wallet != nil {
		only = append(only, *wallet)
	}
	return reading(c, func(r *store.Reader) error {
		detail, err := r.WindowDetail(c.Context, at, only...)
		if err != nil {
			return err
		}
		if wallet != nil && len(detail.Wallets) == 0 && detail.Missed == nil {
			return store.ErrNotFound
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, newWindowDetailJSON(detail))
		}
		return writeWindow(c.App.Writer, detail)
	})
}

// reasonText explains a reason code to a person.
func reasonText(reason coordination.Reason) string {
	means, todo := reason.Explain()
	return strings.TrimSpace(string(reason) + ": " + means + " " + todo)
}

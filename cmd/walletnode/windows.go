package main

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

func windowsCommand() *cli.Command {
	return group("windows", "how coordination windows ended",
		&cli.Command{
			Name:  "list",
			Usage: "list windows, one row for each wallet, newest first",
			Flags: append([]cli.Flag{
				&cli.StringSliceFlag{Name: "reason", Usage: "only windows that ended for this `REASON` (may be repeated)"},
				&cli.StringSliceFlag{Name: "state", Usage: "only windows in this `STATE`: open, finished or missed (may be repeated)"},
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
		nextCommand(),
		watchCommand(),
		verifyCommand(),
	)
}

func listWindows(c *cli.Context) error {
	r, err := reachOf(c)
	if err != nil {
		return err
	}
	filter, err := windowFilter(c, r)
	if err != nil {
		return err
	}
	return listing(c, r, func(from source) (sheet, error) {
		list, err := from.Windows(c.Context, filter)
		return sheet{list, list.More, windowHeader, rowsOf(list.Windows, windowRow)}, err
	})
}

func windowFilter(c *cli.Context, r reach) (store.WindowFilter, error) {
	filter := store.WindowFilter{Wallet: r.wallet, From: r.from, To: r.to, Limit: r.limit}
	for _, text := range c.StringSlice("reason") {
		reason, err := coordination.ParseReason(text)
		if err != nil {
			return filter, usageErrorf("--reason: %w", err)
		}
		filter.Reasons = append(filter.Reasons, reason)
	}
	for _, text := range c.StringSlice("state") {
		state, err := store.ParseWindowState(text)
		if err != nil {
			return filter, usageErrorf("--state: %w", err)
		}
		filter.States = append(filter.States, state)
	}
	return filter, nil
}

var windowHeader = table.Row{"window", "wallet", "role", "leader", "reason", "action", "received", "faults", "outcome"}

func windowRow(w view.Window) table.Row {
	if w.State == view.WindowMissed {
		span := block(&w.Window)
		if w.FirstWindow != nil && *w.FirstWindow != w.Window {
			span = block(w.FirstWindow) + ".." + span
		}
		return table.Row{span, "-", "missed", "-", cell(w.Reason), "-", "-", "-", "-"}
	}
	reason, outcome := cell(w.Reason), cell(w.Outcome)
	if w.State == view.WindowOpen {
		reason = "(open)"
	}
	if w.Pending {
		outcome = "(pending)"
	}
	return table.Row{
		w.Window, cell(w.Wallet), cell(w.Role), cell(w.Leader), reason, cell(w.Action), block(w.ReceivedAt), w.Faults, outcome,
	}
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
	return reading(c, one, func(from source) error {
		trace, err := from.Window(c.Context, at, wallet)
		if err != nil {
			return lost(err, "windows list")
		}
		return show(c, trace, writeTrace)
	})
}

// reasonText explains a reason code to a person, with what to do if there is anything.
func reasonText(reason coordination.Reason) string {
	means, todo := reason.Explain()
	if todo == "Nothing." {
		todo = ""
	}
	return strings.TrimSpace(string(reason) + ": " + means + " " + todo)
}

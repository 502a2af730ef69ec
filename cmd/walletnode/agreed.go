package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// windowOf narrows a command to one window, and to one wallet in it if --wallet says so.
func windowOf(c *cli.Context) (block chain.Height, wallet *chain.WalletID, err error) {
	if err := arguments(c, 1, 1); err != nil {
		return 0, nil, err
	}
	if block, err = windowArgument(c); err != nil {
		return 0, nil, err
	}
	wallet, err = walletArgument(c)
	return block, wallet, err
}

func walletFlag() cli.Flag {
	return &cli.StringFlag{Name: "wallet", Usage: "only of the wallet with this public key `HASH`"}
}

func proposalsCommand() *cli.Command {
	return group("proposals", "what wallets agreed on",
		&cli.Command{
			Name: "list", Usage: "list agreed proposals, no-ops included, newest first", Flags: rangeFlags(), Action: listProposals,
		},
		&cli.Command{
			Name: "show", Usage: "show what was agreed in one window", ArgsUsage: "BLOCK", Flags: []cli.Flag{walletFlag(), jsonFlag()}, Action: showProposals,
		},
	)
}

func listProposals(c *cli.Context) error {
	r, err := reachOf(c)
	if err != nil {
		return err
	}
	filter := store.WindowFilter{Wallet: r.wallet, From: r.from, To: r.to, Limit: r.limit}
	return listing(c, r, func(from source) (sheet, error) {
		list, err := from.Proposals(c.Context, filter)
		header := table.Row{"window", "wallet", "action", "leader", "role", "received", "outcome"}
		return sheet{list, list.More, header, rowsOf(list.Proposals, func(p view.Proposal) table.Row {
			return table.Row{p.Window, p.Wallet, p.Action, cell(p.Leader), cell(p.Role), block(p.ReceivedAt), outcomeText(p.Outcome, p.Pending)}
		})}, err
	})
}

func outcomeText(outcome *string, pending bool) string {
	if pending {
		return "(pending)"
	}
	return cell(outcome)
}

func showProposals(c *cli.Context) error {
	at, wallet, err := windowOf(c)
	if err != nil {
		return err
	}
	return reading(c, one, func(from source) error {
		list, err := from.Proposals(c.Context, store.WindowFilter{Wallet: wallet, From: at, To: at, Limit: maxWallets})
		if err != nil {
			return err
		}
		if len(list.Proposals) == 0 {
			return lost(fmt.Errorf("%w: nothing was agreed in window %d%s", store.ErrNotFound, at, of(wallet)), "proposals list")
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, list)
		}
		var out strings.Builder
		for _, p := range list.Proposals {
			fmt.Fprintf(&out, "window %d, wallet %v\n  leader    %s\n  received  at block %s\n  agreed    %s %s\n  outcome   %s\n",
				p.Window, p.Wallet, cell(p.Leader), block(p.ReceivedAt), p.Action, p.Proposal, outcomeText(p.Outcome, p.Pending))
		}
		_, err = io.WriteString(c.App.Writer, out.String())
		return err
	})
}

// maxWallets is how many wallets of one window are shown: as many as the running node gives at once.
const maxWallets = 1000

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

// failover is how long "wallets serving" waits for a wallet that changes hands: three leases of the default length.
const failover = 30 * time.Second

func servingCommand() *cli.Command {
	return &cli.Command{
		Name:      "serving",
		Usage:     "tell which instance serves a wallet",
		ArgsUsage: "HASH",
		Description: "With cluster.bootstrap that instance itself is asked, and waited for while the wallet changes hands; without, the node\n" +
			"of this machine says who it takes it to be.",
		Flags:  []cli.Flag{jsonFlag(), &cli.DurationFlag{Name: "timeout", Value: failover, Usage: "wait so long for an instance to serve the wallet"}},
		Action: serving,
	}
}

func serving(c *cli.Context) error {
	id, err := oneWallet(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	return following(c, func(node *api.Client) error {
		owner, err := node.Serving(ctx, id)
		if err != nil {
			return lost(err, "wallets list")
		}
		return say(c, owner, "%s", describeOwner(owner))
	})
}

func describeOwner(o view.Owner) string {
	var out strings.Builder
	if o.Owner == "" {
		fmt.Fprintf(&out, "wallet %v\n  owner   this node, which is the only one\n", o.Wallet)
	} else {
		fmt.Fprintf(&out, "wallet %v\n  owner   %s\n  epoch   %d\n  urls    %s\n", o.Wallet, o.Owner, o.Epoch, orDash(strings.Join(o.URLs, ", ")))
	}
	if o.Halted != "" {
		fmt.Fprintf(&out, "  halted  %s\n", printable(o.Halted))
	}
	return out.String()
}

// oneWallet reads a command's only argument as a wallet.
func oneWallet(c *cli.Context) (chain.WalletID, error) {
	if err := arguments(c, 1, 1); err != nil {
		return chain.WalletID{}, err
	}
	id, err := chain.ParseWalletID(c.Args().First())
	if err != nil {
		return id, exit(codeUsage, err)
	}
	return id, nil
}

func haltedCommand() *cli.Command {
	return &cli.Command{
		Name:  "halted",
		Usage: "list the wallets that are stopped on all instances",
		Description: "A wallet is stopped when somebody who is none of the operator's instances is heard to speak with the operator's key in a\n" +
			"window. Find out who has the key before you let the wallet go on.",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := arguments(c, 0, 0); err != nil {
				return err
			}
			return asking(c, func(node *api.Client) error {
				list, err := node.Halts(c.Context)
				if err != nil {
					return err
				}
				return haltSheet(list).write(c)
			})
		},
	}
}

func haltSheet(list view.Halts) sheet {
	return sheet{list, false, table.Row{"wallet", "window", "since", "noticed by", "reason"}, rowsOf(list.Halts, func(h view.Halt) table.Row {
		return table.Row{h.Wallet, h.Window, h.Since, h.By, printable(h.Reason)}
	})}
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:        "resume",
		Usage:       "let a wallet that was stopped go on, on all instances",
		ArgsUsage:   "HASH",
		Description: "It shows which wallets are stopped still.",
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			id, err := oneWallet(c)
			if err != nil {
				return err
			}
			return asking(c, func(node *api.Client) error {
				list, err := node.Resume(c.Context, id)
				if err != nil {
					return err
				}
				return haltSheet(list).write(c)
			})
		},
	}
}

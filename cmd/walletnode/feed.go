package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

func feedCommand() *cli.Command {
	return group("feed", "the attested stream to signers and tools",
		&cli.Command{Name: "mailboxes", Usage: "list the mailboxes, and which instance has each", Flags: []cli.Flag{jsonFlag()}, Action: listMailboxes},
		feedFollowCommand(),
		&cli.Command{
			Name: "move", Usage: "have a mailbox go on at another instance", ArgsUsage: "MAILBOX",
			Description: "It goes on there with the beginning of an epoch, with nothing lost or repeated, also if the instance that has it is gone.\n" +
				"Its subscriber is led there. The mailboxes of live events and of signers do not move: every instance has its own.",
			Flags: []cli.Flag{&cli.StringFlag{Name: "to", Usage: "the `INSTANCE` that is to have it"}, jsonFlag()}, Action: moveMailbox,
		},
		&cli.Command{
			Name: "export", Usage: "write the sealed epochs of a mailbox that are kept", ArgsUsage: "MAILBOX",
			Description: "It is what the instance says that its subscriber got. What a subscriber really got, \"feed follow --export\" writes.\n" +
				"\"feed verify\" compares the two, or those of two subscribers.",
			Flags: []cli.Flag{outputFlag()}, Action: exportMailbox,
		},
		&cli.Command{
			Name: "keys", Usage: "write the list of keys that instances sign their feeds with, signed with the operator's key",
			Description: "It is what \"feed verify\" takes as --keys. Make sure that the operator it names is the right one.",
			Flags:       []cli.Flag{outputFlag(), jsonFlag()}, Action: writeFeedKeys,
		},
		feedHeadsCommand(),
		feedCompareCommand(),
		feedVerifyCommand(),
	)
}

func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to this new `FILE` instead of stdout"}
}

func listMailboxes(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		list, err := node.Mailboxes(c.Context)
		if err != nil {
			return err
		}
		header := table.Row{"mailbox", "instance", "wallets", "kinds", "last", "acknowledged", "detail"}
		return sheet{list, false, header, rowsOf(list.Mailboxes, mailboxRow)}.write(c)
	})
}

func mailboxRow(m view.Mailbox) table.Row {
	all := func(n int, some string) string {
		if n == 0 {
			return "all"
		}
		return some
	}
	var detail []string
	if m.MovingTo != "" {
		detail = append(detail, "moves to "+m.MovingTo)
	}
	if m.Closed {
		detail = append(detail, "closed: it was full")
	}
	return table.Row{
		m.Mailbox, orDash(m.Instance), all(len(m.Wallets), fmt.Sprint(len(m.Wallets))), all(len(m.Kinds), strings.Join(m.Kinds, ", ")),
		m.Last, m.Acknowledged, orDash(strings.Join(detail, ", ")),
	}
}

func moveMailbox(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	if c.String("to") == "" {
		return usageErrorf("feed move needs --to INSTANCE")
	}
	return asking(c, func(node *api.Client) error {
		move, err := node.MoveMailbox(c.Context, c.Args().First(), c.String("to"))
		if err != nil {
			return lost(err, "feed mailboxes")
		}
		return say(c, move, "mailbox %s goes on at %s with the next epoch\n", move.Mailbox, move.To)
	})
}

func exportMailbox(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	if c.String("output") == "" && isTerminal(c.App.Writer) {
		return usageErrorf("an export is binary: name a file with --output, or redirect stdout")
	}
	return following(c, func(node *api.Client) error {
		raw, err := node.ExportMailbox(c.Context, c.Args().First())
		if err != nil {
			return lost(err, "feed mailboxes")
		}
		return writeOutput(c, raw)
	})
}

func writeFeedKeys(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		keys, err := node.FeedKeys(c.Context)
		if err != nil {
			return err
		}
		var out strings.Builder
		if err := writeJSON(&out, keys); err != nil {
			return err
		}
		return writeOutput(c, []byte(out.String()))
	})
}

// writeOutput writes to the file of --output, or to stdout.
func writeOutput(c *cli.Context, raw []byte) error {
	if name := c.String("output"); name != "" && name != "-" {
		return writeNew(name, raw)
	}
	_, err := c.App.Writer.Write(raw)
	return err
}

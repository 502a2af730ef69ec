package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

func signersCommand() *cli.Command {
	return group("signers", "the signers that hold this operator's key shares, as the running node sees them",
		&cli.Command{
			Name: "list", Usage: "list the signers: how they fare, and how many wallets they serve", Flags: []cli.Flag{jsonFlag()}, Action: listSigners,
			Description: "STATE is what the operator says, HEALTH what the node sees. UNSIGNABLE counts the wallets that cannot be signed for now\n" +
				"(walletnode wallets list says why), FOUND the differences between what a signer holds and what is written down of it\n" +
				"(walletnode signers show lists them).",
		},
		&cli.Command{Name: "show", Usage: "show one signer", ArgsUsage: "ID", Flags: []cli.Flag{jsonFlag()}, Action: showSigner},
		&cli.Command{
			Name: "retire", Usage: "give a signer no new wallets; it goes on serving its own", ArgsUsage: "ID", Flags: []cli.Flag{jsonFlag()}, Action: saySigner(placement.Retired),
			Description: "It is so on all instances at once, also after a restart and whatever the configuration says. Once it has no wallets left\n" +
				"(archived ones do not count), walletnode signers list says that it is safe to shut down.",
		},
		&cli.Command{
			Name: "fail", Usage: "ask a signer for nothing any more", ArgsUsage: "ID", Flags: []cli.Flag{jsonFlag()}, Action: saySigner(placement.Failed),
			Description: "Its wallets cannot be signed for until \"walletnode signers activate\"; the node still coordinates them. No share is made\n" +
				"anew elsewhere.",
		},
		&cli.Command{
			Name: "activate", Usage: "use a signer again, also for new wallets", ArgsUsage: "ID", Action: saySigner(placement.Active),
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "rekey", Usage: "take whoever answers next under this id for the signer: it was moved to another machine, with its shares"},
				jsonFlag(),
			},
		},
		&cli.Command{
			Name: "move", Usage: "have a signer serve a wallet whose key was moved into it", ArgsUsage: "WALLET ID", Flags: []cli.Flag{jsonFlag()}, Action: moveWallet,
			Description: "After \"walletnode signer export\" on the machine of the signer that had it and \"walletnode signer import\" on that of the new one.\n" +
				"Both are asked first: it is refused unless the new one holds the key with all that was signed, and the other one cannot use it any\n" +
				"more. It is so on all instances at once.",
		},
	)
}

func moveWallet(c *cli.Context) error {
	if err := arguments(c, 2, 2); err != nil {
		return err
	}
	wallet, err := chain.ParseWalletID(c.Args().First())
	if err != nil {
		return usageErrorf("%w", err)
	}
	id := c.Args().Get(1)
	return asking(c, func(node *api.Client) error {
		list, err := node.MoveWallet(c.Context, id, wallet)
		if err != nil {
			return lost(err, "signers list")
		}
		return writeSigner(c, list, id, func(s view.Signer) string { return fmt.Sprintf("%s serves wallet %v from now on\n", s.ID, wallet) })
	})
}

func listSigners(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		list, err := node.Signers(c.Context)
		if err != nil {
			return err
		}
		return signerSheet(list).write(c)
	})
}

func signerSheet(list view.Signers) sheet {
	header := table.Row{"signer", "state", "health", "weight", "wallets", "unsignable", "pending", "found", "keys", "where", "detail"}
	return sheet{list, false, header, rowsOf(list.Signers, func(s view.Signer) table.Row {
		return table.Row{
			s.ID, s.State, s.Health, s.Weight, s.Wallets, s.Unsignable, s.Pending, len(s.Findings), s.Keys, orDash(s.Where), orDash(remark(s)),
		}
	})}
}

// remark is what there is to say of a signer.
func remark(s view.Signer) string {
	if s.SafeToShutDown {
		return "safe to shut down"
	}
	return printable(s.Detail)
}

func showSigner(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		list, err := node.Signers(c.Context)
		if err != nil {
			return err
		}
		return writeSigner(c, list, c.Args().First(), describeSigner)
	})
}

// writeSigner writes one signer of a list: its document, or what a person is told of it.
func writeSigner(c *cli.Context, list view.Signers, id string, text func(view.Signer) string) error {
	for _, s := range list.Signers {
		switch {
		case s.ID != id:
			continue
		case c.Bool("json"):
			return writeJSON(c.App.Writer, s)
		default:
			_, err := io.WriteString(c.App.Writer, text(s))
			return err
		}
	}
	return lost(fmt.Errorf("%w: no signer %q", store.ErrNotFound, id), "signers list")
}

func describeSigner(s view.Signer) string {
	var out strings.Builder
	said := "as configured"
	if s.By != nil {
		said = fmt.Sprintf("by %s, since %s", *s.By, cell(s.Since))
	}
	fmt.Fprintf(&out, "signer %s\n  state       %s (%s)\n  health      %s\n", s.ID, s.State, said, s.Health)
	if s.Detail != "" {
		fmt.Fprintf(&out, "  detail      %s\n", printable(s.Detail))
	}
	if s.SafeToShutDown {
		out.WriteString("  safe to shut down: no wallet needs it\n")
	}
	fmt.Fprintf(&out, "  where       %s\n  identity    %s\n  version     %s\n  schemes     %s\n  seen        %s\n", orDash(s.Where), printable(cell(s.Identity)),
		printable(cell(s.Version)), orDash(printable(strings.Join(s.Schemes, ", "))), cell(s.SeenAt))
	fmt.Fprintf(&out, "  feed        %s\n", printable(feedOf(s)))
	fmt.Fprintf(&out, "  weight      %d\n  wallets     %d, of which %d cannot be signed for; %d pending, %d lost\n  keys        %d, at most %s\n", s.Weight, s.Wallets+s.Lost,
		s.Unsignable, s.Pending, s.Lost, s.Keys, cell(s.Capacity))
	fmt.Fprintf(&out, "  probes      %d, of which %d failed\n  calls       %d, of which %d failed\n  signatures  %d since the node's start\n",
		s.Probes, s.ProbesFailed, s.Calls, s.CallsFailed, s.Signatures)
	for _, f := range s.Findings {
		fmt.Fprintf(&out, "  %-11s wallet %v: %s\n", f.Kind, f.Wallet, printable(f.Detail))
	}
	return out.String()
}

// feedOf is from where a signer takes what leaders propose.
func feedOf(s view.Signer) string {
	text := cell(s.Feed)
	if s.Feed != nil && *s.Feed == string(signer.FeedOff) {
		text += ": it takes the node's word for what leaders propose"
	}
	if s.FeedDetail != "" {
		text += ": " + s.FeedDetail
	}
	return text
}

// saySigner returns the action that says something of a signer.
func saySigner(state placement.State) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := arguments(c, 1, 1); err != nil {
			return err
		}
		id := c.Args().First()
		return asking(c, func(node *api.Client) error {
			list, err := node.SaySigner(c.Context, id, api.SignerWish{State: string(state), Rekey: c.Bool("rekey")})
			if err != nil {
				return lost(err, "signers list")
			}
			return writeSigner(c, list, id, func(s view.Signer) string { return fmt.Sprintf("%s is %s: %s\n", s.ID, s.State, consequence(s, state)) })
		})
	}
}

// consequence says what follows from a signer's new state.
func consequence(s view.Signer, state placement.State) string {
	switch {
	case state == placement.Failed:
		return fmt.Sprintf("%d wallets cannot be signed for", s.Wallets+s.Lost)
	case s.SafeToShutDown:
		return "it is safe to shut down"
	case state == placement.Retired:
		return fmt.Sprintf("it gets no new wallets, and goes on serving %d", s.Wallets)
	}
	return "it is looked at and, if it is sound, used within seconds"
}

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

func actionsCommand() *cli.Command {
	return group("actions", "what became of what wallets agreed on",
		&cli.Command{
			Name:  "list",
			Usage: "list actions, newest window first",
			Flags: append([]cli.Flag{
				&cli.BoolFlag{Name: "finished", Usage: "only actions with an outcome; with --finished=false only those without"},
			}, rangeFlags()...),
			Action: listActions,
		},
		&cli.Command{
			Name: "show", Usage: "show the actions of one window, with transactions and attempts to sign", ArgsUsage: "BLOCK",
			Flags: []cli.Flag{walletFlag(), jsonFlag()}, Action: showActions,
		},
		&cli.Command{
			Name: "retry", Usage: "carry out once more an action that lacked something at this node", ArgsUsage: "BLOCK",
			Description: "An action can be tried again that ended as no_signer, signer_unavailable, unverifiable, validation_error or store_failed, until\n" +
				"its last block for signing. What was signed, refused or revoked stays as it is.",
			Flags: []cli.Flag{&cli.StringFlag{Name: "wallet", Usage: "whose action; may be left out if the window has one", DefaultText: "the only one"}, jsonFlag()}, Action: retryAction,
		},
	)
}

func listActions(c *cli.Context) error {
	r, err := reachOf(c)
	if err != nil {
		return err
	}
	filter := store.ActionFilter{Wallet: r.wallet, From: r.from, To: r.to, Limit: r.limit}
	if c.IsSet("finished") {
		finished := c.Bool("finished")
		filter.Finished = &finished
	}
	return listing(c, r, func(from source) (sheet, error) {
		list, err := from.Actions(c.Context, filter)
		header := table.Row{"window", "wallet", "action", "from", "until", "started", "finished", "outcome", "revoked"}
		return sheet{list, list.More, header, rowsOf(list.Actions, func(a view.Action) table.Row {
			return table.Row{a.Window, a.Wallet, a.Action, a.Start, a.Expiry, block(a.StartedAt), block(a.FinishedAt), outcomeText(a.Outcome, a.Outcome == nil), a.Revoked}
		})}, err
	})
}

func showActions(c *cli.Context) error {
	at, wallet, err := windowOf(c)
	if err != nil {
		return err
	}
	return reading(c, one, func(from source) error {
		list, err := from.Actions(c.Context, store.ActionFilter{Wallet: wallet, From: at, To: at, Limit: maxWallets})
		if err != nil {
			return err
		}
		if len(list.Actions) == 0 {
			return lost(fmt.Errorf("%w: no action in window %d%s", store.ErrNotFound, at, of(wallet)), "actions list")
		}
		signings, err := from.Signings(c.Context, at, wallet)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, carriedOut{list, signings})
		}
		var out strings.Builder
		for _, a := range list.Actions {
			describeAction(&out, a)
			for _, s := range signings.Signings {
				if s.Wallet == a.Wallet {
					describeSigning(&out, s)
				}
			}
		}
		_, err = io.WriteString(c.App.Writer, out.String())
		return err
	})
}

// carriedOut is what wallets agreed to do in a window, and how they signed it.
type carriedOut struct {
	view.Actions
	view.Signings
}

// retryAction asks the instance that serves the wallet.
func retryAction(c *cli.Context) error {
	at, wallet, err := windowOf(c)
	if err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		if wallet == nil {
			list, err := node.Actions(c.Context, store.ActionFilter{From: at, To: at, Limit: maxWallets})
			switch {
			case err != nil:
				return err
			case len(list.Actions) == 0:
				return lost(fmt.Errorf("%w: no action in window %d", store.ErrNotFound, at), "actions list")
			case len(list.Actions) > 1:
				return usageErrorf("window %d has the actions of %d wallets: say which with --wallet", at, len(list.Actions))
			}
			wallet = &list.Actions[0].Wallet
		}
		list, err := node.RetryAction(c.Context, *wallet, at)
		if err != nil {
			return lost(err, "actions list")
		}
		return say(c, list, "The action of wallet %v in window %d is carried out once more; actions show %d tells how it goes.\n", wallet, at, at)
	})
}

func describeAction(out *strings.Builder, a view.Action) {
	fmt.Fprintf(out, "window %d, wallet %v\n  action    %s %s\n  blocks    %d to %d\n  started   at block %s\n  finished  at block %s\n  outcome   %s\n",
		a.Window, a.Wallet, a.Action, a.Proposal, a.Start, a.Expiry, block(a.StartedAt), block(a.FinishedAt), outcomeText(a.Outcome, a.Outcome == nil))
	if a.Detail != "" {
		fmt.Fprintf(out, "  detail    %s\n", printable(a.Detail))
	}
	if a.Revoked {
		out.WriteString("  revoked\n")
	}
}

// describeSigning tells what the wallet's signers were asked, and what came of it.
func describeSigning(out *strings.Builder, s view.Signing) {
	fmt.Fprintf(out, "  intent    %s, stored at block %d\n", s.Intent, s.BegunAt)
	if t := s.Transaction; t != nil {
		describeTransaction(out, t)
	}
	if s.Signature != nil {
		fmt.Fprintf(out, "  signature %s\n", *s.Signature)
	}
	if s.OthersSigned {
		out.WriteString("  signed    by the other operators; this node heard the result and checked it\n")
	}
	for _, digest := range s.Replaces {
		fmt.Fprintf(out, "  replaces  %s\n", digest)
	}
	for _, a := range s.Attempts {
		fmt.Fprintf(out, "  attempt %d, blocks %d to %d: %s", a.Attempt, a.Begun, a.Ended, a.Result)
		if a.Detail != "" {
			fmt.Fprintf(out, ": %s", printable(a.Detail))
		}
		fmt.Fprintf(out, "\n    coordinator %v, seats there %d, signers %s\n", a.Coordinator, a.Active, joined(a.Signers))
		if len(a.Absent) > 0 {
			fmt.Fprintf(out, "    absent      %s\n", joined(a.Absent))
		}
		if len(a.Silent) > 0 {
			fmt.Fprintf(out, "    silent      %s\n", joined(a.Silent))
		}
	}
	if s.Inactivity != nil {
		fmt.Fprintf(out, "  inactive  seats %s of %s: absent from several poor heartbeats in a row, noted at block %d\n",
			joined(s.Inactivity.Seats), joined(s.Inactivity.Operators), s.Inactivity.NotedAt)
	}
	for _, b := range s.Blames {
		proof := ""
		switch {
		case b.Proven:
			proof = fmt.Sprintf("; proven: %d messages signed by it were checked", len(b.Proof))
		case len(b.Proof) > 0:
			proof = "; the proof could not be checked by the wallet's roster, or does not hold"
		}
		fmt.Fprintf(out, "  blamed    %v in attempt %d: %s: %s%s\n", b.Operator, b.Attempt, b.Misdeed, printable(b.Detail), proof)
	}
}

func describeTransaction(out *strings.Builder, t *view.Transaction) {
	state := "not signed"
	if t.Signed {
		state = "signed"
	}
	fmt.Fprintf(out, "  bitcoin   transaction %s, %s, fee %d sat\n", t.TxID, state, t.Fee)
	for i, in := range t.Inputs {
		fmt.Fprintf(out, "    input %d   %d sat from %s:%d\n", i, in.Value, in.TxID, in.Index)
	}
	for i, o := range t.Outputs {
		note := ""
		if o.Change {
			note = ", back to the wallet"
		}
		fmt.Fprintf(out, "    output %d  %d sat to %s (%s%s)\n", i, o.Value, o.Script, o.Type, note)
	}
	fmt.Fprintf(out, "    hex       %s\n", t.Hex)
}

// joined writes a list for people; "none" if nothing is in it.
func joined[T any](list []T) string {
	if len(list) == 0 {
		return "none"
	}
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

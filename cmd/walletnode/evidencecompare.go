package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

func compareCommand() *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "have the running node compare what it attests with what another operator does",
		ArgsUsage: "OPERATOR",
		Description: "OPERATOR is an address (EIP-55) of somebody who shares a wallet with this operator and is connected. The node does so by itself\n" +
			"with a few operators after each window. What is found is one of:\n" +
			"  ours           a message did not reach us; the gap is filled\n" +
			"  theirs         a message did not reach them; it was offered to them\n" +
			"  contradiction  somebody said one thing here and another there: a proof, which both have now\n" +
			"  denied         they attest that a leader was silent, and acted on the leader's word: a proof against them\n" +
			"  same           both know the same and attest it differently, as one heard it late\n" +
			"  unshown        they attest a message that they do not keep any more\n" +
			"All but contradiction and denied are nobody's guilt. docs/schemas/comparison.json describes --json.",
		Flags:  []cli.Flag{jsonFlag()},
		Action: compareHistories,
	}
}

func compareHistories(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	operator, err := chain.ParseOperator(c.Args().First())
	if err != nil {
		return usageErrorf("%w", err)
	}
	return asking(c, func(node *api.Client) error {
		found, err := node.Compare(c.Context, operator)
		if err != nil {
			return err
		}
		err = show(c, found, writeComparison)
		if err == nil && found.Refusal != nil {
			return fmt.Errorf("the comparison was broken off: %s", printable(*found.Refusal))
		}
		return err
	})
}

func writeComparison(w io.Writer, found view.Comparison) error {
	var out strings.Builder
	fmt.Fprintf(&out, "compared with %v, window %d\n  took      %d round trips, %d bytes and %d of messages\n",
		found.Operator, found.Window, found.Rounds, found.Bytes, found.Statements)
	if found.Head != nil {
		fmt.Fprintf(&out, "  head      %s\n", found.Head.ID)
	}
	switch n := len(found.Findings); {
	case n > 0 && found.Complete:
		fmt.Fprintf(&out, "  found     %d differences\n", n)
	case found.Complete:
		fmt.Fprintf(&out, "  found     no difference\n")
	default:
		fmt.Fprintf(&out, "  found     %d differences, and there are more\n", n)
	}
	for _, d := range found.Findings {
		fmt.Fprintf(&out, "  %-13s wallet %v, window %d: %s here, %s there\n", d.Kind, d.Wallet, d.Window, attested(d.Mine), attested(d.Theirs))
		if d.Proof != nil {
			fmt.Fprintf(&out, "  %-13s proof %s\n", "", *d.Proof)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// attested says what is attested of a wallet's window.
func attested(a *view.Attested) string {
	switch {
	case a == nil:
		return "nothing attested"
	case a.Sender != nil:
		return fmt.Sprintf("%s by %v", a.Status, *a.Sender)
	}
	return a.Status
}

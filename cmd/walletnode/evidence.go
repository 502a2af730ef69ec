package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

func evidenceCommand() *cli.Command {
	return group("evidence", "what proves a fault to others",
		&cli.Command{
			Name:  "list",
			Usage: "list the faults that left signed messages, newest window first, and whether those are a proof",
			Description: "Two differing messages that one operator signed for one wallet and window are a proof. One message is none: what is\n" +
				"wrong with it follows from the chain.",
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "culprit", Usage: "only against the operator with this `ADDRESS` (EIP-55)"},
			}, rangeFlags()...),
			Action: listEvidence,
		},
		&cli.Command{
			Name:        "show",
			Usage:       "show what the messages of one fault say, and whether they are a proof",
			ArgsUsage:   "ID",
			Description: "ID is the fault's, as in \"evidence list\".",
			Flags:       []cli.Flag{jsonFlag()},
			Action:      showEvidence,
		},
		&cli.Command{
			Name:      "export",
			Usage:     "write the proof of one fault",
			ArgsUsage: "ID",
			Description: "Whoever has the proof and the wallet's list of operators can check it with \"evidence verify\". It is binary; the chain it\n" +
				"names is the store's, which is read whether or not a node runs.",
			Flags:  []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to this new `FILE` instead of stdout"}},
			Action: exportEvidence,
		},
		verifyProofCommand(),
	)
}

// spoken are the kinds of faults that consist in signed messages; an idle leader leaves none.
var spoken = []faults.Kind{faults.LeaderEquivocation, faults.LeaderImpersonation, faults.LeaderMistake}

func listEvidence(c *cli.Context) error {
	r, err := reachOf(c)
	if err != nil {
		return err
	}
	filter, err := faultFilter(c, r)
	if err != nil {
		return err
	}
	return listing(c, r, func(from source) (sheet, error) {
		lists := make([]view.Faults, len(spoken))
		for i, kind := range spoken {
			filter.Kind = kind
			if lists[i], err = from.Faults(c.Context, filter); err != nil {
				return sheet{}, err
			}
		}
		list := view.NewEvidenceList(r.limit, lists...)
		header := table.Row{"id", "window", "wallet", "kind", "culprit", "messages", "proof"}
		return sheet{list, list.More, header, rowsOf(list.Evidence, func(e view.Evidence) table.Row {
			return table.Row{e.Fault, e.Window, e.Wallet, e.Kind, e.Culprit, e.Messages, worth(e)}
		})}, nil
	})
}

// worth says whether evidence is a proof, and if not, why not.
func worth(e view.Evidence) string {
	if e.Why != nil {
		return printable(*e.Why)
	}
	return "two statements"
}

func showEvidence(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return reading(c, one, func(from source) error {
		fault, err := from.Fault(c.Context, c.Args().First())
		if err != nil {
			return lost(err, "evidence list")
		}
		detail := view.NewEvidence(fault)
		if c.Bool("json") {
			return writeJSON(c.App.Writer, detail)
		}
		var out strings.Builder
		fmt.Fprintf(&out, "evidence of fault %s\n  kind      %s\n  culprit   %v\n  wallet    %v\n  window    %d\n  proof     %s\n",
			detail.Fault, detail.Kind, detail.Culprit, detail.Wallet, detail.Window, worth(detail.Evidence))
		writeStatements(&out, detail.Statements)
		for _, signed := range fault.Evidence {
			fmt.Fprintf(&out, "  message   %s\n", signed)
		}
		_, err = io.WriteString(c.App.Writer, out.String())
		return err
	})
}

func writeStatements(out *strings.Builder, statements []view.SignedStatement) {
	for _, s := range statements {
		fmt.Fprintf(out, "  statement %s\n", printable(s.Summary()))
	}
}

// writeProof says for people what a proof says.
func writeProof(out *strings.Builder, p view.Proof) {
	about := "all of the operator's"
	if p.Wallet != nil {
		about = p.Wallet.String()
	}
	fmt.Fprintf(out, "  proof     %s, %s\n  operator  %v\n  wallet    %s\n  window    %d\n  chain     %d\n",
		p.ID, p.Kind, p.Operator, about, p.Window, p.Chain)
	writeStatements(out, p.Statements)
	for _, h := range p.Heads {
		before := "begins a chain"
		if h.Previous != nil {
			before = fmt.Sprintf("after %s of window %d", *h.Previous, *h.Before)
		}
		fmt.Fprintf(out, "  head      %s of window %d, %s\n", h.ID, h.Window, before)
	}
	switch d := p.Denied; {
	case d == nil:
	case d.Led:
		fmt.Fprintf(out, "  denied    the head says that the leader was silent, and the operator led and spoke\n")
	default:
		fmt.Fprintf(out, "  denied    the head says that the leader was silent, and the operator was ready to sign %s\n", *d.Intent)
	}
}

func exportEvidence(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	name := c.String("output")
	if name == "" && isTerminal(c.App.Writer) {
		return usageErrorf("a proof is binary: name a file with --output, or redirect stdout")
	}
	proof, err := storedProof(c, c.Args().First())
	if err != nil {
		return err
	}
	if name == "" || name == "-" {
		_, err = c.App.Writer.Write(proof.Encode())
		return err
	}
	return writeNew(name, proof.Encode())
}

// storedProof makes the proof of a fault from the store, which knows its chain.
func storedProof(c *cli.Context, id string) (proof evidence.Proof, err error) {
	cfg, err := readConfig(c)
	if err != nil {
		return proof, err
	}
	r, err := store.OpenReader(c.Context, cfg.StoreDSN())
	if err != nil {
		return proof, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	record, err := r.Fault(c.Context, id)
	if err != nil {
		return proof, lost(err, "evidence list")
	}
	both, err := evidence.OfFault(record.Fault)
	if err != nil {
		return proof, fmt.Errorf("fault %s: %w", id, err)
	}
	chainID, err := r.ChainID(c.Context)
	if err != nil {
		return proof, err
	}
	return evidence.Prove(chainID, both[0], both[1])
}

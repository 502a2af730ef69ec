package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

func evidenceCommand() *cli.Command {
	return group("evidence", "what proves a fault to others",
		&cli.Command{
			Name:  "list",
			Usage: "list the stored proofs and the faults that left signed messages, newest window first, and whether those are a proof",
			Description: "Two differing messages that one operator signed for one wallet and window are a proof. One message is none: what is\n" +
				"wrong with it follows from the chain. Proofs of other kinds, and those that other operators told of, stand under their own IDs.\n" +
				"docs/schemas/evidence-list.json describes --json.",
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "culprit", Usage: "only against the operator with this `ADDRESS` (EIP-55)"},
			}, rangeFlags()...),
			Action: listEvidence,
		},
		&cli.Command{
			Name:        "show",
			Usage:       "show what a proof or the messages of one fault say",
			ArgsUsage:   "ID",
			Description: "ID is the proof's or the fault's, as in \"evidence list\". docs/schemas/evidence-proof.json and evidence-fault.json describe --json.",
			Flags:       []cli.Flag{jsonFlag()},
			Action:      showEvidence,
		},
		&cli.Command{
			Name:      "export",
			Usage:     "write a stored proof, or the proof of one fault",
			ArgsUsage: "ID",
			Description: "ID is the proof's or the fault's, as in \"evidence list\". Whoever has the proof and the wallet's list of operators can check it with \"evidence verify\". It is binary; the chain it\n" +
				"names is the store's, which is read whether or not a node runs.",
			Flags:  []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to this new `FILE` instead of stdout"}},
			Action: exportEvidence,
		},
		compareCommand(),
		verifyProofCommand(),
	)
}

// spoken are the kinds of faults that consist in signed messages; an idle leader leaves none.
var spoken = []faults.Kind{faults.LeaderEquivocation, faults.LeaderImpersonation, faults.LeaderMistake}

func listEvidence(c *cli.Context) error {
	r, filter, err := faultsAsked(c)
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
		proofs, err := from.Proofs(c.Context, exchange.ProofFilter{
			Culprit: filter.Culprit, Wallet: filter.Wallet, From: filter.From, To: filter.To, Limit: filter.Limit,
		})
		if err != nil {
			return sheet{}, err
		}
		list := view.NewEvidenceList(r.limit, proofs, lists...)
		header := table.Row{"id", "window", "wallet", "kind", "culprit", "messages", "proof"}
		return sheet{list, list.More, header, evidenceRows(list)}, nil
	})
}

// evidenceRows merges what a list has of faults and of proofs, the newest window first.
func evidenceRows(list view.EvidenceList) []table.Row {
	faults := rowsOf(list.Evidence, func(e view.Evidence) table.Row {
		return table.Row{e.Fault, e.Window, e.Wallet, e.Kind, e.Culprit, e.Messages, worth(e)}
	})
	proofs := rowsOf(list.Proofs, func(p view.StoredProof) table.Row {
		wallet := "-"
		if p.Wallet != nil {
			wallet = p.Wallet.String()
		}
		return table.Row{p.ID, p.Window, wallet, p.Kind, p.Culprit, 2, "stored"}
	})
	rows := append(faults, proofs...)
	slices.SortStableFunc(rows, func(a, b table.Row) int {
		return cmp.Compare(b[1].(chain.Height), a[1].(chain.Height)) //nolint:forcetypeassert // made above
	})
	return rows
}

// worth says whether evidence is a proof, and if not, why not.
func worth(e view.Evidence) string {
	if e.Why != nil {
		return printable(*e.Why)
	}
	if e.ProofID != nil {
		return "two statements: " + *e.ProofID
	}
	return "two statements"
}

func showEvidence(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return reading(c, one, func(from source) error {
		id := c.Args().First()
		proof, err := from.Proof(c.Context, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return showFaultsEvidence(c, from, id)
		case err != nil:
			return err
		case c.Bool("json"):
			return writeJSON(c.App.Writer, proof)
		}
		var out strings.Builder
		fmt.Fprintf(&out, "stored proof\n")
		writeProof(&out, proof.Proof)
		origin := "found here"
		if proof.From != nil {
			origin = "told by " + proof.From.String()
		}
		fmt.Fprintf(&out, "  stored    at block %d, %s; %s\n", proof.Block, proof.StoredAt, origin)
		if proof.Fault != nil {
			fmt.Fprintf(&out, "  fault     %s\n", *proof.Fault)
		}
		for _, holder := range proof.Holders {
			fmt.Fprintf(&out, "  held by   %v\n", holder)
		}
		_, err = io.WriteString(c.App.Writer, out.String())
		return err
	})
}

func showFaultsEvidence(c *cli.Context, from source, id string) error {
	fault, err := from.Fault(c.Context, id)
	if errors.Is(err, store.ErrNotFound) {
		return lost(fmt.Errorf("%w: neither a proof nor a fault has the ID %q", store.ErrNotFound, id), "evidence list")
	}
	if err != nil {
		return err
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
		_, err = c.App.Writer.Write(proof)
		return err
	}
	return writeNew(name, proof)
}

// storedProof returns a proof as the store has it. Of a fault that has none there it is made from the fault's messages, for the chain
// that the store is of.
func storedProof(c *cli.Context, id string) (encoded []byte, err error) {
	cfg, err := readConfig(c)
	if err != nil {
		return nil, err
	}
	err = inStore(c, cfg, func(r *store.Reader) (err error) { encoded, err = proofIn(c, r, id); return err })
	return encoded, err
}

func proofIn(c *cli.Context, r *store.Reader, id string) ([]byte, error) {
	stored, err := r.Proof(c.Context, id)
	if !errors.Is(err, store.ErrNotFound) {
		return stored.Encoded, err
	}
	record, err := r.Fault(c.Context, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, lost(fmt.Errorf("%w: neither a proof nor a fault has the ID %q", store.ErrNotFound, id), "evidence list")
	}
	if err != nil {
		return nil, err
	}
	if record.Proof != "" {
		stored, err = r.Proof(c.Context, record.Proof)
		return stored.Encoded, err
	}
	both, err := evidence.OfFault(record.Fault)
	if err != nil {
		return nil, fmt.Errorf("fault %s: %w", id, err)
	}
	chainID, err := r.ChainID(c.Context)
	if err != nil {
		return nil, err
	}
	proof, err := evidence.Prove(chainID, both[0], both[1])
	if err != nil {
		return nil, err
	}
	return proof.Encode(), nil
}

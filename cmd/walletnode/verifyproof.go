package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/view"
)

// The exit codes of evidence verify. No other command's failures share the first one's meaning here: whatever keeps a
// proof from being judged is codeUnusable, so that codeInvalid says something about the proof.
const (
	codeInvalid  = codeFailure
	codeUnusable = codeUsage
)

func verifyProofCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check a proof against a list of the wallet's operators, without a node, a store or a network",
		ArgsUsage: "FILE",
		Description: `A list of operators is {"chain": ID, "walletPublicKey": hex, "operators": [EIP-55 address per seat]}; it alone has to be` + "\n" +
			"trusted, so take it from the chain or from a wallet's manifest, and not from whoever sent the proof.\n" +
			"A record (\"wallets record\") needs less trust: everybody it names has signed it, so that nobody is named who is not of the\n" +
			"wallet by its own word. That the wallet is the one on the chain, its key tells.\n" +
			"A proof shows that one key signed two things of which an honest operator signs one. It does not show why.\n\n" +
			"Exit code 0: the proof is valid. 1: it is invalid, and proves nothing to anybody. 2: it cannot be judged by what was given;\n" +
			"it is about another wallet or chain, or a file could not be read. docs/schemas describes the list and the answer of --json.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "operators", Usage: "the list of operators, a `FILE`"},
			&cli.StringFlag{Name: "record", Usage: "in its place, a `FILE` that all of them have signed"},
			jsonFlag(),
		},
		Action: verifyProof,
	}
}

func verifyProof(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	operators, record, proof := c.String("operators"), c.String("record"), c.Args().First()
	switch {
	case operators == "" && record == "":
		return usageErrorf("evidence verify needs --operators FILE, or --record FILE: a proof is judged by the wallet's list of operators")
	case operators != "" && record != "":
		return usageErrorf("evidence verify: give --operators or --record, not both")
	case operators+record == "-" && proof == "-":
		return usageErrorf("evidence verify: the proof and the list of operators cannot both be stdin")
	}
	answer := view.NewProofVerdict(judgeFiles(c.App.Reader, proof, operators, record))
	return judged(show(c, answer, writeVerdict), answer.Verdict, evidence.Valid, evidence.Invalid)
}

// judgeFiles verifies the proof of one file by the list of another, or by a record.
func judgeFiles(stdin io.Reader, proof, operators, record string) (evidence.Proof, error) {
	trusted, err := readTrusted(stdin, operators, record)
	if err != nil {
		return evidence.Proof{}, err
	}
	data, err := readBounded(stdin, proof, evidence.MaxProof)
	if err != nil {
		return evidence.Proof{}, err
	}
	return evidence.Verify(data, trusted)
}

// readBounded reads a file, or stdin for -, up to one byte more than a bound: enough to see that it is too long.
func readBounded(stdin io.Reader, name string, most int64) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, most+1))
	}
	file, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read from
	return io.ReadAll(io.LimitReader(file, most+1))
}

func writeVerdict(w io.Writer, v view.ProofVerdict) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s", v.Verdict)
	if v.Detail != nil {
		fmt.Fprintf(&out, ": %s", printable(*v.Detail))
	}
	out.WriteByte('\n')
	if p := v.Proof; p != nil {
		writeProof(&out, *p)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

func walletRecordCommand() *cli.Command {
	return &cli.Command{
		Name:      "record",
		Usage:     "write what every operator of a wallet has signed about it when its key was generated",
		ArgsUsage: "HASH",
		Description: "The record holds the chain, the wallet's key and who holds its seats, signed by each of them: \"evidence verify --record\"\n" +
			"takes it in place of a list of operators. It is binary, and secret to nobody. Wallets that were imported have none.\n" +
			"The store is read whether or not a node runs.",
		Flags:  []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to this new `FILE` instead of stdout"}},
		Action: writeWalletRecord,
	}
}

func writeWalletRecord(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	id, err := chain.ParseWalletID(c.Args().First())
	if err != nil {
		return exit(codeUsage, err)
	}
	name := c.String("output")
	if name == "" && isTerminal(c.App.Writer) {
		return usageErrorf("a record is binary: name a file with --output, or redirect stdout")
	}
	record, err := storedRecord(c, id)
	if err != nil {
		return err
	}
	if name == "" || name == "-" {
		_, err = c.App.Writer.Write(record)
		return err
	}
	return writeNew(name, record)
}

// storedRecord makes a wallet's record of the attestations in the store.
func storedRecord(c *cli.Context, wallet chain.WalletID) (record []byte, err error) {
	cfg, err := readConfig(c)
	if err != nil {
		return nil, err
	}
	err = inStore(c, cfg, func(r *store.Reader) (err error) { record, err = recordIn(c, r, wallet); return err })
	return record, err
}

func recordIn(c *cli.Context, r *store.Reader, wallet chain.WalletID) ([]byte, error) {
	rows, err := r.Keygens(c.Context)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Wallet != wallet || row.State != keygen.Active {
			continue
		}
		whole, _, err := r.Keygen(c.Context, row.Session)
		if err != nil {
			return nil, err
		}
		inv, err := keygen.ReadInvitation(whole.Invitation)
		if err != nil {
			return nil, fmt.Errorf("key generation %v: %w", row.Session, err)
		}
		return keygen.MakeRecord(inv.Roster, whole.Attestations)
	}
	return nil, lost(fmt.Errorf("%w: this node took part in no generation of wallet %v's key", store.ErrNotFound, wallet), "wallets list")
}

// readTrusted reads who a verifier trusts to hold a wallet's seats: a list of operators, or a record that they have signed.
func readTrusted(stdin io.Reader, list, record string) (evidence.Operators, error) {
	if record == "" {
		data, err := readBounded(stdin, list, evidence.MaxOperators)
		if err != nil {
			return evidence.Operators{}, err
		}
		return evidence.ParseOperators(data)
	}
	data, err := readBounded(stdin, record, keygen.MaxRecord)
	if err != nil {
		return evidence.Operators{}, err
	}
	read, err := keygen.OpenRecord(data)
	if err != nil {
		return evidence.Operators{}, evidence.NoOperators(err)
	}
	wallet, err := read.Wallet()
	if err != nil {
		return evidence.Operators{}, evidence.NoOperators(err)
	}
	return evidence.Operators{Chain: read.ChainID, Wallet: wallet}, nil
}

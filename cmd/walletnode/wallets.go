package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
)

func walletsCommand() *cli.Command {
	return group("wallets", "the wallets this node takes part in",
		&cli.Command{
			Name:      "import",
			Usage:     "take part in wallets from the next window on",
			ArgsUsage: "FILE...",
			Description: `A FILE (or - for stdin) is a manifest: {"publicKey": hex, "operators": [EIP-55 address per seat]}.` +
				"\nNothing is imported unless every manifest is sound. The node may run meanwhile.",
			Action: importWallets,
		},
		&cli.Command{
			Name:   "list",
			Usage:  "list the wallets",
			Flags:  []cli.Flag{jsonFlag()},
			Action: listWallets,
		},
	)
}

func importWallets(c *cli.Context) error {
	if err := arguments(c, 1, -1); err != nil {
		return err
	}
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	if err := setupLogging(cfg, os.Environ()); err != nil {
		return err
	}
	wallets, err := readManifests(c)
	if err != nil {
		return err
	}
	importer, err := store.OpenImporter(c.Context, cfg.StoreDSN(), logger("store"))
	if err != nil {
		return err
	}
	return errors.Join(storeWallets(c, importer, wallets), importer.Close())
}

func readManifests(c *cli.Context) ([]chain.Wallet, error) {
	var wallets []chain.Wallet
	var errs []error
	for _, name := range c.Args().Slice() {
		wallet, err := readManifest(c.App.Reader, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		wallets = append(wallets, wallet)
	}
	return wallets, errors.Join(errs...)
}

func readManifest(stdin io.Reader, name string) (chain.Wallet, error) {
	if name == "-" {
		return coordination.ParseManifest(stdin)
	}
	file, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return chain.Wallet{}, err
	}
	defer file.Close() //nolint:errcheck // only read from
	return coordination.ParseManifest(file)
}

func storeWallets(c *cli.Context, importer *store.Importer, wallets []chain.Wallet) error {
	for _, wallet := range wallets {
		if err := importer.ImportWallet(c.Context, wallet, time.Now()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.App.Writer, "%v imported: %d seats, %d operators\n", wallet.ID(), wallet.Seats(), len(wallet.Operators()))
		if err != nil {
			return err
		}
	}
	return nil
}

// walletJSON is a wallet for tools.
type walletJSON struct {
	Wallet     chain.WalletID   `json:"wallet"`     // public key hash
	PublicKey  string           `json:"public_key"` // uncompressed
	Channel    string           `json:"channel"`
	Operators  []chain.Operator `json:"operators"` // one per seat, in seat order
	ImportedAt string           `json:"imported_at"`
	Archived   bool             `json:"archived"` // no part is taken in its windows any more
}

func listWallets(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return reading(c, func(r *store.Reader) error {
		records, err := r.AllWallets(c.Context)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, map[string]any{"wallets": walletsJSON(records)})
		}
		rows := make([]table.Row, len(records))
		for i, w := range records {
			state := "active"
			if w.Archived {
				state = "archived"
			}
			rows[i] = table.Row{w.ID(), w.Seats(), len(w.Operators()), state, rfc3339(w.ImportedAt)}
		}
		return writeTable(c.App.Writer, table.Row{"wallet", "seats", "operators", "state", "imported"}, rows)
	})
}

func walletsJSON(records []store.WalletRecord) []walletJSON {
	list := make([]walletJSON, len(records))
	for i, w := range records {
		list[i] = walletJSON{
			Wallet:     w.ID(),
			PublicKey:  w.Key().String(),
			Channel:    wire.ChannelName(w.Key()),
			Operators:  w.Roster(),
			ImportedAt: rfc3339(w.ImportedAt),
			Archived:   w.Archived,
		}
	}
	return list
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
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
			Usage:  "list the wallets, with the instance that serves each",
			Flags:  []cli.Flag{jsonFlag()},
			Action: listWallets,
		},
		&cli.Command{
			Name:      "show",
			Usage:     "show one wallet with its seats",
			ArgsUsage: "HASH",
			Flags:     []cli.Flag{jsonFlag()},
			Action:    showWallet,
		},
		walletRecordCommand(),
		walletProofCommand(),
		createWalletCommand(),
		pendingCommand(),
		acceptCommand(),
		declineCommand(),
		servingCommand(),
		haltedCommand(),
		resumeCommand(),
	)
}

func importWallets(c *cli.Context) error {
	if err := arguments(c, 1, -1); err != nil {
		return err
	}
	cfg, err := loggedConfig(c)
	if err != nil {
		return err
	}
	wallets, err := readManifests(c)
	if err != nil {
		return exit(codeUsage, err) // the command line names what is no manifest
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

func listWallets(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return listing(c, reach{limit: one}, func(from source) (sheet, error) {
		list, err := from.Wallets(c.Context)
		header := table.Row{"wallet", "seats", "operators", "state", "owner", "epoch", "imported", "signer", "unsignable"}
		return sheet{list, false, header, rowsOf(list.Wallets, func(w view.Wallet) table.Row {
			return table.Row{w.Wallet, len(w.Operators), w.Distinct(), walletState(w), cell(w.Owner), cell(w.Epoch), w.ImportedAt, cell(w.Signer), printable(cell(w.Unsignable))}
		})}, err
	})
}

func walletState(w view.Wallet) string {
	switch {
	case w.Archived:
		return "archived"
	case w.Halted != nil:
		return "halted"
	}
	return "active"
}

// signedBy says which signer holds the wallet's shares, and why it cannot be signed for.
func signedBy(w view.Wallet) string {
	text := fmt.Sprintf("  signer    %s\n", cell(w.Signer))
	if g := w.Generated; g != nil {
		text += fmt.Sprintf("  generated %s, %s, %d of %d seats sign\n            session %s, invited by %v\n",
			g.At, g.Scheme, g.Threshold, len(w.Operators), g.Session, g.By)
	}
	if w.Unsignable != nil {
		text += fmt.Sprintf("  unsignable: %s\n", printable(*w.Unsignable))
	}
	return text
}

func showWallet(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	id, err := chain.ParseWalletID(c.Args().First())
	if err != nil {
		return exit(codeUsage, err)
	}
	return reading(c, one, func(from source) error {
		w, err := from.Wallet(c.Context, id)
		if err != nil {
			return lost(err, "wallets list")
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, w)
		}
		var out strings.Builder
		fmt.Fprintf(&out, "wallet %v\n  state     %s\n  owner     %s, epoch %s\n  imported  %s\n  key       %s\n  channel   %s\n",
			w.Wallet, walletState(w), cell(w.Owner), cell(w.Epoch), w.ImportedAt, w.PublicKey, w.Channel)
		fmt.Fprint(&out, signedBy(w))
		out.WriteString("  seats\n")
		for i, op := range w.Operators {
			fmt.Fprintf(&out, "    %3d     %v\n", i+1, op)
		}
		_, err = io.WriteString(c.App.Writer, out.String())
		return err
	})
}

package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
)

func archiveCommand() *cli.Command {
	return &cli.Command{
		Name:      "archive",
		Usage:     "take no part in a wallet from the next window on; its history stays",
		ArgsUsage: "WALLET",
		Description: "WALLET is the wallet's public key hash, as in \"wallets list\". The node may run meanwhile; an open window is seen\n" +
			"through to its end.",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "undo", Usage: "take part again"}},
		Action: archiveWallet,
	}
}

func archiveWallet(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	id, err := chain.ParseWalletID(c.Args().First())
	if err != nil {
		return exit(codeUsage, err)
	}
	cfg, err := loggedConfig(c)
	if err != nil {
		return err
	}
	// The importer would make a store where there is none.
	if r, err := store.OpenReader(c.Context, cfg.StoreDSN()); err == nil {
		if err := r.Close(); err != nil {
			return err
		}
	} else if errors.Is(err, store.ErrNotFound) {
		return err
	}
	importer, err := store.OpenImporter(c.Context, cfg.StoreDSN(), logger("store"))
	if err != nil {
		return err
	}
	archived := !c.Bool("undo")
	if err := errors.Join(importer.ArchiveWallet(c.Context, id, archived), importer.Close()); err != nil {
		return lost(err, "wallets list")
	}
	state := "archived"
	if !archived {
		state = "active again"
	}
	_, err = fmt.Fprintf(c.App.Writer, "%v is %s, from the next window on\n", id, state)
	return err
}

// with adds commands to a group.
func with(to *cli.Command, commands ...*cli.Command) *cli.Command {
	to.Subcommands = append(to.Subcommands, commands...)
	return to
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "derive seed, leader and checklist of a window again and compare them with what was recorded",
		ArgsUsage: "BLOCK",
		Description: "The seed block is read from ethereum.url or another --endpoint, whose hash of the block is computed, not believed.\n" +
			"Exit code 6 if something differs. Of a window whose seed this node could not read at the time nothing was recorded,\n" +
			"and there is nothing to differ.",
		Flags: []cli.Flag{walletFlag(), endpointFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			at, wallet, err := windowOf(c)
			if err != nil {
				return err
			}
			v, err := verifyWindow(c, at, wallet)
			if err != nil {
				return err
			}
			err = show(c, v, writeVerification)
			if err == nil && !v.OK {
				return exit(codeFailed, fmt.Errorf("window %d differs from what was recorded", at))
			}
			return err
		},
	}
}

func verifyWindow(c *cli.Context, at chain.Height, wallet *chain.WalletID) (v view.Verification, err error) {
	cfg, err := loggedConfig(c)
	if err != nil {
		return v, err
	}
	var trace view.Trace
	var wallets view.Wallets
	err = reading(c, one, func(from source) error {
		if trace, err = from.Window(c.Context, at, wallet); err != nil {
			return lost(err, "windows list")
		}
		wallets, err = from.Wallets(c.Context)
		return err
	})
	if err != nil {
		return v, err
	}
	if len(trace.Wallets) == 0 {
		return v, lost(fmt.Errorf("%w: no wallet took part in window %d", store.ErrNotFound, at), "windows list")
	}
	w, _ := coordination.RFC12().Window(at)
	endpoint, err := seedEndpoint(c, cfg)
	if err != nil {
		return v, err
	}
	header, err := readHeader(c.Context, endpoint, w.SeedBlock)
	if err != nil {
		return v, fmt.Errorf("read seed block %d: %w", w.SeedBlock, err)
	}
	return view.NewVerification(trace, wallets.Wallets, w, header.Hash)
}

// readHeader reads one header from an endpoint.
func readHeader(ctx context.Context, endpoint ethereum.Config, h chain.Height) (chain.Header, error) {
	client, err := ethereum.Dial(ctx, endpoint, logger("chain"))
	if err != nil {
		return chain.Header{}, err
	}
	defer client.Close()
	header, err := client.Header(ctx, h)
	if errors.Is(err, chain.ErrNotFound) {
		return chain.Header{}, fmt.Errorf("the endpoint does not have it: %w", err)
	}
	return header, err
}

func writeVerification(w io.Writer, v view.Verification) error {
	var out strings.Builder
	fmt.Fprintf(&out, "window %d, seed block %d, hash %v\n", v.Window, v.SeedBlock, v.SeedHash)
	for _, wallet := range v.Wallets {
		fmt.Fprintf(&out, "\nwallet %v\n  leader    %v\n  seed      %s\n  checklist %s\n",
			wallet.Wallet, wallet.Leader, wallet.Seed, strings.Join(wallet.Checklist, ", "))
		switch {
		case !wallet.Recorded:
			out.WriteString("  recorded  nothing\n")
		case len(wallet.Differences) == 0:
			out.WriteString("  recorded  the same\n")
		}
		for _, difference := range wallet.Differences {
			fmt.Fprintf(&out, "  DIFFERS   %s\n", difference)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

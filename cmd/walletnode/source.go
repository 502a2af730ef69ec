package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// source is where commands read what is recorded. A limit of 0 is none; store.ErrNotFound says that there is no such
// record.
type source interface {
	Windows(ctx context.Context, filter store.WindowFilter) (view.Windows, error)
	Window(ctx context.Context, block chain.Height, wallet *chain.WalletID) (view.Trace, error)
	Faults(ctx context.Context, filter faults.Filter) (view.Faults, error)
	Fault(ctx context.Context, id string) (view.Fault, error)
	Wallets(ctx context.Context) (view.Wallets, error)
}

// reading gives a command the source it reads from, for as long as it runs.
func reading(c *cli.Context, read func(source) error) error {
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	r, err := store.OpenReader(c.Context, cfg.StoreDSN())
	if err != nil {
		return err
	}
	return errors.Join(read(view.Records{Store: *r}), r.Close())
}

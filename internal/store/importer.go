package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Importer changes the wallet registry from outside the node, while it runs or before its first start.
type Importer struct{ store *Store }

// OpenImporter opens a store for importing wallets. If a node is running on it, both write to it; if none is, the store is
// created or migrated as needed and, if it is embedded, stays locked until Close. A store created so is bound to a chain by the
// node's first start.
func OpenImporter(ctx context.Context, dsn string, log *slog.Logger) (*Importer, error) {
	at, err := parsePlace(dsn)
	if err != nil {
		return nil, err
	}
	s, err := openIdle(ctx, at, log)
	if errors.Is(err, ErrLocked) {
		s, err = openBeside(ctx, at, log)
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", at, classify(err))
	}
	return &Importer{s}, nil
}

// openIdle opens a store that no node runs on. In a shared database nothing keeps one from being started a moment later: who
// must not meet one looks at each row again.
func openIdle(ctx context.Context, at engine, log *slog.Logger) (*Store, error) {
	process, held, err := at.holder(ctx)
	if err == nil && held {
		err = fmt.Errorf("%w %s", ErrLocked, process)
	}
	if err != nil {
		return nil, err
	}
	return openLocked(ctx, at, binding{}, log)
}

// openBeside opens a store that a running node has made, without its lock.
func openBeside(ctx context.Context, at engine, log *slog.Logger) (*Store, error) {
	r, err := openReader(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return assemble(ctx, at, log)
}

// ImportWallet is Store.ImportWallet.
func (i *Importer) ImportWallet(ctx context.Context, w chain.Wallet, at time.Time) error {
	return i.store.ImportWallet(ctx, w, at)
}

// ArchiveWallet is Store.ArchiveWallet.
func (i *Importer) ArchiveWallet(ctx context.Context, id chain.WalletID, archived bool) error {
	return i.store.ArchiveWallet(ctx, id, archived)
}

// Close ends the import.
func (i *Importer) Close() error { return i.store.Close() }

package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/walletnode/walletnode/chain"
)

var errUnbound = fmt.Errorf("%w: the store belongs to no chain yet, a node binds it when it starts", ErrNotFound)

// ChainID returns the ID of the chain that the store is bound to (rule R1). ErrNotFound before a node's first start, which
// binds it.
func (r Reader) ChainID(ctx context.Context) (uint64, error) {
	bound, err := readBinding(ctx, r.db)
	if err != nil {
		return 0, wrap("read the store's chain", err)
	}
	id, _, err := bound.chain()
	return id, err
}

// BoundTo returns the chain that the store at a place is bound to (rule R1): its ID and the hash of its block 0. It is for
// who is about to open the store, so it reads one of an older schema as well, which Open migrates. It changes nothing.
// ErrNotFound if there is no store, or one that no node has started with.
func BoundTo(ctx context.Context, dsn string) (chainID uint64, genesis chain.Hash, err error) {
	at, err := parsePlace(dsn)
	if err != nil {
		return 0, chain.Hash{}, err
	}
	bound, err := bindingAt(ctx, at)
	if err == nil {
		chainID, genesis, err = bound.chain()
	}
	if err != nil {
		return 0, chain.Hash{}, fmt.Errorf("read the chain of store %s: %w", at, classify(err))
	}
	return chainID, genesis, nil
}

// bindingAt reads the binding of a store that may not exist, and may be of any version.
func bindingAt(ctx context.Context, at engine) (bound binding, err error) {
	if there, err := at.exists(ctx); err != nil || !there {
		return binding{}, err
	}
	db, err := at.reader(ctx)
	if err != nil {
		return binding{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	version, err := at.version(ctx, db)
	if err != nil || version == 0 {
		return binding{}, err
	}
	if err := admit(ctx, db, version); err != nil {
		return binding{}, err
	}
	return readBinding(ctx, db)
}

// chain reads the binding's text.
func (b binding) chain() (id uint64, genesis chain.Hash, err error) {
	if b == (binding{}) {
		return 0, chain.Hash{}, errUnbound
	}
	if id, err = strconv.ParseUint(b.chainID, 10, 64); err != nil {
		return 0, chain.Hash{}, fmt.Errorf("%w: the store's chain ID: %w", ErrCorrupt, err)
	}
	if genesis, err = chain.ParseHash(b.genesis); err != nil {
		return 0, chain.Hash{}, fmt.Errorf("%w: the store's first block: %w", ErrCorrupt, err)
	}
	return id, genesis, nil
}

package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
)

// ErrUnvouched says that the chain endpoints do not agree on which chain they serve, while the store is new: it would be
// bound to one endpoint's word for good. A later start may find them agreed.
var ErrUnvouched = errors.New("a new store is bound to no chain without a quorum of endpoints")

// ErrSilentChain says that the chain's endpoint did not tell which chain it serves. A later start may find it well.
var ErrSilentChain = errors.New("the chain endpoint does not tell its chain")

// identity is the chain that the node follows: its ID and the hash of its block 0.
type identity struct {
	chainID uint64
	genesis chain.Hash
}

// identify asks which chain this is. dsn is the store's: where the endpoints do not agree, a store that was bound before says it: a node that
// ran must start again while most of its endpoints are away. Only a new store has nothing but the endpoints.
func (f *followed) identify(ctx context.Context, dsn string, log *slog.Logger) (identity, error) {
	told, unagreed := f.ask(ctx)
	if !errors.Is(unagreed, chain.ErrNoQuorum) {
		return told, unagreed
	}
	var bound identity
	var err error
	bound.chainID, bound.genesis, err = store.BoundTo(ctx, dsn)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return identity{}, fmt.Errorf("%w: %w", ErrUnvouched, unagreed)
	case err != nil:
		return identity{}, err
	}
	if told.chainID != 0 { // configured, or agreed: the store compares it with its own
		bound.chainID = told.chainID
	}
	log.Warn("The chain endpoints do not agree on the first block: taking the one the store is bound to",
		"chain_id", bound.chainID, "genesis", bound.genesis, "error", unagreed)
	return bound, nil
}

// ask asks the chain itself. What it could not tell is zero.
func (f *followed) ask(ctx context.Context) (told identity, err error) {
	if told.chainID, err = f.source.ChainID(ctx); err != nil {
		return told, unanswered(ctx, fmt.Errorf("read the chain's ID: %w", err))
	}
	if told.genesis, err = f.source.Genesis(ctx); err != nil {
		return told, unanswered(ctx, fmt.Errorf("read the chain's first block: %w", err))
	}
	return told, nil
}

// unanswered marks a question as one that the endpoint could not or would not answer, unless we gave it up ourselves or
// answers there were, and did not agree.
func unanswered(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, chain.ErrNoQuorum) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrSilentChain, err)
}

package store

import (
	"context"
	"fmt"
	"strconv"
)

// ChainID returns the ID of the chain that the store is bound to (rule R1). ErrNotFound before a node's first start, which
// binds it.
func (r Reader) ChainID(ctx context.Context) (uint64, error) {
	bound, err := readBinding(ctx, r.db)
	if err != nil {
		return 0, wrap("read the store's chain", err)
	}
	if bound == (binding{}) {
		return 0, fmt.Errorf("%w: the store belongs to no chain yet, a node binds it when it starts", ErrNotFound)
	}
	id, err := strconv.ParseUint(bound.chainID, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the store's chain: %w", err)
	}
	return id, nil
}

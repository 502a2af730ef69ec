package devnet

import (
	"context"
	"errors"
	"log/slog"

	"github.com/walletnode/walletnode/internal/rpcfault"
)

// openEndpoints makes an operator's own endpoints in front of the chain's, healthy ones. The first is the primary.
func (o *operator) openEndpoints(ctx context.Context, upstream string, n int, log *slog.Logger) error {
	for range n {
		p, err := rpcfault.New(ctx, upstream, log)
		if err != nil {
			return err
		}
		o.endpoints = append(o.endpoints, p)
		if _, err := p.Set(ctx, sound()); err != nil {
			return err
		}
	}
	return nil
}

// closeEndpoints ends them; the operator's node has ended.
func (o *operator) closeEndpoints() error {
	var errs []error
	for _, p := range o.endpoints {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

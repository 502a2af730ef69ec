package quorum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// sender is an endpoint that transactions are sent to.
type sender struct {
	*link
	name string
}

var errNoSender = errors.New("no chain endpoint takes transactions")

// Broadcast sends a signed transaction to every healthy endpoint that takes transactions and to those that do nothing
// else; to every one that takes them if none of these is healthy. It returns with the first that accepts it; the others
// go on for as long as a decision may take, also after ctx has ended: the transaction is out, and the more know it the
// better. What single endpoints say against it is logged; if all do, the error names each.
func (p *Pool) Broadcast(ctx context.Context, raw []byte) (chain.Hash, error) {
	type reply struct {
		hash chain.Hash
		err  error
	}
	senders := p.state.Load().senders
	replies, sent := make(chan reply, len(senders)), 0
	for _, s := range senders {
		if !s.enter() {
			continue
		}
		sent++
		go func() {
			defer s.leave()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.config.decisionDeadline())
			defer cancel()
			began := time.Now()
			hash, err := s.endpoint.Broadcast(ctx, raw)
			s.count(err, time.Since(began))
			if err != nil {
				p.log.Warn("Endpoint did not take a transaction", "endpoint", s.name, "error", err)
				err = fmt.Errorf("%s: %w", s.name, err)
			}
			replies <- reply{hash, err}
		}()
	}
	refusals := []error{errNoSender}
	for i := range sent {
		select {
		case r := <-replies:
			if r.err == nil {
				return r.hash, nil
			}
			refusals = append(refusals[:i], r.err)
		case <-ctx.Done():
			return chain.Hash{}, ctx.Err()
		}
	}
	return chain.Hash{}, fmt.Errorf("send transaction: %w", errors.Join(refusals...))
}

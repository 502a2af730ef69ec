package devnet

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
)

// unspoken is why a window cannot go on whose leaders are waited for at a stand.
const unspoken = "not everybody has heard the leaders"

// restart kills a node's process within the active phase, once it has spoken where it leads and heard the leader where
// it does not; and starts the node again some blocks later. The chain stands still for it, within a bound.
func (a *act) restart(ctx context.Context, o *operator, bound time.Duration) error {
	at := a.window.Block + restartAfter
	if err := a.standStill(ctx, at); err != nil {
		return err
	}
	if err := atAStand(ctx, bound, unspoken, func() (bool, error) { return a.underWay(ctx, o) }); err != nil {
		return err
	}
	victim, ok := o.running.(*process)
	if !ok {
		return errors.New("the node to be killed is no process of its own")
	}
	o.running = nil
	if err := victim.kill(); err != nil {
		return err
	}
	if err := a.standStill(ctx, at+downFor); err != nil {
		return err
	}
	if err := o.start(ctx, a.fail); err != nil {
		return err
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	a.deeds = append(a.deeds, deed{Kind: deedRestart, Operator: o.address, From: at, To: a.chain.Height()})
	return nil
}

// startLate starts a node within the active phase. The chain stands still until it has opened the window,
// within a bound.
func (a *act) startLate(ctx context.Context, o *operator, bound time.Duration) error {
	at := a.window.Block + lateBy
	if err := a.standStill(ctx, at); err != nil {
		return err
	}
	if err := o.start(ctx, a.fail); err != nil {
		return err
	}
	if err := a.gather(ctx); err != nil {
		return err
	}
	if err := atAStand(ctx, bound, "the node that started late does not open the window", func() (bool, error) {
		detail, err := o.record(ctx, a.window.Block)
		return detail.Opened != nil, err
	}); err != nil {
		return err
	}
	a.deeds = append(a.deeds, deed{Kind: deedLateStart, Operator: o.address, From: a.window.Block, To: at})
	return nil
}

// reorg replaces the chain's newest blocks, once everybody has heard the leaders, for which the chain stands still within a bound.
func (a *act) reorg(ctx context.Context, bound time.Duration) error {
	at := a.window.Block + reorgAfter
	if err := a.standStill(ctx, at); err != nil {
		return err
	}
	for _, o := range a.operators {
		if err := atAStand(ctx, bound, unspoken, func() (bool, error) { return a.underWay(ctx, o) }); err != nil {
			return err
		}
	}
	before, err := a.chain.Header(a.window.Block)
	if err != nil {
		return err
	}
	if err := a.chain.Fork(ctx, a.window.Block-reorgBelow, reorgBelow+reorgAfter); err != nil {
		return err
	}
	after, err := a.chain.Header(a.window.Block)
	if err != nil {
		return err
	}
	a.deeds = append(a.deeds, deed{Kind: deedReorg, From: at, To: at, Replaced: [2]chain.Hash{before.Hash, after.Hash}})
	return nil
}

// standStill lets the chain come to a height and stand still there.
func (a *act) standStill(ctx context.Context, at chain.Height) error {
	if err := a.chain.Hold(ctx, at); err != nil {
		return err
	}
	return a.clock.Until(ctx, at)
}

// underWay reports whether, for every wallet, what the node's part is in spreading the leader's message has been done:
// all others have heard it where it leads, and it has heard the leader where it does not.
func (a *act) underWay(ctx context.Context, o *operator) (bool, error) {
	for _, e := range a.elections {
		listeners := []*operator{o}
		if e.leader == o.address {
			listeners = slices.DeleteFunc(slices.Clone(a.operators), func(other *operator) bool { return other == o })
		}
		for _, listener := range listeners {
			detail, err := listener.record(ctx, a.window.Block)
			if err != nil || !heard(detail, e) {
				return false, err
			}
		}
	}
	return true, nil
}

// heard reports whether a node has recorded a message of a wallet's leader.
func heard(detail store.WindowDetail, e election) bool {
	return slices.ContainsFunc(detail.Wallets, func(row store.WalletDetail) bool {
		return row.Wallet == e.wallet.ID() && slices.ContainsFunc(row.Statements, func(s coordination.Statement) bool {
			return s.Author == e.leader
		})
	})
}

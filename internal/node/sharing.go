package node

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/proposal/action"
)

// lastWords is how long a node that stops keeps its wallets, so that what has ended here is recorded here. Hand-over is
// to take a second at most, and a sibling looks for orphans four times in one.
const lastWords = 500 * time.Millisecond

// share assembles what the instances of an operator share: of an only one, its bans; of one of many, its session, the keeper
// of wallets and the guard.
func (n *Node) share() (err error) {
	if n.lists, err = n.openLists(); err != nil || n.cfg.Cluster == nil {
		return err
	}
	return n.join()
}

// join makes the node one of many instances.
func (n *Node) join() (err error) {
	log := n.cfg.Logger("cluster")
	if n.siblings, err = newSiblings(siblingsConfig{
		ClusterConfig: *n.cfg.Cluster, Home: n.home, Store: n.store, SetWish: n.lists.store.SetWish, Halts: n.lists.halts, Watch: n.lists.watch,
		Wallets: n.walletIDs, Height: n.chain.height, Ill: n.ill, Logger: log,
	}); err != nil {
		return err
	}
	n.guard = newGuard(guardConfig{
		Instance: string(n.cfg.Cluster.Instance), Own: n.store.Own, Sent: n.siblings.said, Doubt: n.siblings.doubt,
		Over: func(window chain.Height) bool {
			w, ok := coordination.RFC12().Window(window)
			return !ok || n.chain.clock.Height() >= w.End
		},
		Halt:  func(ctx context.Context, h shared.Halt) error { return n.change(n.lists.store.AddHalt(ctx, h)) },
		Halts: n.lists.halts, Alarm: func() { n.siblings.alarms.Add(1) }, Timeout: n.cfg.Cluster.Timing.Renewal, Logger: log,
	})
	return nil
}

// custodian says which wallets are served here, to those who run windows and to those who carry out actions.
type custodian interface {
	coordination.Custody
	action.Custody
}

// custody returns who says which wallets are served here, and the memory that they are served from.
func (n *Node) custody() (custodian, records) {
	if n.siblings == nil {
		return coordination.Alone{}, n.store
	}
	c := n.siblings.custody
	return c, fenced{records: n.store, pen: n.store.Under(c.fence), custody: c}
}

// voice returns what a wallet's executor speaks through and writes in.
func (n *Node) voice(wallet chain.WalletID, channel executor.Channel, log records) (executor.Channel, coordination.Journal) {
	var journal coordination.Journal = log
	if n.siblings != nil {
		m := newMouth(wallet, n.siblings.custody, n.siblings.desk, channel, log)
		channel, journal = m, m
	}
	if service := n.Evidence(); service != nil {
		journal = &witnessed{Journal: journal, contradicted: service.Proved}
	}
	return channel, journal
}

// runShared runs what the instances share until ctx ends. The session ends a moment later: what the node has brought to its
// end is stored first, and then the wallets are given back.
func (n *Node) runShared(ctx context.Context, g *errgroup.Group, written <-chan struct{}) {
	n.lists.run(ctx, g)
	if n.siblings == nil {
		return
	}
	session, end := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error {
		defer end()
		return n.siblings.Run(session)
	})
	g.Go(func() error {
		defer end()
		<-ctx.Done()
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-written:
		case <-timer.C:
		}
		return nil
	})
	g.Go(func() error { return n.guard.Run(ctx) })
	if n.chain.endpoints != nil {
		v := &verdicts{
			instance: string(n.cfg.Cluster.Instance), snapshot: n.chain.endpoints.Snapshot, set: n.lists.store.SetVerdicts,
			timeout: n.cfg.Cluster.Timing.Renewal, log: n.cfg.Logger("cluster"),
		}
		g.Go(func() error { return v.Run(ctx) })
	}
}

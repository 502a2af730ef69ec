package node

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal/action"
)

const (
	// lonelyPause is the time between two looks at the shared lists where nobody shares them: they change through this process,
	// which nudges the watch, or while it did not run.
	lonelyPause = 2 * time.Second
	// watchTimeout is how long one look at the shared lists is waited for.
	watchTimeout = 2 * time.Second
	// lastWords is how long a node that stops keeps its wallets, so that what has ended here is recorded here. Hand-over is
	// to take a second at most, and a sibling looks for orphans four times in one.
	lastWords = 500 * time.Millisecond
)

// banner is a network that keeps operators and peers away; a net.Host is one.
type banner interface{ SetBans(list []net.Ban) error }

// share assembles what the instances of an operator share: of an only one, its bans; of one of many, its session, the keeper
// of wallets and the guard.
func (n *Node) share() (err error) {
	n.shared, n.halts = n.store, newHalts()
	n.bans = &bans{read: n.shared.Bans, enforce: func([]shared.Ban) {}}
	if network, ok := n.network.(banner); ok {
		n.bans.enforce = func(list []shared.Ban) {
			if err := network.SetBans(netBans(list)); err != nil {
				n.cfg.Logger("net").Warn("Some bans cannot be", "error", err)
			}
		}
	}
	handlers := map[shared.Topic]func(context.Context) error{shared.TopicBans: n.bans.reread}
	if n.cfg.Bans.On {
		n.referee = &referee{
			cfg: n.cfg.Bans, self: n.cfg.Operator.Address, height: n.clock.Height, faults: n.store.Faults, banned: n.bans.banned,
			ban: func(ctx context.Context, b shared.Ban, lasts time.Duration) error {
				_, err := n.shared.AddBan(ctx, b, lasts)
				return n.change(err)
			},
			log: n.cfg.Logger("cluster"), woken: make(chan struct{}, 1),
		}
		handlers[shared.TopicFaults] = n.referee.look
	}
	pause := lonelyPause
	if n.cfg.Cluster != nil {
		pause = shared.Pause
		handlers[shared.TopicHalts] = n.rereadHalts
		handlers[shared.TopicWishes] = n.rereadWishes
		if n.endpoints != nil {
			n.opinions = &opinions{read: n.shared.Verdicts}
			handlers[shared.TopicVerdicts] = n.opinions.reread
		}
	}
	if n.watch, err = shared.NewWatch(shared.WatchConfig{
		Versions: n.shared.Versions, Handlers: handlers, Pause: pause, Timeout: watchTimeout, Logger: n.cfg.Logger("cluster"),
	}); err != nil || n.cfg.Cluster == nil {
		return err
	}
	return n.join()
}

// join makes the node one of many instances.
func (n *Node) join() (err error) {
	log := n.cfg.Logger("cluster")
	if n.siblings, err = newSiblings(siblingsConfig{
		ClusterConfig: *n.cfg.Cluster, Home: n.home, Store: n.store, SetWish: n.shared.SetWish, Halts: n.halts, Watch: n.watch,
		Wallets: n.walletIDs, Height: n.height, Ill: n.ill, Logger: log,
	}); err != nil {
		return err
	}
	n.guard = newGuard(guardConfig{
		Instance: string(n.cfg.Cluster.Instance), Own: n.store.Own, Sent: n.siblings.said, Doubt: n.siblings.doubt,
		Over: func(window chain.Height) bool {
			w, ok := coordination.RFC12().Window(window)
			return !ok || n.clock.Height() >= w.End
		},
		Halt:  func(ctx context.Context, h shared.Halt) error { return n.change(n.shared.AddHalt(ctx, h)) },
		Halts: n.halts, Alarm: func() { n.siblings.alarms.Add(1) }, Timeout: n.cfg.Cluster.Timing.Renewal, Logger: log,
	})
	return nil
}

func (n *Node) rereadHalts(ctx context.Context) error {
	asked := time.Now()
	list, err := n.shared.Halts(ctx)
	if err == nil {
		n.halts.list(list, asked)
	}
	return err
}

func (n *Node) rereadWishes(ctx context.Context) error {
	list, err := n.shared.Wishes(ctx)
	if err == nil {
		n.siblings.wished(list)
	}
	return err
}

// netBans translates the shared list for the network.
func netBans(list []shared.Ban) []net.Ban {
	bans := make([]net.Ban, len(list))
	for i, b := range list {
		bans[i] = net.Ban{Operator: b.Operator, Peer: b.Peer, Until: b.Until, Reason: b.Reason}
	}
	return bans
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
	g.Go(func() error { return n.watch.Run(ctx) })
	if n.referee != nil {
		g.Go(func() error { return n.referee.Run(ctx) })
	}
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
	if n.endpoints != nil {
		v := &verdicts{
			instance: string(n.cfg.Cluster.Instance), snapshot: n.endpoints.Snapshot, set: n.shared.SetVerdicts,
			timeout: n.cfg.Cluster.Timing.Renewal, log: n.cfg.Logger("cluster"),
		}
		g.Go(func() error { return v.Run(ctx) })
	}
}

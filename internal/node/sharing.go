package node

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// lastWords is how long a node that stops keeps its wallets, so that what has ended here is recorded here. Hand-over is
// to take a second at most, and a sibling looks for orphans four times in one.
const lastWords = 500 * time.Millisecond

// sharingConfig is what sharing needs of the node. Every field is required, except Cluster and Home: an only node has neither.
type sharingConfig struct {
	Operator keys.Operator
	Cluster  *ClusterConfig
	Home     *home
	Bans     AutomaticBans
	Store    *store.Store
	Chain    *followed
	Members  *membership
	// Network keeps away who is banned, if it is a banner.
	Network   Network
	Stage     *Stage
	StartedAt time.Time
	Logger    func(room string) *slog.Logger
}

// sharing is what the instances of an operator share, as this one has it: the lists, the wallets, and what each of them is asked to do. An
// only node has bans alone, and serves every wallet. It answers for all of that as api.Cluster and metrics.Instances; its fields do not
// change, and what they stand for locks for itself.
type sharing struct {
	cfg   sharingConfig
	lists lists
	// Of one of many instances, else nil.
	siblings *siblings
	guard    *guard
}

// newSharing assembles what the instances of an operator share: of an only one, its bans; of one of many, its session, the keeper
// of wallets and the guard.
func newSharing(cfg sharingConfig) (*sharing, error) {
	s := &sharing{cfg: cfg}
	var err error
	if s.lists, err = s.openLists(); err != nil || cfg.Cluster == nil {
		return s, err
	}
	return s, s.join()
}

// join makes the node one of many instances.
func (s *sharing) join() (err error) {
	log := s.cfg.Logger("cluster")
	if s.siblings, err = newSiblings(siblingsConfig{
		ClusterConfig: *s.cfg.Cluster, Home: s.cfg.Home, Store: s.cfg.Store, SetWish: s.lists.store.SetWish, Halts: s.lists.halts, Watch: s.lists.watch,
		Wallets: s.cfg.Members.walletIDs, Height: s.cfg.Chain.height, Ill: s.ill, Logger: log,
	}); err != nil {
		return err
	}
	s.guard = newGuard(guardConfig{
		Instance: string(s.cfg.Cluster.Instance), Own: s.cfg.Store.Own, Sent: s.siblings.said, Doubt: s.siblings.doubt,
		Over: func(window chain.Height) bool {
			w, ok := coordination.RFC12().Window(window)
			return !ok || s.cfg.Chain.clock.Height() >= w.End
		},
		Halt:  func(ctx context.Context, h shared.Halt) error { return s.change(s.lists.store.AddHalt(ctx, h)) },
		Halts: s.lists.halts, Alarm: func() { s.siblings.alarms.Add(1) }, Timeout: s.cfg.Cluster.Timing.Renewal, Logger: log,
	})
	return nil
}

// custodian says which wallets are served here, to those who run windows and to those who carry out actions.
type custodian interface {
	coordination.Custody
	action.Custody
}

// custody returns who says which wallets are served here, and the memory that they are served from.
func (s *sharing) custody() (custodian, records) {
	if s.siblings == nil {
		return coordination.Alone{}, s.cfg.Store
	}
	c := s.siblings.custody
	return c, fenced{records: s.cfg.Store, pen: s.cfg.Store.Under(c.fence), custody: c}
}

// voice returns what a wallet's executor speaks through and writes in: among siblings, what asks first whether it may.
func (s *sharing) voice(wallet chain.WalletID, channel executor.Channel, log records) (executor.Channel, coordination.Journal) {
	if s.siblings == nil {
		return channel, log
	}
	m := newMouth(wallet, s.siblings.custody, s.siblings.desk, channel, log)
	return m, m
}

// term returns the responsibility under which a wallet's backend is asked: that of the only node is the zero term.
func (s *sharing) term(wallet chain.WalletID) (signer.Term, bool) {
	if s.siblings == nil {
		return signer.Term{}, true
	}
	generation, epoch, served := s.siblings.custody.responsibility(wallet)
	return signer.Term{Generation: generation, Epoch: uint64(epoch)}, served
}

// generation is the term under which keys are generated, which belong to no wallet yet.
func (s *sharing) generation(ctx context.Context) (signer.Term, error) {
	if s.siblings == nil {
		return signer.Term{}, nil
	}
	view, err := s.cfg.Store.View(ctx)
	return signer.Term{Generation: view.Number}, err
}

// instanceGone reports whether an instance does not run: nothing of it is in the directory, or its session is over.
func (s *sharing) instanceGone(ctx context.Context, instance string) (bool, error) {
	if s.siblings == nil {
		return true, nil // whoever else it was, this node is the only one now
	}
	view, err := s.cfg.Store.View(ctx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(view.Members, func(m cluster.Member) bool { return string(m.Instance) == instance && m.Live() }), nil
}

// run runs what the instances share until ctx ends. The session ends a moment later: what the node has brought to its
// end is stored first, and then the wallets are given back.
func (s *sharing) run(ctx context.Context, g *errgroup.Group, written <-chan struct{}) {
	s.lists.run(ctx, g)
	if s.siblings == nil {
		return
	}
	session, end := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error {
		defer end()
		return s.siblings.Run(session)
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
	g.Go(func() error { return s.guard.Run(ctx) })
	if s.cfg.Chain.endpoints != nil {
		v := &verdicts{
			instance: string(s.cfg.Cluster.Instance), snapshot: s.cfg.Chain.endpoints.Snapshot, set: s.lists.store.SetVerdicts,
			timeout: s.cfg.Cluster.Timing.Renewal, log: s.cfg.Logger("cluster"),
		}
		g.Go(func() error { return v.Run(ctx) })
	}
}

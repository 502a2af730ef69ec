package node

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/net"
)

const (
	// lonelyPause is the time between two looks at the shared lists where nobody shares them: they change through this process,
	// which nudges the watch, or while it did not run.
	lonelyPause = 2 * time.Second
	// watchTimeout is how long one look at the shared lists is waited for.
	watchTimeout = 2 * time.Second
)

// lists are what instances share, as this one last read it: each is read again whenever its version has moved. On a database of its own a
// node has bans alone.
type lists struct {
	store    shared.Store
	watch    *shared.Watch
	bans     *bans
	halts    *halts
	opinions *opinions // of the siblings; nil without any
	referee  *referee  // nil where nobody is banned automatically
}

// banner is a network that keeps operators and peers away; a net.Host is one.
type banner interface{ SetBans(list []net.Ban) error }

// openLists makes the lists, and says who reads which of them again.
func (s *sharing) openLists() (l lists, err error) {
	l = lists{store: s.cfg.Store, halts: newHalts(), bans: &bans{read: s.cfg.Store.Bans, enforce: s.keepAway}}
	handlers := map[shared.Topic]func(context.Context) error{shared.TopicBans: l.bans.reread}
	if s.cfg.Bans.On {
		l.referee = &referee{
			cfg: s.cfg.Bans, self: s.cfg.Operator.Address, height: s.cfg.Chain.clock.Height, faults: s.cfg.Store.Faults, banned: l.bans.banned,
			ban: func(ctx context.Context, b shared.Ban, lasts time.Duration) error {
				_, err := s.cfg.Store.AddBan(ctx, b, lasts)
				return s.change(err)
			},
			log: s.cfg.Logger("cluster"), woken: make(chan struct{}, 1),
		}
		handlers[shared.TopicFaults] = l.referee.look
	}
	pause := lonelyPause
	if s.cfg.Cluster != nil {
		pause = shared.Pause
		handlers[shared.TopicHalts] = l.rereadHalts
		handlers[shared.TopicWishes] = s.rereadWishes
		if s.cfg.Chain.endpoints != nil {
			l.opinions = &opinions{read: s.cfg.Store.Verdicts}
			handlers[shared.TopicVerdicts] = l.opinions.reread
		}
	}
	l.watch, err = shared.NewWatch(shared.WatchConfig{
		Versions: s.cfg.Store.Versions, Handlers: handlers, Pause: pause, Timeout: watchTimeout, Logger: s.cfg.Logger("cluster"),
	})
	return l, err
}

// run reads the lists again, and judges by them, until ctx ends.
func (l lists) run(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return l.watch.Run(ctx) })
	if l.referee != nil {
		g.Go(func() error { return l.referee.Run(ctx) })
	}
}

// keepAway has the network keep away who is banned, if it can.
func (s *sharing) keepAway(list []shared.Ban) {
	network, ok := s.cfg.Network.(banner)
	if !ok {
		return
	}
	bans := make([]net.Ban, len(list))
	for i, b := range list {
		bans[i] = net.Ban{Operator: b.Operator, Peer: b.Peer, Until: b.Until, Reason: b.Reason}
	}
	if err := network.SetBans(bans); err != nil {
		s.cfg.Logger("net").Warn("Some bans cannot be", "error", err)
	}
}

func (l lists) rereadHalts(ctx context.Context) error {
	asked := time.Now()
	list, err := l.store.Halts(ctx)
	if err == nil {
		l.halts.list(list, asked)
	}
	return err
}

func (s *sharing) rereadWishes(ctx context.Context) error {
	list, err := s.cfg.Store.Wishes(ctx)
	if err == nil {
		s.siblings.wished(list)
	}
	return err
}
